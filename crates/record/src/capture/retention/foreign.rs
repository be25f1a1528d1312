//! Files in a flight recorder's directories that are none of its segments.

use std::collections::HashSet;
use std::fs::File;
use std::time::SystemTime;

use crate::files::FileId;

/// Most files that are remembered, some 1 MB: others can put any number there.
const MOST_REMEMBERED: usize = 10_000;

/// Files that were looked at and are no segments of ours, as they were then:
/// they are not read again at every look.
#[derive(Debug, Default)]
pub struct Foreign(HashSet<(FileId, u64, SystemTime)>);

impl Foreign {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is found in a file, unless it is known to be foreign; nothing makes
    /// it so.
    pub fn look_once<T>(&mut self, file: &File, look: impl FnOnce() -> Option<T>) -> Option<T> {
        let metadata = file.metadata().ok()?;
        let key = (FileId::of(file).ok()?, metadata.len(), metadata.modified().ok()?);
        if self.0.contains(&key) {
            return None;
        }
        let found = look();
        if found.is_none() {
            if self.0.len() >= MOST_REMEMBERED {
                self.0.clear();
            }
            self.0.insert(key);
        }
        found
    }
}
