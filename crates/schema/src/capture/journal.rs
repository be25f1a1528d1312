//! The journal: what a recording leaves on disk before it is sealed.
//!
//! A plain Arrow IPC stream that any Arrow reader opens, appended batch by
//! batch. Arrow has no checksum of its own, so each message carries one where
//! the format allows padding: after the flatbuffer, inside the message's
//! metadata block. Layout of that block's end, all little-endian:
//!
//! ```text
//! note: JSON of Note, any length   what the recorder knew when it wrote this
//! note_len: u32
//! crc: u32      CRC-32 (IEEE) over the block up to and including note_len,
//!               then body_len, then the body
//! body_len: u64
//! magic: 8 bytes "CONNLATJ"
//! ```
//!
//! The first message is the schema; its metadata is the capture's, marked as
//! not finished. A stream ends with Arrow's end marker when it was closed.

mod layout;

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::RecordBatchDecoder;
use arrow::ipc::root_as_message;
use arrow::ipc::writer::{
    DictionaryTracker, EncodedData, IpcDataGenerator, IpcWriteContext, IpcWriteOptions,
};
use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};

use super::footer::{self, FooterError};
use super::metadata::{
    CaptureInfo, ClockSample, Counters, Instant, LossSpan, MetadataError, NetworkInfo, StopReason,
    thin_clock_samples,
};
use super::rows::{RowError, Rows};
use super::{FORMAT_VERSION, METADATA_LIMIT, columns};

/// File name suffix of a journal, after the capture's own name.
pub const JOURNAL_SUFFIX: &str = ".journal";

const CONTINUATION: [u8; 4] = [0xff; 4];
const MAGIC: [u8; 8] = *b"CONNLATJ";
const TRAILER_LEN: usize = 4 + 4 + 8 + MAGIC.len();
/// Metadata block: schema or batch header plus a note.
const METADATA_BLOCK_LIMIT: usize = METADATA_LIMIT * 4;
/// Body of one batch; the recorder writes far smaller ones.
const BODY_LIMIT: u64 = 64 << 20;

/// What the recorder knew when it wrote a message: lets a journal whose
/// recorder was killed still account for its losses and its clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// The account of events so far.
    pub counters: Counters,
    /// Clock samples taken since the previous note.
    pub clock: Vec<ClockSample>,
    /// When attempts were lost so far.
    pub loss_spans: Vec<LossSpan>,
    /// When this was written, CLOCK_MONOTONIC and wall clock.
    pub now: Option<Instant>,
    /// Why the account cannot be believed.
    pub account_problem: Option<String>,
    /// All network namespaces known by now, where more are than in the note
    /// before.
    pub networks: Option<Vec<NetworkInfo>>,
}

/// Why bytes are not a usable journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The first message is not one of ours.
    #[error("not a connlat journal")]
    NotAJournal,
    /// The columns are not those of this format.
    #[error("journal columns are not those of capture format {FORMAT_VERSION}")]
    Columns,
    /// The capture's metadata cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Arrow cannot encode or decode a message.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

impl From<FooterError> for JournalError {
    fn from(error: FooterError) -> Self {
        match error {
            FooterError::NotACapture | FooterError::VersionNotANumber => Self::NotAJournal,
            FooterError::Newer(version) => {
                Self::Metadata(MetadataError::Version(version.try_into().unwrap_or(u32::MAX)))
            }
            FooterError::Metadata(error) => Self::Metadata(error),
        }
    }
}

impl From<RowError> for JournalError {
    fn from(_: RowError) -> Self {
        Self::Columns
    }
}

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

fn checksum(block: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(block);
    crc.update(&(body.len() as u64).to_le_bytes());
    crc.update(body);
    crc.finalize()
}

/// How a journal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalEnd {
    /// With the end marker: its recorder closed it.
    Closed,
    /// At a message boundary without one: its recorder was stopped.
    Open,
    /// In the middle of a message, or at bytes that fail their checksum; what
    /// follows is not read.
    Damaged,
}

/// Reads a journal message by message; nothing unchecked reaches Arrow.
pub struct JournalReader<R> {
    input: R,
    schema: SchemaRef,
    info: CaptureInfo,
    note: Note,
    rows: u64,
    /// The end of the attempt that ended last.
    last: Option<Instant>,
    offset: u64,
    end: Option<JournalEnd>,
}

impl<R: Read> JournalReader<R> {
    /// Opens a journal and reads its metadata.
    ///
    /// # Errors
    /// Any [`JournalError`].
    pub fn open(mut input: R) -> Result<Self, JournalError> {
        let mut offset = 0;
        let Step::Message(first) = read_message(&mut input, &mut offset)? else {
            return Err(JournalError::NotAJournal);
        };
        let schema = first.header()?.header_as_schema().ok_or(JournalError::NotAJournal)?;
        let schema = try_fb_to_schema(schema)?;
        let info = footer::capture_info(|key| schema.metadata().get(key).map(String::as_str))?;
        if schema.fields() != columns::schema().fields() {
            return Err(JournalError::Columns);
        }
        let (schema, note) = (Arc::new(schema), first.note);
        let (rows, last, end) = Default::default();
        Ok(Self { input, schema, info, note, rows, last, offset, end })
    }

    /// The metadata of a recording that was not finished: as written at the
    /// start, updated by every note and row read so far. It stopped at the last
    /// moment that any of them tells of.
    pub fn info(&self) -> CaptureInfo {
        let mut info = self.info.clone();
        info.clean = false;
        info.stop_reason = StopReason::Unknown;
        info.counters = self.note.counters.clone();
        info.counters.written = self.rows;
        info.loss_spans = self.note.loss_spans.clone();
        info.clock.extend(&self.note.clock);
        thin_clock_samples(&mut info.clock);
        let sampled = self.note.clock.last().map(|sample| Instant {
            time_us: sample.realtime_ns.div_euclid(1_000),
            monotonic_ns: sample.monotonic_ns,
        });
        let moments = [Some(info.stop), self.note.now, sampled, self.last].into_iter().flatten();
        info.stop = moments.max_by_key(|moment| moment.monotonic_ns).unwrap_or(info.stop);
        info.account_problem.clone_from(&self.note.account_problem);
        if let Some(networks) = &self.note.networks {
            info.networks.clone_from(networks);
        }
        info
    }

    /// How the journal ended; `None` until [`JournalReader::next_batch`] returned `None`.
    pub fn end(&self) -> Option<JournalEnd> {
        self.end
    }

    /// Bytes of whole, checked messages read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next batch, or `None` at the end.
    ///
    /// # Errors
    /// [`JournalError::Io`] when reading fails, [`JournalError::Arrow`] when a
    /// message passes its checksum and still is not a batch of this schema.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>, JournalError> {
        if self.end.is_some() {
            return Ok(None);
        }
        match read_message(&mut self.input, &mut self.offset)? {
            Step::End(end) => {
                self.end = Some(end);
                Ok(None)
            }
            Step::Message(message) => {
                let earlier = std::mem::replace(&mut self.note, message.note.clone());
                let later = std::mem::replace(&mut self.note.clock, earlier.clock);
                self.note.clock.extend(later);
                // A recording of weeks must not fill the memory, nor the footer.
                thin_clock_samples(&mut self.note.clock);
                if self.note.networks.is_none() {
                    self.note.networks = earlier.networks;
                }
                let batch = message.batch(&self.schema)?;
                self.rows += batch.num_rows() as u64;
                let ends = Rows::of(&batch)?.ends().chain(self.last);
                self.last = ends.max_by_key(|end| end.monotonic_ns);
                Ok(Some(batch))
            }
        }
    }
}

enum Step {
    Message(Box<Message>),
    End(JournalEnd),
}

struct Message {
    block: Vec<u8>,
    body: Vec<u8>,
    note: Note,
}

impl Message {
    fn header(&self) -> Result<arrow::ipc::Message<'_>, JournalError> {
        let message = root_as_message(&self.block)
            .map_err(|error| ArrowError::ParseError(error.to_string()))?;
        Ok(message)
    }

    fn batch(&self, schema: &SchemaRef) -> Result<RecordBatch, JournalError> {
        let header = self.header()?;
        let batch = header.header_as_record_batch().ok_or(JournalError::Columns)?;
        if !layout::fits(&batch, schema, self.body.len()) {
            return Err(JournalError::Columns);
        }
        let body = Buffer::from(self.body.as_slice());
        let (dictionaries, version) = (HashMap::new(), header.version());
        let decoder =
            RecordBatchDecoder::try_new(&body, batch, Arc::clone(schema), &dictionaries, &version)?;
        Ok(decoder.read_record_batch()?)
    }
}

/// Reads one message and checks it before anything looks inside.
fn read_message(input: &mut impl Read, offset: &mut u64) -> Result<Step, JournalError> {
    const DAMAGED: Result<Step, JournalError> = Ok(Step::End(JournalEnd::Damaged));
    let prefix = read_up_to(input, 8)?;
    let Some((continuation, length)) = prefix.split_first_chunk::<4>() else {
        return Ok(Step::End(if prefix.is_empty() {
            JournalEnd::Open
        } else {
            JournalEnd::Damaged
        }));
    };
    let Ok(length) = <[u8; 4]>::try_from(length).map(u32::from_le_bytes) else {
        return DAMAGED;
    };
    let block_len = length as usize;
    if *continuation != CONTINUATION {
        return DAMAGED;
    }
    if block_len == 0 {
        return Ok(Step::End(JournalEnd::Closed));
    }
    if !(TRAILER_LEN..=METADATA_BLOCK_LIMIT).contains(&block_len) || !block_len.is_multiple_of(8) {
        return DAMAGED;
    }
    let block = read_up_to(input, block_len)?;
    let Some(trailer) = Trailer::of(&block).filter(|_| block.len() == block_len) else {
        return DAMAGED;
    };
    if trailer.body_len > BODY_LIMIT {
        return DAMAGED;
    }
    let body = read_up_to(input, trailer.body_len as usize)?;
    if body.len() as u64 != trailer.body_len || checksum(trailer.checked, &body) != trailer.crc {
        return DAMAGED;
    }
    let Ok(note) = serde_json::from_slice(trailer.note) else {
        return DAMAGED;
    };
    *offset += (prefix.len() + block.len() + body.len()) as u64;
    Ok(Step::Message(Box::new(Message { block, body, note })))
}

struct Trailer<'a> {
    checked: &'a [u8],
    note: &'a [u8],
    crc: u32,
    body_len: u64,
}

impl<'a> Trailer<'a> {
    fn of(block: &'a [u8]) -> Option<Self> {
        let (rest, magic) = block.split_last_chunk::<8>()?;
        let (rest, body_len) = rest.split_last_chunk::<8>()?;
        let (checked, crc) = rest.split_last_chunk::<4>()?;
        let (rest, note_len) = checked.split_last_chunk::<4>()?;
        let note_len = u32::from_le_bytes(*note_len) as usize;
        let note = rest.get(rest.len().checked_sub(note_len)?..)?;
        (*magic == MAGIC).then_some(Self {
            checked,
            note,
            crc: u32::from_le_bytes(*crc),
            body_len: u64::from_le_bytes(*body_len),
        })
    }
}

/// Reads `length` bytes, or fewer at the end of the input; allocates no more
/// than the input really holds.
fn read_up_to(input: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length.min(64 << 10));
    input.take(length as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
