//! Text of unknown origin on its way to a terminal or into JSON.
//!
//! Thread names, cgroup paths and host names are whatever a process or a
//! file's author chose. Characters that would act rather than show are made
//! visible instead.

use std::fmt::Write;

/// Characters that a terminal acts on, that reorder the text around them, or
/// that do not show at all.
fn acts_or_hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// For a terminal: such characters become `\x1b` or `\u{202e}`.
pub fn terminal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !acts_or_hides(c) {
            out.push(c);
        } else if u32::from(c) <= 0xff {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        } else {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
    }
    out
}

/// For a finished JSON document: escapes what serde_json leaves as it is.
/// Outside strings JSON holds none of these characters but line breaks, so
/// the document means the same afterwards.
pub fn json_document(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !acts_or_hides(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(terminal("\u{1b}]0;x\u{7}<b>|=1+1"), "\\x1b]0;x\\x07<b>|=1+1");
        assert_eq!(terminal("a\u{202e}b\u{9b}c"), "a\\u{202e}b\\x9bc");
        assert_eq!(terminal("café 東京"), "café 東京");
    }

    #[test]
    fn a_json_document_keeps_its_meaning() {
        assert_eq!(json_document("{\"a\":\"\u{7f}\u{202e}\"}\n"), "{\"a\":\"\\u007f\\u202e\"}\n");
    }
}
