//! Reading a journal: nothing unchecked reaches Arrow.

use std::io::Read;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::record_batch::RecordBatch;

use super::super::metadata::{CaptureInfo, Instant, StopReason, thin_clock_samples};
use super::super::rows::Rows;
use super::super::{KEY_FORMAT_VERSION, columns, footer};
use super::message::{Step, read_message};
use super::{JournalError, Note, layout};

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
        if !layout::is_head(&schema, &columns::schema(), first.len()) {
            // Whether it is a journal at all is told by what it says of itself.
            let pairs = schema.custom_metadata().into_iter().flatten();
            let ours = pairs.take(layout::KEYS).any(|pair| pair.key() == Some(KEY_FORMAT_VERSION));
            return Err(if ours { JournalError::Columns } else { JournalError::NotAJournal });
        }
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
