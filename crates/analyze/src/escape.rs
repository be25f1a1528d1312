//! Text from a capture on its way to a terminal, a spreadsheet or a web page.
//!
//! Thread names, cgroup paths and host names are whatever a process or a
//! file's author chose. Each output format has characters that would act
//! rather than show; these functions make them visible instead. What terminals
//! and JSON need is the schema crate's, for the recorder needs it too.

pub use connlat_schema::escape::{json_document, terminal};

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

/// The text with its middle left out if it is longer: names differ at their ends.
pub fn cut(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let tail = most / 2;
    let head = most.saturating_sub(tail + 1);
    let first = text.chars().take(head);
    first.chain(std::iter::once('…')).chain(text.chars().skip(length - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "\u{1b}]0;x\u{7}<script>|=1+1";

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
    fn names_keep_both_ends() {
        assert_eq!(cut("abcdefgh", 8), "abcdefgh");
        assert_eq!(cut("abcdefghi", 8), "abc…fghi");
        assert_eq!(cut(&"é".repeat(1_000), 24).chars().count(), 24);
    }
}
