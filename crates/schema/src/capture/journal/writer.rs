//! Writing a journal.

use std::io::Write;

use arrow::ipc::writer::{
    DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions,
};
use arrow::record_batch::RecordBatch;

use super::super::metadata::{CaptureInfo, MetadataError};
use super::super::{columns, footer};
use super::message::{CONTINUATION, MAGIC, TRAILER_LEN, checksum};
use super::{JournalError, Note};

/// Appends checked batches to a stream.
///
/// Every call hands the writer one whole message in one `write_all`.
pub struct JournalWriter<W> {
    out: W,
    generator: IpcDataGenerator,
    options: IpcWriteOptions,
    dictionaries: DictionaryTracker,
    context: IpcWriteContext,
    bytes: u64,
}

impl<W: Write> JournalWriter<W> {
    /// Starts a journal with the capture's metadata.
    ///
    /// # Errors
    /// [`JournalError::Io`] from `out`, [`JournalError::Metadata`] when `info` is too large.
    pub fn create(out: W, info: &CaptureInfo) -> Result<Self, JournalError> {
        let pairs = footer::pairs(info)?.map(|(key, value)| (key.to_owned(), value));
        let schema = columns::schema().as_ref().clone().with_metadata(pairs);
        let mut writer = Self {
            out,
            generator: IpcDataGenerator::default(),
            options: IpcWriteOptions::default(),
            dictionaries: DictionaryTracker::new(true),
            context: IpcWriteContext::default(),
            bytes: 0,
        };
        let message = writer.generator.schema_to_bytes_with_dictionary_tracker(
            &schema,
            &mut writer.dictionaries,
            &writer.options,
        );
        writer.append(message, &Note::default())?;
        Ok(writer)
    }

    /// Appends one batch of [`columns::schema`] with what is known by now.
    ///
    /// # Errors
    /// [`JournalError::Io`] from the writer; the stream then ends in a torn
    /// message, which readers ignore.
    pub fn write(&mut self, batch: &RecordBatch, note: &Note) -> Result<(), JournalError> {
        let (_, message) = self.generator.encode(
            batch,
            &mut self.dictionaries,
            &self.options,
            &mut self.context,
        )?;
        self.append(message, note)
    }

    /// Marks the stream as complete and hands the writer back.
    ///
    /// # Errors
    /// [`JournalError::Io`] from the writer.
    pub fn finish(mut self) -> Result<W, JournalError> {
        self.out.write_all(&[CONTINUATION, [0; 4]].concat())?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Bytes appended so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The writer below, to sync it for example.
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    fn append(&mut self, message: EncodedData, note: &Note) -> Result<(), JournalError> {
        let mut block = message.ipc_message;
        let mut note = serde_json::to_vec(note).map_err(MetadataError::Json)?;
        let unpadded = block.len() + note.len() + TRAILER_LEN;
        // JSON may end in blanks: that pads the block to Arrow's alignment.
        note.resize(note.len() + unpadded.next_multiple_of(8) - unpadded, b' ');
        let note_len =
            u32::try_from(note.len()).map_err(|_| MetadataError::TooLarge(note.len()))?;
        block.extend(note);
        block.extend(note_len.to_le_bytes());
        let body = message.arrow_data;
        let crc = checksum(&block, &body);
        block.extend(crc.to_le_bytes());
        block.extend((body.len() as u64).to_le_bytes());
        block.extend(MAGIC);

        let block_len =
            u32::try_from(block.len()).map_err(|_| MetadataError::TooLarge(block.len()))?;
        let mut whole = Vec::with_capacity(8 + block.len() + body.len());
        whole.extend(CONTINUATION);
        whole.extend(block_len.to_le_bytes());
        whole.extend(block);
        whole.extend(body);
        self.out.write_all(&whole)?;
        self.bytes += whole.len() as u64;
        Ok(())
    }
}
