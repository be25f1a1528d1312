//! Names become words: equal names equal words, and no two names one word.

use std::collections::{HashMap, HashSet};

use super::key::{Key, hex};

/// Letters and digits that are not taken for each other: five bits each.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a word, 40 bits. A name whose word is taken gets more.
const SHORT: usize = 8;
const LONG: usize = 24;
/// Parts of a cgroup path that get a word each. The kernel's own limit of depth
/// is far beyond what anybody builds; what lies deeper becomes one word.
const DEEPEST: usize = 64;
/// What systemd's names of units end with says what a cgroup is, not whose.
const UNITS: [&str; 3] = [".service", ".scope", ".slice"];

/// What a name is of: names of different kinds get different words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Host,
    Process,
    /// One part of a cgroup path.
    Cgroup,
    /// A text in the place of an address.
    Address,
    /// An outcome of a later version.
    Outcome,
    Boot,
    Machine,
}

impl Kind {
    /// Whether `--keep-names` leaves it as it is.
    pub fn is_kept_with_names(self) -> bool {
        matches!(self, Self::Host | Self::Process | Self::Cgroup)
    }

    /// What its words begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Process => "proc",
            Self::Cgroup => "cg",
            Self::Address => "addr",
            Self::Outcome => "outcome",
            Self::Boot => "boot",
            Self::Machine => "machine",
        }
    }
}

/// The words that stand for names.
#[derive(Default)]
pub struct Words {
    of: HashMap<(Kind, Box<str>), Box<str>>,
    given: HashSet<Box<str>>,
}

impl Words {
    /// Words for names, which are sorted so that the same names always get the
    /// same words. None of them is a name that is replaced.
    pub fn new(key: &Key, mut names: Vec<(Kind, &str)>) -> Self {
        names.sort_by_key(|(kind, name)| (kind.prefix(), *name));
        names.dedup();
        let originals: HashSet<&str> = names.iter().map(|(_, name)| *name).collect();
        let mut words = Self::default();
        for (kind, name) in names.iter().filter(|(_, name)| !name.is_empty()) {
            let mac = key.mac(kind.prefix(), name);
            let lengths = (SHORT..=LONG).step_by(SHORT);
            let free = lengths.map(|length| word(*kind, name, &mac, length)).find(|word| {
                !words.given.contains(word.as_str()) && !originals.contains(word.as_str())
            });
            // 120 bits are not equal by chance.
            let word: Box<str> = free.unwrap_or_else(|| hex(&mac)).into();
            words.given.insert(word.clone());
            words.of.insert((*kind, (*name).into()), word);
        }
        words
    }

    /// The word of a name; an empty one stays empty. None if the name is new.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&str> {
        match name {
            "" => Some(""),
            name => self.of.get(&(kind, name.into())).map(Box::as_ref),
        }
    }

    /// The path of a cgroup, part by part: what lies below what stays visible.
    pub fn path(&self, path: &str) -> Option<String> {
        let mut out = String::with_capacity(path.len());
        for (index, part) in parts(path).enumerate() {
            if index > 0 {
                out.push('/');
            }
            out.push_str(self.get(Kind::Cgroup, part)?);
        }
        Some(out)
    }

    /// Whether a text is a word, or made of words as a path is.
    pub fn made(&self, text: &str) -> bool {
        text.split('/').all(|part| part.is_empty() || self.given.contains(part))
    }
}

/// The parts of a path that get words, in order.
pub fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.splitn(DEEPEST, '/')
}

fn word(kind: Kind, name: &str, mac: &[u8; 32], length: usize) -> String {
    match kind {
        // Boots and machines look as they did: as a UUID, as a hash.
        Kind::Boot => {
            let all = hex(&mac[..16]);
            let [a, b, c, d, e] = [&all[..8], &all[8..12], &all[12..16], &all[16..20], &all[20..]];
            return format!("{a}-{b}-{c}-{d}-{e}");
        }
        Kind::Machine => return hex(mac),
        _ => {}
    }
    let bit = |at: usize| usize::from(mac[at / 8] >> (at % 8) & 1);
    let letter = |at: usize| (0..5).fold(0, |five, n| five * 2 + bit(at * 5 + n));
    let letters: String = (0..length).map(|at| char::from(LETTERS[letter(at)])).collect();
    let unit = UNITS.into_iter().find(|unit| kind == Kind::Cgroup && name.ends_with(unit));
    format!("{}-{letters}{}", kind.prefix(), unit.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_get_equal_words_and_others_others() {
        let key = Key::thrown_away().expect("a key");
        let names: Vec<String> = (0..20_000).map(|n| format!("name {n}")).collect();
        let names: Vec<(Kind, &str)> = names
            .iter()
            .flat_map(|name| [(Kind::Process, name.as_str()), (Kind::Host, name.as_str())])
            .collect();
        let words = Words::new(&key, names.iter().rev().copied().collect());
        let again = Words::new(&key, names.clone());
        let mut all = HashSet::new();
        for (kind, name) in names {
            let word = words.get(kind, name).expect("a word");
            assert_eq!(again.get(kind, name), Some(word));
            assert!(all.insert(word), "{word} stands for two names");
            assert!(word.len() <= 15 && words.made(word));
        }
        assert_eq!(words.get(Kind::Host, "another"), None);
        assert_eq!(words.get(Kind::Host, ""), Some(""));
    }

    #[test]
    fn a_word_that_is_a_name_is_not_given() {
        let key = Key::thrown_away().expect("a key");
        let words = Words::new(&key, vec![(Kind::Host, "web-1")]);
        let word = words.get(Kind::Host, "web-1").expect("a word").to_owned();
        // As if somebody had called a machine by it.
        let words = Words::new(&key, vec![(Kind::Host, "web-1"), (Kind::Host, &word)]);
        let other = words.get(Kind::Host, "web-1").expect("a word");
        assert!(other != word && other.starts_with(&word), "{word} {other}");
    }

    #[test]
    fn what_lies_below_what_stays_visible() {
        let key = Key::thrown_away().expect("a key");
        let (a, b) = ("/kubepods.slice/pod-1/x.scope", "/kubepods.slice/pod-2");
        let names = parts(a).chain(parts(b)).map(|part| (Kind::Cgroup, part));
        let words = Words::new(&key, names.collect());
        let (a, b) = (words.path(a).expect("a path"), words.path(b).expect("a path"));
        let (of_a, of_b): (Vec<_>, Vec<_>) = (a.split('/').collect(), b.split('/').collect());
        assert_eq!((of_a[0], of_a.len(), of_b.len()), ("", 4, 3));
        assert_eq!(of_a[1], of_b[1]);
        assert_ne!(of_a[2], of_b[2]);
        assert!(of_a[1].ends_with(".slice") && of_a[3].ends_with(".scope"));
        assert_eq!(words.path("/"), Some("/".to_owned()));
        assert_eq!(words.path(""), Some(String::new()));
        let deep = "/x".repeat(500);
        assert_eq!(parts(&deep).count(), DEEPEST);
    }
}
