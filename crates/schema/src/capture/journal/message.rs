//! One message of a journal, checked before anything looks inside.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::RecordBatchDecoder;
use arrow::ipc::root_as_message;
use arrow::record_batch::RecordBatch;

use super::super::METADATA_LIMIT;
use super::{JournalEnd, JournalError, Note, layout};

pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];
pub(super) const MAGIC: [u8; 8] = *b"CONNLATJ";
pub(super) const TRAILER_LEN: usize = 4 + 4 + 8 + MAGIC.len();
/// Metadata block: schema or batch header plus a note.
const METADATA_BLOCK_LIMIT: usize = METADATA_LIMIT * 4;
/// Body of one batch; the recorder writes far smaller ones.
const BODY_LIMIT: u64 = 64 << 20;

pub(super) fn checksum(block: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(block);
    crc.update(&(body.len() as u64).to_le_bytes());
    crc.update(body);
    crc.finalize()
}

pub(super) enum Step {
    Message(Box<Message>),
    End(JournalEnd),
}

pub(super) struct Message {
    block: Vec<u8>,
    body: Vec<u8>,
    pub note: Note,
}

impl Message {
    /// Bytes of what is not its body.
    pub fn len(&self) -> usize {
        self.block.len()
    }

    pub fn header(&self) -> Result<arrow::ipc::Message<'_>, JournalError> {
        let message = root_as_message(&self.block)
            .map_err(|error| ArrowError::ParseError(error.to_string()))?;
        Ok(message)
    }

    pub fn batch(&self, schema: &SchemaRef) -> Result<RecordBatch, JournalError> {
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
pub(super) fn read_message(input: &mut impl Read, offset: &mut u64) -> Result<Step, JournalError> {
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
