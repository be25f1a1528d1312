//! One capture being written: its journal now, its metadata at the end.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use connlat_schema::capture::journal::Note;
use connlat_schema::capture::metadata::{CaptureInfo, Counters, StopReason};
use connlat_schema::decode::ConnectEvent;

use super::losses::Losses;
use super::writer::{SoFar, Writer};
use crate::capture::seal::{SealError, Sealed, seal, write_capture};
use crate::capture::{Output, RowBuilder};
use crate::host::{CgroupPaths, Clock, ClockReading};
use crate::message::say;

/// How long a snapshot waits for a slow disk to have what it is to hold.
const PATIENCE: Duration = Duration::from_secs(5);

/// A capture that is being recorded.
pub struct Segment {
    output: Output,
    writer: Writer,
    info: CaptureInfo,
    /// The account when it began: its own is what came since.
    base: Counters,
    losses: Losses,
    rows: u64,
    started: Instant,
}

/// A segment that gets no more events, ready to be sealed.
pub struct Finished {
    output: Output,
    writer: Writer,
    info: CaptureInfo,
}

impl Segment {
    /// Begins to write a journal that was just created.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(
        output: Output,
        journal: File,
        info: CaptureInfo,
        base: Counters,
        cgroups: CgroupPaths,
    ) -> anyhow::Result<Self> {
        let (host, boot_id) = (info.host.clone(), info.boot_id.clone());
        let rows = RowBuilder::new(host, boot_id, cgroups);
        let writer = Writer::start(journal, info.clone(), rows)?;
        let losses = Losses::from(base.lost, info.start.monotonic_ns);
        let started = Instant::now();
        Ok(Self { output, writer, info, base, losses, rows: 0, started })
    }

    /// Waits until the journal is known to be writable.
    ///
    /// # Errors
    /// When it is not; it is removed then.
    pub fn begun(mut self) -> anyhow::Result<Self> {
        match self.writer.begun() {
            Ok(writer) => {
                self.writer = writer;
                Ok(self)
            }
            Err(error) => {
                self.output.remove_empty_journal();
                Err(error)
            }
        }
    }

    /// Queues events; false when the journal can no longer be written.
    pub fn write(
        &mut self,
        events: Vec<ConnectEvent>,
        now: ClockReading,
        counters: &Counters,
        clock: &mut Clock,
    ) -> bool {
        let lost_more = self.losses.observe(counters.lost, now.monotonic_ns);
        if events.is_empty() && !lost_more {
            return true;
        }
        self.rows += events.len() as u64;
        let note = Note {
            counters: counters.since(&self.base),
            clock: clock.take_unreported(),
            loss_spans: self.losses.spans().to_vec(),
            now: Some(now.instant()),
        };
        self.writer.send(events, now.offset_ns(), note)
    }

    /// Bytes in the journal.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// Rows queued so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// When it began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The metadata as of now, as if it ended for this reason.
    fn ended(
        &mut self,
        reason: StopReason,
        stop: ClockReading,
        clock: &Clock,
        counters: &Counters,
    ) -> CaptureInfo {
        self.losses.observe(counters.lost, stop.monotonic_ns);
        CaptureInfo {
            stop: stop.instant(),
            stop_reason: reason,
            clean: true,
            clock: clock.samples().to_vec(),
            counters: counters.since(&self.base),
            loss_spans: self.losses.spans().to_vec(),
            ..self.info.clone()
        }
    }

    /// No more events will come.
    pub fn finish(
        mut self,
        reason: StopReason,
        stop: ClockReading,
        clock: &Clock,
        counters: &Counters,
    ) -> Finished {
        let info = self.ended(reason, stop, clock, counters);
        Finished { output: self.output, writer: self.writer, info }
    }

    /// What is needed to write a copy of what there is now.
    pub fn snapshot(
        &mut self,
        now: ClockReading,
        clock: &Clock,
        counters: &Counters,
    ) -> std::io::Result<Snapshot> {
        let journal = self.writer.so_far()?;
        let info = self.ended(StopReason::Snapshot, now, clock, counters);
        Ok(Snapshot { journal, info, output: self.output.clone() })
    }
}

impl Finished {
    /// Closes the journal and turns it into the capture; says where.
    ///
    /// # Errors
    /// When the journal was not written to its end or cannot be sealed; what
    /// is in it is kept.
    pub fn seal(self) -> anyhow::Result<(Sealed, CaptureInfo, Output)> {
        let Self { mut output, writer, mut info } = self;
        let (journal, written) = writer.finish();
        if let Err(error) = &written {
            info.stop_reason = StopReason::Failed(format!("{error:#}"));
            info.clean = false;
        }
        if output.directory_is_gone() {
            let shown = output.shown();
            let directory = shown.parent().unwrap_or(Path::new(".")).display();
            output.recreate_directory().with_context(|| {
                format!("{directory} was removed while recording and cannot be made again")
            })?;
            if !output.replace() {
                // Meanwhile the name may have been given to the next segment.
                output = output.first_unused()?;
            }
            say!("record: {directory} was removed while recording; it was made again");
        }
        let sealed = seal(&journal, &output, |_| info.clone());
        match written {
            // The journal's own failure explains a failing seal.
            Err(error) => Err(error.context(match sealed {
                Ok(sealed) => {
                    format!("{} rows were saved in {}", sealed.rows, output.shown().display())
                }
                Err(_) => format!("what was recorded is in {}", output.shown_journal().display()),
            })),
            Ok(()) => Ok((sealed?, info, output)),
        }
    }
}

/// A copy of a journal that goes on.
pub struct Snapshot {
    journal: SoFar,
    info: CaptureInfo,
    output: Output,
}

impl Snapshot {
    /// Writes the copy beside the capture, under a name of its own.
    ///
    /// # Errors
    /// Any [`SealError`].
    pub fn write(self, name: String) -> Result<(Sealed, CaptureInfo, Output), SealError> {
        let output = self.output.sibling(name);
        let journal = self.journal.wait(PATIENCE);
        let sealed = write_capture(&journal, &output, |_| self.info.clone())?;
        Ok((sealed, self.info, output))
    }
}
