//! Looks for originals in what is handed on.
//!
//! Decoded text is searched for all of them. Bytes as they lie in the file, and
//! pages as they unpack, are searched for those of 8 bytes and more: compressed
//! bytes are as good as random, so one of 1,000 names of 4 bytes would be found in
//! every other file of 2 MB by chance, one of 1,000,000 names of 8 bytes in one of
//! nine million. Short ones are in the decoded text, too, if they are there at all.

use std::ops::Range;

use aho_corasick::{AhoCorasick, BuildError};

use super::vocabulary;

/// Bytes of an original that is looked for in bytes, and inside of words.
const LONG: usize = 8;
/// Originals of an automaton, which takes some 50 MB for so many.
const TOGETHER: usize = 50_000;

/// How an original must lie to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Rule {
    /// Anywhere.
    Anywhere,
    /// Between other characters than letters and digits: it is short.
    Word,
    /// Not as a part of a longer address.
    Address,
}

impl Rule {
    fn allows(self, bytes: &[u8], at: Range<usize>) -> bool {
        let neighbours =
            [at.start.checked_sub(1).and_then(|before| bytes.get(before)), bytes.get(at.end)];
        let inside = |byte: &u8| match self {
            Self::Anywhere => false,
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::Address => byte.is_ascii_hexdigit() || b".:".contains(byte),
        };
        !neighbours.into_iter().flatten().any(inside)
    }
}

/// What to look for.
pub struct Search {
    long: Vec<Automaton>,
    short: Vec<Automaton>,
}

struct Automaton {
    machine: AhoCorasick,
    patterns: Vec<(Box<str>, Rule)>,
}

impl Automaton {
    fn all(patterns: Vec<(Box<str>, Rule)>) -> Result<Vec<Self>, BuildError> {
        let together = patterns.chunks(TOGETHER).map(|patterns| {
            let machine = AhoCorasick::new(patterns.iter().map(|(text, _)| text.as_bytes()))?;
            Ok(Self { machine, patterns: patterns.to_vec() })
        });
        together.collect()
    }

    fn find<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        // A hit that does not count must not hide another.
        let hits = self.machine.find_overlapping_iter(bytes);
        hits.map(|hit| (hit.pattern().as_usize(), hit.range()))
            .filter(|(pattern, range)| self.patterns[*pattern].1.allows(bytes, range.clone()))
            .map(|(pattern, _)| pattern)
    }
}

impl Search {
    /// For names and addresses. Those that the format itself has are left out.
    ///
    /// # Errors
    /// When they are too many for the library.
    pub fn new(names: Vec<Box<str>>, addresses: Vec<Box<str>>) -> Result<Self, BuildError> {
        let rule = |text: &str| if text.len() < LONG { Rule::Word } else { Rule::Anywhere };
        let names = names.into_iter().map(|name| (rule(&name), name));
        let addresses = addresses.into_iter().map(|address| (Rule::Address, address));
        let all = names.chain(addresses).filter(|(_, text)| !text.is_empty());
        let (long, short): (Vec<_>, Vec<_>) =
            all.map(|(rule, text)| (text, rule)).partition(|(text, _)| text.len() >= LONG);
        let own = vocabulary::text();
        let others = |patterns: Vec<(Box<str>, Rule)>| -> Result<Vec<Automaton>, BuildError> {
            let mut left = Vec::new();
            for automaton in Automaton::all(patterns)? {
                let mut known = vec![false; automaton.patterns.len()];
                automaton.find(own.as_bytes()).for_each(|pattern| known[pattern] = true);
                let patterns = automaton.patterns.into_iter().zip(known);
                left.extend(patterns.filter(|(_, known)| !known).map(|(pattern, _)| pattern));
            }
            Automaton::all(left)
        };
        Ok(Self { long: others(long)?, short: others(short)? })
    }

    /// An original in a text.
    pub fn in_text(&self, text: &str) -> Option<&str> {
        let numbers = |c: char| c.is_ascii_digit() || " -,\t".contains(c);
        // Settings, ports and ids; not addresses.
        if text.chars().all(numbers) {
            return None;
        }
        find(&self.short, text.as_bytes()).or_else(|| self.in_bytes(text.as_bytes()))
    }

    /// A long original in bytes.
    pub fn in_bytes(&self, bytes: &[u8]) -> Option<&str> {
        find(&self.long, bytes)
    }

    /// How many are looked for.
    pub fn len(&self) -> usize {
        let all = self.long.iter().chain(&self.short);
        all.map(|automaton| automaton.patterns.len()).sum()
    }
}

fn find<'a>(automata: &'a [Automaton], bytes: &[u8]) -> Option<&'a str> {
    let found = |automaton: &'a Automaton| {
        let pattern = automaton.find(bytes).next()?;
        Some(&*automaton.patterns[pattern].0)
    };
    automata.iter().find_map(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(names: &[&str], addresses: &[&str]) -> Search {
        let boxed = |texts: &[&str]| texts.iter().map(|text| Box::from(*text)).collect();
        Search::new(boxed(names), boxed(addresses)).expect("an automaton")
    }

    #[test]
    fn originals_are_found_where_they_are() {
        let search = search(&["sh", "postgres", "web-1"], &["10.0.0.1", "10.0.0.12", "fe80::1"]);
        assert_eq!(search.len(), 6);
        assert_eq!(search.in_text("a postgresql"), Some("postgres"));
        assert_eq!(search.in_text("/bin/sh -c"), Some("sh"));
        assert_eq!(search.in_text("on web-1."), Some("web-1"));
        assert_eq!(search.in_text("10.0.0.12"), Some("10.0.0.12"));
        assert_eq!(search.in_text("10.0.0.0/8 10.0.0.1/32"), Some("10.0.0.1"));
        for clean in ["shell", "fish", "110.0.0.1", "10.0.0.120", "fe80::11", "web-12", ""] {
            assert_eq!(search.in_text(clean), None, "{clean}");
        }
        assert_eq!(search.in_bytes(b"\x00\xffpostgres\x00"), Some("postgres"));
        assert_eq!(search.in_bytes(b"\x08\x00\x00\x0010.0.0.1\x08"), Some("10.0.0.1"));
        assert_eq!(search.in_bytes(b"sh web-1"), None);
    }

    #[test]
    fn words_of_the_format_are_nobodys() {
        let search = search(&["host", "established", "record", "latency_ns", "postgres"], &[]);
        assert_eq!(search.len(), 1);
    }
}
