//! Rows on the disk for a while: in a file without a name, which is gone when
//! this program is, however it ends.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom};
use std::path::Path;

use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;

use super::MergeError;

/// Batches in a file, if there are any.
pub(super) struct Spill<'a> {
    directory: &'a Path,
    file: Option<File>,
    bytes: u64,
}

impl<'a> Spill<'a> {
    pub(super) fn new(directory: &'a Path) -> Self {
        Self { directory, file: None, bytes: 0 }
    }

    /// Bytes written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a batch; returns where it is.
    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<u64, MergeError> {
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::tempfile_in(self.directory).map_err(failed)?,
        };
        let mut file = self.file.insert(file);
        let place = self.bytes;
        file.seek(SeekFrom::Start(place)).map_err(failed)?;
        let mut writer =
            StreamWriter::try_new(BufWriter::new(&mut file), rows.schema_ref()).map_err(failed)?;
        writer.write(rows).map_err(failed)?;
        writer.finish().map_err(failed)?;
        drop(writer.into_inner().map_err(failed)?);
        self.bytes = file.stream_position().map_err(failed)?;
        Ok(place)
    }

    /// The batch at a place.
    pub(super) fn read(&mut self, place: u64) -> Result<RecordBatch, MergeError> {
        let Some(mut file) = self.file.as_ref() else { return Err(failed("it is gone")) };
        file.seek(SeekFrom::Start(place)).map_err(failed)?;
        let input = BufReader::new(file.take(self.bytes - place));
        let mut batches = StreamReader::try_new(input, None).map_err(failed)?;
        match batches.next() {
            Some(rows) => rows.map_err(failed),
            None => Err(failed("it is empty")),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> MergeError {
    MergeError::Spill(crate::escape::terminal(&error.to_string()))
}
