//! Captures as Parquet files.

mod columns;
pub(in crate::capture) mod seal;
mod writer;

use parquet::file::metadata::ParquetMetaData;

pub use columns::{ColumnProblem, check_columns};
pub use seal::{SealError, Sealed, seal};
pub use writer::{CaptureWriter, ROW_GROUP_ROWS, WriteError, WriterOptions};

use super::footer::{self, FooterError};
use super::metadata::CaptureInfo;

/// The document in the footer of a Parquet file.
///
/// # Errors
/// Any [`FooterError`].
pub fn capture_info(footer: &ParquetMetaData) -> Result<CaptureInfo, FooterError> {
    let pairs = footer.file_metadata().key_value_metadata().map_or(&[][..], Vec::as_slice);
    footer::capture_info(|key| {
        pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref())
    })
}
