//! Groups by their words: a number for each, in one block of memory.

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::text::Texts;

/// Groups met so far.
#[derive(Debug, Clone)]
pub struct Table {
    width: usize,
    words: Vec<u64>,
    len: usize,
    index: HashTable<u32>,
    hasher: Texts,
}

impl Table {
    /// Of groups of so many words.
    pub fn new(width: usize, hasher: RandomState) -> Self {
        let (words, len, index) = (Vec::new(), 0, HashTable::new());
        Self { width, words, len, index, hasher: Texts::with(hasher) }
    }

    /// The words of a group.
    pub fn words(&self, group: usize) -> &[u64] {
        &self.words[group * self.width..][..self.width]
    }

    fn hash(&self, words: &[u64]) -> u64 {
        self.hasher.hash_words(words)
    }

    /// The group with these words.
    pub fn find(&self, words: &[u64]) -> Option<usize> {
        if self.width == 0 {
            return (self.len > 0).then_some(0);
        }
        let found = self.index.find(self.hash(words), |group| self.words(*group as usize) == words);
        found.map(|group| *group as usize)
    }

    /// The group with these words, a new one if there is none.
    pub fn number(&mut self, words: &[u64]) -> usize {
        if let Some(group) = self.find(words) {
            return group;
        }
        let group = self.len;
        self.words.extend_from_slice(words);
        self.len += 1;
        if self.width > 0 {
            let (width, all, hasher) = (self.width, &self.words, &self.hasher);
            // Fewer than rows, which are fewer than 2^32.
            self.index.insert_unique(hasher.hash_words(words), group as u32, |group| {
                hasher.hash_words(&all[*group as usize * width..][..width])
            });
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_are_the_same_group() {
        let mut table = Table::new(2, RandomState::default());
        let number = |table: &mut Table, n: u64| table.number(&[n % 50, n % 3]);
        let groups: Vec<usize> = (0..600).map(|n| number(&mut table, n)).collect();
        assert_eq!(table.len, 150);
        assert_eq!(groups[..150], groups[300..450]);
        assert_eq!(table.words(groups[7]), [7, 1]);
        assert_eq!(table.find(&[50, 0]), None);
    }

    #[test]
    fn without_words_there_is_one_group() {
        let mut table = Table::new(0, RandomState::default());
        assert_eq!(table.find(&[]), None);
        assert_eq!((table.number(&[]), table.number(&[]), table.len), (0, 0, 1));
    }
}
