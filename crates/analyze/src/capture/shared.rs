//! What all files of a run are opened with.

use super::parquet;
use super::temporary::Copies;

/// What files that are opened share.
#[derive(Default)]
pub(super) struct Shared {
    /// What is read from elsewhere than where it lies.
    pub copies: Copies,
    /// Footers in memory.
    pub footers: parquet::Kept,
}
