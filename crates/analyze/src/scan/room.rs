//! What the pages of row groups may take: at a time, and all together.

use std::sync::atomic::{AtomicU64, Ordering};

use parquet::file::metadata::RowGroupMetaData;

use crate::capture::Problem;

/// How many times its size a row group unpacks to. Of captures of `record` it is 2 at
/// most, of those rewritten without dictionaries some 15.
const TIMES: u64 = 200;
/// Bytes that row groups read in a pass may unpack to beyond that.
const BEYOND: u64 = 1 << 30;

/// What the pages of row groups may take in one pass over them.
pub struct Room {
    /// Bytes at a time.
    pub(super) bytes: u64,
    /// What they unpack to beyond what those of captures do: a small file must not keep
    /// a processor busy with gigabytes.
    beyond: AtomicU64,
}

impl Room {
    /// For a pass that may hold so many bytes of pages at a time.
    pub fn new(bytes: u64) -> Self {
        Self { bytes, beyond: AtomicU64::new(0) }
    }

    /// The same for another pass.
    pub fn again(&self) -> Self {
        Self::new(self.bytes)
    }

    /// Adds a row group that unpacks to so many bytes.
    ///
    /// # Errors
    /// [`Problem`] when all together unpack to too much.
    pub(super) fn add(&self, group: &RowGroupMetaData, unpacked: u64) -> Result<(), Problem> {
        let bytes = group.compressed_size().unsigned_abs();
        let beyond = unpacked.saturating_sub(bytes.saturating_mul(TIMES));
        if self.beyond.fetch_add(beyond, Ordering::Relaxed).saturating_add(beyond) > BEYOND {
            return Err(Problem::damaged("its pages unpack to far more than a capture's"));
        }
        Ok(())
    }
}
