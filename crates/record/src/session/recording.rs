//! The capture side of a session: journal while it runs, seal at its end.

use std::fs;

use anyhow::Context;
use connlat_schema::capture::journal::Note;
use connlat_schema::capture::metadata::{Counters, StopReason};
use connlat_schema::decode::ConnectEvent;

use super::describe;
use super::progress;
use super::writer::Writer;
use crate::capture::{Output, RowBuilder, seal};
use crate::cli::options::Options;
use crate::host::{CgroupPaths, Clock, ClockReading, Identity};
use crate::probe::Probe;

/// A capture being written.
pub struct Recording {
    output: Output,
    writer: Writer,
}

impl Recording {
    /// Chooses the file, if a capture was asked for; nothing is created yet.
    ///
    /// # Errors
    /// When something is in the way.
    pub fn output(options: &Options, identity: &Identity) -> anyhow::Result<Option<Output>> {
        let Some(capture) = &options.capture else { return Ok(None) };
        Ok(Some(Output::choose(capture.path.as_deref(), capture.force, &identity.host)?))
    }

    /// Creates the journal.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub fn start(
        output: Output,
        options: &Options,
        identity: &Identity,
        probe: &Probe,
        clock: &Clock,
    ) -> anyhow::Result<Self> {
        let info = describe::started(options, identity, probe, clock);
        let (host, boot_id) = (identity.host.clone(), identity.boot_id.clone());
        let rows = RowBuilder::new(host, boot_id, CgroupPaths::open());
        let writer = Writer::start(output.create_journal()?, &info, rows)?;
        Ok(Self { output, writer })
    }

    /// Queues events; a reason to stop when the journal cannot be written.
    pub fn write(
        &mut self,
        events: Vec<ConnectEvent>,
        now: ClockReading,
        counters: Counters,
        clock: &mut Clock,
    ) -> Option<StopReason> {
        let note = Note { counters, clock: clock.take_unreported() };
        if self.writer.send(events, now.offset_ns(), note) {
            return None;
        }
        Some(StopReason::Failed("the journal could not be written".to_owned()))
    }

    /// Bytes in the journal.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// Removes a journal that holds nothing.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn discard(self) -> anyhow::Result<()> {
        self.writer.discard();
        fs::remove_file(self.output.journal()).context("cannot remove the empty journal")
    }

    /// Closes the journal, turns it into the capture and says so.
    ///
    /// # Errors
    /// When the journal was not written to its end, or cannot be sealed; what
    /// is in it is kept.
    pub fn seal(
        self,
        mut reason: StopReason,
        stop: ClockReading,
        clock: &Clock,
        counters: &Counters,
    ) -> anyhow::Result<()> {
        let Self { output, writer } = self;
        let journal = writer.finish();
        if let Err(error) = &journal {
            reason = StopReason::Failed(format!("{error:#}"));
        }
        let clean = journal.is_ok();
        let (from, to) = (output.journal(), output.capture());
        let sealed = seal::seal(&from, to, output.replace(), |mut info| {
            info.stop = stop.instant();
            info.stop_reason = reason;
            info.clean = clean;
            info.clock = clock.samples().to_vec();
            info.counters = counters.clone();
            info
        })?;
        progress::print_result(&sealed, counters, to);
        journal
    }
}
