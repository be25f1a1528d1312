//! Facts about a host, as a bundle has them, by name: whatever a later recorder adds
//! is shown, too.

use serde_json::Value;

/// Facts that are kept, and characters of one.
const FACTS: usize = 300;
const LONGEST: usize = 2_000;
/// What is not known.
const UNKNOWN: &str = "unknown";

/// The facts of a document, names and values, not escaped.
///
/// # Errors
/// A sentence without its subject.
pub(super) fn read(json: &[u8]) -> Result<Vec<(String, String)>, String> {
    let document: Value = serde_json::from_slice(json).map_err(|error| {
        let error = crate::escape::terminal(&error.to_string());
        format!("is not what `record` writes ({error})")
    })?;
    let Value::Object(facts) = document else {
        return Err("is not what `record` writes (no object)".to_owned());
    };
    let mut all = Vec::new();
    for (name, value) in &facts {
        flatten(name, value, &mut all);
    }
    match all.len() {
        0 => Err("is empty".to_owned()),
        _ => Ok(all),
    }
}

/// Facts inside others are named by both. serde_json bounds how deep they lie.
fn flatten(name: &str, value: &Value, all: &mut Vec<(String, String)>) {
    if all.len() >= FACTS {
        return;
    }
    let shown = match value {
        Value::Object(inside) => {
            for (inner, value) in inside {
                flatten(&short(&format!("{name} {inner}")), value, all);
            }
            return;
        }
        Value::Null => UNKNOWN.to_owned(),
        Value::String(text) => lines(text),
        other => other.to_string(),
    };
    all.push((short(name), short(&shown)));
}

/// The lines of a file that say something, as one.
fn lines(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    // Columns are aligned with many spaces.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.contains('\n') {
        true => lines.map(words).collect::<Vec<_>>().join("; "),
        false => text.to_owned(),
    }
}

fn short(text: &str) -> String {
    crate::escape::cut(text, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(json: &str) -> Vec<(String, String)> {
        read(json.as_bytes()).expect("facts")
    }

    #[test]
    fn facts_have_the_names_of_where_they_lie() {
        let facts = named(
            r##"{"version": 1, "memory": {"total_bytes": 12, "swap": null},
            "files": {"/etc/resolv.conf": "# x\nnameserver   10.0.0.2\n\noptions a\n"}}"##,
        );
        let expected = [
            ("files /etc/resolv.conf", "nameserver 10.0.0.2; options a"),
            ("memory swap", "unknown"),
            ("memory total_bytes", "12"),
            ("version", "1"),
        ];
        assert_eq!(facts, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_no_document_of_ours_is_said() {
        for wrong in ["", "[1]", "{}", "{", "\u{1b}[2J", "{\"a\":{}}"] {
            let why = read(wrong.as_bytes()).expect_err(wrong);
            assert!(why.starts_with("is ") && !why.contains('\u{1b}'), "{why}");
        }
        let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        assert!(read(deep.as_bytes()).is_err());
    }

    #[test]
    fn many_facts_and_long_ones_are_cut() {
        let many: String = (0..5_000).map(|n| format!("\"f{n}\": \"v\",")).collect();
        assert_eq!(named(&format!("{{{many}\"last\": 1}}")).len(), FACTS);
        let facts = named(&format!("{{\"a\": \"{}\"}}", "x".repeat(100_000)));
        assert_eq!(facts[0].1.chars().count(), LONGEST);
        let long = format!("{{\"{}\": {{\"b\": 1}}}}", "n".repeat(100_000));
        assert!(named(&long)[0].0.chars().count() <= LONGEST);
    }
}
