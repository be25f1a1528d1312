//! `LIKE` as DuckDB has it: `%` any text, `_` one character, and nothing is an
//! escape unless `ESCAPE` says so.

use super::Refused;

/// A pattern, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    ignore_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Char(char),
    One,
    Any,
}

impl Pattern {
    /// From the text after LIKE or ILIKE.
    pub(super) fn new(
        text: &str,
        escape: Option<char>,
        ignore_case: bool,
    ) -> Result<Self, Refused> {
        let mut parts = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                c if Some(c) == escape => match chars.next() {
                    Some(c) => Part::Char(folded(c, ignore_case)),
                    None => {
                        return Err(Refused("a LIKE pattern ends with its ESCAPE".to_owned()));
                    }
                },
                '%' => Part::Any,
                '_' => Part::One,
                c => Part::Char(folded(c, ignore_case)),
            });
        }
        // Several in a row mean the same as one.
        parts.dedup_by(|a, b| *a == Part::Any && *b == Part::Any);
        Ok(Self { parts, ignore_case })
    }

    /// Whether the whole text is of this kind. Takes time in proportion to the
    /// text times the pattern, never more.
    pub(super) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().map(|c| folded(c, self.ignore_case)).collect();
        let (mut at, mut part) = (0, 0);
        // Where to go on if the text that a `%` stands for has to be longer.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    retry = Some((at, part + 1));
                    part += 1;
                    continue;
                }
                Some(Part::One) if at < text.len() => {
                    (at, part) = (at + 1, part + 1);
                    continue;
                }
                Some(Part::Char(c)) if text.get(at) == Some(c) => {
                    (at, part) = (at + 1, part + 1);
                    continue;
                }
                None if at == text.len() => return true,
                _ => {}
            }
            match retry {
                Some((from, after)) if from < text.len() => {
                    retry = Some((from + 1, after));
                    (at, part) = (from + 1, after);
                }
                _ => return false,
            }
        }
    }
}

fn folded(c: char, ignore_case: bool) -> char {
    if ignore_case { lower(c) } else { c }
}

/// One character for one, as DuckDB has it.
pub(super) fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// One character for one, as DuckDB has it.
pub(super) fn upper(c: char) -> char {
    let mut several = c.to_uppercase();
    match (several.next(), several.next()) {
        (Some(one), None) => one,
        _ if c == 'ß' => 'ẞ',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like(text: &str, pattern: &str) -> bool {
        Pattern::new(pattern, None, false).expect("a pattern").matches(text)
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
        ] {
            assert!(like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in
            [("nginx", "ngin"), ("nginx", "_nginx"), ("", "_"), ("a_b", r"a\_b"), ("N", "n")]
        {
            assert!(!like(text, pattern), "{text} {pattern}");
        }
        let escaped = Pattern::new("a!_b", Some('!'), true).expect("a pattern");
        assert!(escaped.matches("A_B") && !escaped.matches("axb"));
        assert!(Pattern::new("a!", Some('!'), false).is_err());
    }

    #[test]
    fn a_hard_pattern_takes_no_time() {
        let (text, pattern) = ("a".repeat(4_000), "%a".repeat(500) + "b");
        let start = std::time::Instant::now();
        assert!(!like(&text, &pattern));
        assert!(start.elapsed().as_secs() < 5);
    }
}
