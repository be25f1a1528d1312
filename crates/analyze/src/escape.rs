//! Text from a capture on its way to a terminal, a spreadsheet or a web page.
//!
//! Thread names, cgroup paths and host names are whatever a process or a
//! file's author chose. Each output format has characters that would act
//! rather than show; these functions make them visible instead.

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

/// For a CSV text cell, before quoting: spreadsheets take these first
/// characters for a formula, which a leading `'` prevents.
pub fn csv(text: &str) -> String {
    let formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|', '%']);
    let shown = terminal(text);
    if formula { format!("'{shown}") } else { shown }
}

/// For a Markdown table cell: no markup, no HTML, one line.
pub fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in terminal(text).chars() {
        match c {
            // Entities, because not every renderer takes `\<`.
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
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

    const HOSTILE: &str = "\u{1b}]0;x\u{7}<script>|=1+1";

    #[test]
    fn terminal_shows_what_would_act() {
        assert_eq!(terminal(HOSTILE), r"\x1b]0;x\x07<script>|=1+1");
        assert_eq!(terminal("a\u{202e}b\u{200b}\u{9b}"), r"a\u{202e}b\u{200b}\x9b");
        assert_eq!(terminal("a\r\n\tb\u{7f}"), r"a\x0d\x0a\x09b\x7f");
        assert_eq!(terminal("café 東京"), "café 東京");
    }

    #[test]
    fn csv_defuses_formulas() {
        for formula in ["=1+1", "+1", "-1", "@x", "＝1"] {
            assert_eq!(csv(formula), format!("'{formula}"));
        }
        assert_eq!(csv("\t=1"), r"'\x09=1");
        assert_eq!(csv("\r=1"), r"'\x0d=1");
        assert_eq!(csv("a=1"), "a=1");
        assert_eq!(csv(""), "");
    }

    #[test]
    fn markdown_has_no_markup_left() {
        assert_eq!(markdown(HOSTILE), r"\\x1b\]0;x\\x07&lt;script&gt;\|=1+1");
        assert_eq!(markdown("a_b*`[x]\\&\n"), r"a\_b\*\`\[x\]\\&amp;\\x0a");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({"name": "\u{1b}\u{7f}\u{202e}\u{e0041}é", "rows": [1]});
        let document = json_document(&serde_json::to_string_pretty(&value).expect("json"));
        assert!(document.contains(r"\u007f\u202e\udb40\udc41é"), "{document}");
        let read: serde_json::Value = serde_json::from_str(&document).expect("still json");
        assert_eq!(read, value);
    }
}
