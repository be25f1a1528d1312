//! One recording: attach, collect until it is time to stop, seal.

mod child;
mod describe;
mod progress;
mod stop;
mod writer;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::Context;
use connlat_schema::capture::journal::Note;
use connlat_schema::capture::metadata::StopReason;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::capture::{Output, RowBuilder, seal};
use crate::cli::options::Options;
use crate::host::{CgroupPaths, Clock, Identity};
use crate::probe::Probe;
use child::Child;
use progress::Progress;
use stop::StopSignals;
use writer::Writer;

/// How long events may wait in the ring buffer before they are fetched.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Events of one batch at most: bounds memory and the journal's messages.
const BATCH_EVENTS: usize = 8_192;

/// Records as asked for; returns the exit code.
///
/// # Errors
/// Whatever kept it from recording or from writing the capture.
pub fn run(options: &Options) -> anyhow::Result<u8> {
    let identity = Identity::read();
    let output = Output::choose(options.output.as_deref(), options.force, &identity.host)?;
    let signals = StopSignals::install().context("cannot handle signals")?;
    let mut probe = Probe::attach(&options.probe)?;
    let mut clock = Clock::start();

    let info = describe::started(options, &identity, &probe, &clock);
    let rows = RowBuilder::new(identity.host, identity.boot_id, CgroupPaths::open());
    let mut writer = Writer::start(output.create_journal()?, &info, rows)?;
    let mut child = match Child::spawn(&options.command) {
        Ok(child) => child,
        Err(error) => {
            // Nothing has been captured yet.
            writer.discard();
            std::fs::remove_file(output.journal()).context("cannot remove the empty journal")?;
            return Err(error);
        }
    };

    let mut progress = Progress::new(std::io::stderr().is_terminal());
    let deadline = options.duration.map(|duration| Instant::now() + duration);
    let mut reason = collect(&mut probe, &mut clock, &mut writer, &mut progress, || {
        signals.received().or_else(|| child.as_mut().and_then(Child::exited)).or_else(|| {
            deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| StopReason::Duration)
        })
    });

    let stop = clock.finish();
    let mut events = Vec::new();
    probe.stop(stop.monotonic_ns.cast_unsigned(), &mut events);
    let counters = probe.counters();
    let note = Note { counters: counters.clone(), clock: clock.take_unreported() };
    if !writer.send(events, stop.offset_ns(), note) {
        reason = StopReason::Failed("the journal could not be written".to_owned());
    }
    let journal_result = writer.finish();
    if let Err(error) = &journal_result {
        reason = StopReason::Failed(format!("{error:#}"));
    }
    if let Some(child) = &mut child
        && matches!(reason, StopReason::Interrupted | StopReason::Terminated)
    {
        child.terminate();
    }

    progress.clear();
    let clean = journal_result.is_ok();
    let sealed = seal::seal(&output.journal(), output.capture(), output.replace(), |mut info| {
        info.stop = stop.instant();
        info.stop_reason = reason;
        info.clean = clean;
        info.clock = clock.samples().to_vec();
        info.counters = counters.clone();
        info
    })?;
    progress::print_result(&sealed, &counters, output.capture());
    journal_result?;
    match child {
        Some(child) => child.wait(),
        None => Ok(0),
    }
}

/// Fetches events until `stop` gives a reason to end.
fn collect(
    probe: &mut Probe,
    clock: &mut Clock,
    writer: &mut Writer,
    progress: &mut Progress,
    mut stop: impl FnMut() -> Option<StopReason>,
) -> StopReason {
    loop {
        if let Some(reason) = stop() {
            return reason;
        }
        wait_for_events(probe);
        loop {
            let mut events = Vec::new();
            let taken = probe.drain(BATCH_EVENTS, &mut events);
            let now = clock.tick();
            let recorded = events.len();
            if !events.is_empty() {
                let note = Note { counters: probe.counters(), clock: clock.take_unreported() };
                if !writer.send(events, now.offset_ns(), note) {
                    return StopReason::Failed("the journal could not be written".to_owned());
                }
            }
            progress.update(recorded, || (probe.counters().lost.total(), writer.bytes()));
            if taken < BATCH_EVENTS {
                break;
            }
        }
    }
}

/// Returns when the ring buffer fills, a signal arrives, or the interval is over.
fn wait_for_events(probe: &Probe) {
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(POLL_INTERVAL.subsec_nanos()) };
    // An interrupted poll is a signal: the caller looks at those anyway.
    let _ = poll(&mut [PollFd::from_borrowed_fd(probe.ring_fd(), PollFlags::IN)], Some(&timeout));
}
