//! One capture being written: its journal now, its metadata at the end.

use std::fs::File;
use std::time::{Duration, Instant};

use anyhow::Context;
use connlat_schema::capture::journal::Note;
use connlat_schema::capture::metadata::{CaptureInfo, Counters, NetworkInfo, StopReason};
use connlat_schema::decode::ConnectEvent;

use super::disk::{self, Share};
use super::losses::Losses;
use super::tick::Tick;
use super::writer::{SoFar, Writer};
use crate::capture::seal::{SealError, Sealed, seal, write_capture};
use crate::capture::{Output, RowBuilder};
use crate::files::FileId;
use crate::host::CgroupPaths;
use crate::message::say;

/// How long a snapshot waits for a slow disk to have what it is to hold.
const PATIENCE: Duration = Duration::from_secs(5);

/// A capture that is being recorded.
pub struct Segment {
    output: Output,
    journal: FileId,
    writer: Writer,
    info: CaptureInfo,
    /// The account when it began: its own is what came since.
    base: Counters,
    losses: Losses,
    /// Those that the journal knows.
    networks: Vec<NetworkInfo>,
    rows: u64,
    started: Instant,
}

/// A segment that gets no more events, ready to be sealed.
pub struct Finished {
    output: Output,
    writer: Writer,
    info: CaptureInfo,
    /// Counted until it is sealed.
    share: Share,
}

impl Segment {
    /// Begins to write a journal that was just created.
    ///
    /// # Errors
    /// When a thread cannot be started; the journal is removed then.
    pub fn start(
        output: Output,
        journal: File,
        info: CaptureInfo,
        base: Counters,
        cgroups: CgroupPaths,
    ) -> anyhow::Result<Self> {
        let id = FileId::of(&journal)?;
        let (host, boot_id) = (info.host.clone(), info.boot_id.clone());
        let rows = RowBuilder::new(host, boot_id, cgroups);
        let writer = Writer::start(journal, info.clone(), rows)
            .inspect_err(|_| output.remove_empty_journal(id))?;
        let losses = Losses::from(base.lost, info.start.monotonic_ns);
        let started = Instant::now();
        let networks = Vec::new();
        let journal = id;
        Ok(Self { output, journal, writer, info, base, losses, networks, rows: 0, started })
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
                self.output.remove_empty_journal(self.journal);
                Err(error)
            }
        }
    }

    /// Queues events; false when the journal can no longer be written.
    pub fn write(&mut self, events: Vec<ConnectEvent>, tick: &mut Tick<'_>) -> bool {
        let known = tick.known;
        let lost_more = self.losses.observe(known.counters.lost, tick.now.monotonic_ns);
        if events.is_empty() && !lost_more {
            return true;
        }
        self.rows += events.len() as u64;
        let more_networks = self.networks != known.networks;
        if more_networks {
            self.networks.clone_from(&known.networks);
        }
        let note = Note {
            counters: known.counters.since(&self.base),
            clock: tick.clock.take_unreported(),
            loss_spans: self.losses.spans().to_vec(),
            now: Some(tick.now.instant()),
            account_problem: known.account_problem.clone(),
            networks: more_networks.then(|| self.networks.clone()),
        };
        self.writer.send(events, tick.now.offset_ns(), note)
    }

    /// Bytes in the journal.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// Bytes on the disk while this is sealed, if it ended now.
    pub fn peak_bytes(&self) -> u64 {
        let (bytes, rows) = self.writer.written();
        disk::peak_bytes(bytes, rows, self.rows)
    }

    /// The name of its capture.
    pub fn name(&self) -> &str {
        self.output.name()
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
    fn ended(&mut self, reason: StopReason, tick: &Tick<'_>) -> CaptureInfo {
        self.losses.observe(tick.known.counters.lost, tick.now.monotonic_ns);
        CaptureInfo {
            stop: tick.now.instant(),
            stop_reason: reason,
            clean: true,
            clock: tick.clock.samples().to_vec(),
            networks: tick.known.networks.clone(),
            counters: tick.known.counters.since(&self.base),
            account_problem: tick.known.account_problem.clone(),
            loss_spans: self.losses.spans().to_vec(),
            ..self.info.clone()
        }
    }

    /// No more events will come. Until it is sealed, `share` counts what it takes.
    pub fn finish(mut self, reason: StopReason, tick: &Tick<'_>, share: Share) -> Finished {
        let info = self.ended(reason, tick);
        Finished { output: self.output, writer: self.writer, info, share }
    }

    /// What is needed to write a copy of what there is now.
    pub fn snapshot(&mut self, tick: &Tick<'_>) -> std::io::Result<Snapshot> {
        let journal = self.writer.so_far()?;
        let info = self.ended(StopReason::Snapshot, tick);
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
        let Self { mut output, writer, mut info, share: _until_the_end } = self;
        let (journal, written) = writer.finish();
        if let Err(error) = &written {
            info.stop_reason = StopReason::Failed(format!("{error:#}"));
            info.clean = false;
        }
        if output.directory_is_gone() {
            let directory = output.shown_directory().to_owned();
            let directory = directory.display();
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
