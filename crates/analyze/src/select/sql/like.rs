//! `LIKE` as DuckDB has it: `%` any text, `_` one character, and nothing is an
//! escape unless `ESCAPE` says so. It becomes a regular expression.

use super::{Refused, quote};

/// Bytes that a compiled regular expression may take.
const MOST_BYTES: usize = 1 << 20;

/// The regular expression for a pattern.
///
/// # Errors
/// [`Refused`] if the pattern ends with its escape, or is too large.
pub(super) fn pattern(
    text: &str,
    escape: Option<char>,
    ignore_case: bool,
) -> Result<String, Refused> {
    let mut regex = String::from(if ignore_case { r"(?si)\A" } else { r"(?s)\A" });
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let plain = match c {
            c if Some(c) == escape => match chars.next() {
                Some(c) => c,
                None => return Err(Refused("a LIKE pattern ends with its ESCAPE".to_owned())),
            },
            '%' => {
                regex.push_str(".*");
                continue;
            }
            '_' => {
                regex.push('.');
                continue;
            }
            c => c,
        };
        regex.push_str(&regex::escape(plain.encode_utf8(&mut [0; 4])));
    }
    regex.push_str(r"\z");
    tried(&regex).map_err(|_| Refused(format!("the pattern {} is too large", quote(text))))?;
    Ok(regex)
}

/// A regular expression as typed.
///
/// # Errors
/// [`Refused`] if it is none, or too large.
pub(super) fn regex(typed: &str) -> Result<String, Refused> {
    tried(typed).map_err(|error| {
        let why = match error {
            regex::Error::CompiledTooBig(_) => "it is too large",
            _ => "it is not well formed, or uses what this program does not know",
        };
        Refused(format!("the regular expression {} cannot be used: {why}", quote(typed)))
    })?;
    Ok(typed.to_owned())
}

fn tried(regex: &str) -> Result<(), regex::Error> {
    regex::RegexBuilder::new(regex).size_limit(MOST_BYTES).build().map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, typed: &str, escape: Option<char>, ignore_case: bool) -> bool {
        let regex = pattern(typed, escape, ignore_case).expect("a pattern");
        regex::Regex::new(&regex).expect("an expression").is_match(text)
    }

    #[test]
    fn patterns() {
        for (text, pattern) in [
            ("nginx", "ngin%"),
            ("nginx", "n_i%x"),
            ("", "%"),
            ("", ""),
            ("a\nb", "a%b"),
            ("größe", "gr__e"),
            (r"a\_b", r"a\_b"),
            ("aXbXc", "%X%c"),
            ("a.b", "a.b"),
        ] {
            assert!(like(text, pattern, None, false), "{text} {pattern}");
        }
        for (text, pattern) in [
            ("nginx", "ngin"),
            ("nginx", "_nginx"),
            ("", "_"),
            ("a_b", r"a\_b"),
            ("N", "n"),
            ("axb", "a.b"),
            ("a\n", "a"),
        ] {
            assert!(!like(text, pattern, None, false), "{text} {pattern}");
        }
        assert!(like("A_B", "a!_b", Some('!'), true) && !like("axb", "a!_b", Some('!'), true));
        assert!(pattern("a!", Some('!'), false).is_err());
    }
}
