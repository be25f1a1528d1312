//! The temporary file of a run: what of journals and bundles cannot be read where it
//! lies. It has no name, and is gone when this program is, however it ends.

use std::fmt::Display;
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Problem;
use super::shared_file::SharedFile;

/// Copies one after another in one file, so that they take one descriptor. One is
/// made at a time: each takes the memory of a row group.
#[derive(Default)]
pub(super) struct Copies(Mutex<Option<Arc<File>>>);

impl Copies {
    /// What `write` adds at the end, and what it says. `failed` says what it means
    /// that there is no file.
    ///
    /// # Errors
    /// As `write`, or as `failed` says.
    pub fn add<T>(
        &self,
        failed: impl Fn(&dyn Display) -> Problem,
        write: impl FnOnce(&File) -> Result<T, Problem>,
    ) -> Result<(T, SharedFile), Problem> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &*all {
            Some(file) => Arc::clone(file),
            None => {
                let file = tempfile::tempfile().map_err(|error| failed(&error))?;
                Arc::clone(all.insert(Arc::new(file)))
            }
        };
        let end = || (&*file).seek(SeekFrom::End(0)).map_err(|error| failed(&error));
        let begin = end()?;
        let said = write(&file);
        if said.is_err() {
            // What is left of it takes room; if it stays, it is read by nobody.
            let _ = file.set_len(begin);
        }
        let (said, end) = (said?, end()?);
        Ok((said, SharedFile::part(file, begin, end.saturating_sub(begin))))
    }
}
