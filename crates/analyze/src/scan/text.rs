//! Texts by number: a name of a destination or a process is kept once,
//! however many rows have it.

use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Number of a text that was not looked up yet.
pub const UNKNOWN: u32 = u32::MAX;
/// Number of a text that no group shown has; see [`Texts::only`].
pub const ABSENT: u32 = u32::MAX - 1;

/// Texts that all threads of a scan share.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    shared: Arc<Mutex<Table>>,
    hasher: RandomState,
    /// Whether texts that are not known stay so.
    closed: bool,
    /// Bytes to hold; see [`Texts::at_most`].
    most: Option<usize>,
}

/// Bytes that a text takes beside its own: where it ends, and its place in the index.
const BESIDE: usize = 16;

#[derive(Debug, Default)]
struct Table {
    /// Whether some texts have no number because there was no room.
    overflowed: bool,
    text: String,
    ends: Vec<usize>,
    index: HashTable<u32>,
}

impl Table {
    fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[number]]
    }
}

impl Texts {
    /// Knows these texts and takes no others.
    pub fn only<'a>(hasher: RandomState, texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self { hasher, ..Self::default() };
        texts.into_iter().for_each(|text| {
            all.number(text);
        });
        all.closed = true;
        all
    }

    /// Knows nothing yet, with a hash function that others use, too.
    pub fn with(hasher: RandomState) -> Self {
        Self { hasher, ..Self::default() }
    }

    /// Holds so many bytes; what is too much has no number.
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.most = Some(bytes);
        self
    }

    /// Bytes it may hold.
    pub fn most(&self) -> usize {
        self.most.unwrap_or(usize::MAX)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.table().ends.len()
    }

    /// Whether there were more than it may hold: then some have no number.
    pub fn are_too_many(&self) -> bool {
        self.table().overflowed
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a text, a new one if it is new.
    pub fn number(&self, text: &str) -> u32 {
        let hash = self.hash(text);
        let mut table = self.table();
        let known = table.index.find(hash, |number| table.get(*number) == text).copied();
        if let Some(number) = known {
            return number;
        }
        // Numbers are 32 bits; rows, and so texts, are fewer.
        let number = u32::try_from(table.ends.len()).unwrap_or(ABSENT);
        if self.closed || number >= ABSENT {
            return ABSENT;
        }
        let held = table.text.len() + text.len() + BESIDE * (table.ends.len() + 1);
        // The first has room whatever it takes, or nothing could be answered.
        if number > 0 && held > self.most() {
            table.overflowed = true;
            return ABSENT;
        }
        table.text.push_str(text);
        let end = table.text.len();
        table.ends.push(end);
        let Table { text, ends, index, .. } = &mut *table;
        index.insert_unique(hash, number, |number| {
            let number = *number as usize;
            let start = number.checked_sub(1).map_or(0, |before| ends[before]);
            self.hasher.hash_one(&text[start..ends[number]])
        });
        number
    }

    /// The number of a text, if it has one.
    pub fn known(&self, text: &str) -> Option<u32> {
        let table = self.table();
        table.index.find(self.hash(text), |number| table.get(*number) == text).copied()
    }

    /// A text by its number; nothing by a number that is none.
    pub fn text(&self, number: u32) -> String {
        self.with_text(number, str::to_owned)
    }

    /// What `use_it` makes of a text.
    pub fn with_text<T>(&self, number: u32, use_it: impl FnOnce(&str) -> T) -> T {
        let table = self.table();
        let known = (number as usize) < table.ends.len();
        use_it(if known { table.get(number) } else { "" })
    }

    /// All texts, by number.
    pub fn all(&self) -> Vec<String> {
        let table = self.table();
        (0..table.ends.len()).map(|number| table.get(number as u32).to_owned()).collect()
    }

    /// The hash of a text, the same in all scans of a run.
    pub fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }

    /// The hash of a number alike.
    pub fn hash_words(&self, words: &[u64]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        words.iter().for_each(|word| hasher.write_u64(*word));
        hasher.finish()
    }

    /// The hash function.
    pub fn hasher(&self) -> RandomState {
        self.hasher.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_text_has_the_same_number() {
        let texts = Texts::default();
        let numbers: Vec<u32> =
            (0..3_000).map(|n| texts.number(&format!("text {}", n % 1_000))).collect();
        assert_eq!(numbers[..1_000], numbers[2_000..]);
        assert_eq!(texts.text(numbers[17]), "text 17");
        assert_eq!(texts.all().len(), 1_000);
        assert_eq!(texts.text(UNKNOWN), "");
    }

    #[test]
    fn no_more_are_held_than_there_is_room_for() {
        let texts = Texts::default().at_most(100);
        let numbers = ["a".repeat(40), "b".repeat(40), "a".repeat(40), "c".repeat(8)];
        let numbers = numbers.map(|text| texts.number(&text));
        assert_eq!(numbers, [0, ABSENT, 0, 1]);
        assert!(texts.are_too_many());
    }

    #[test]
    fn closed_texts_take_no_others() {
        let texts = Texts::only(RandomState::default(), ["a", "", "b"]);
        assert_eq!(["", "b", "c"].map(|text| texts.number(text)), [1, 2, ABSENT]);
    }
}
