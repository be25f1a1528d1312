//! One session from attach to stop: a recording, the live screen, or both.

mod child;
mod describe;
mod disk;
mod display;
mod limits;
mod losses;
mod memory;
mod next;
mod options;
mod progress;
mod recording;
mod sealer;
mod segment;
mod stop;
mod tick;
mod writer;

pub use limits::Limits;
pub use options::{CaptureOptions, Destination, Options, Rotate};
pub use progress::human_bytes;
pub use stop::Ignored;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use connlat_schema::capture::metadata::StopReason;
use connlat_schema::decode::ConnectEvent;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::host::{self, CgroupPaths, Clock, ClockReading, Identity};
use crate::message::{self, say};
use crate::privileges::{self, Needs};
use crate::probe::Probe;
use child::Child;
use display::Display;
use limits::LimitWatch;
use progress::Progress;
use recording::{Recording, Target};
use stop::StopSignals;
use tick::{Known, Tick};

/// Exit code of a recording that did not go as asked.
const FAILURE: u8 = 1;
/// How long events may wait in the ring buffer before they are fetched.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Events of one batch at most: bounds memory and the journal's messages.
const BATCH_EVENTS: usize = 8_192;

/// Does as asked; returns the exit code.
///
/// # Errors
/// Whatever kept it from observing connects or from writing the capture.
pub fn run(options: &Options) -> anyhow::Result<u8> {
    // Kernel counters are read there, and where a directory is.
    ensure!(Path::new("/proc/self/fd").exists(), "/proc is not mounted; mount -t proc proc /proc");
    memory::check_limit()?;
    host::find_time_namespace()?;
    let identity = Identity::read();
    let target = match &options.capture {
        Some(capture) => Some((Target::choose(capture, &identity.host)?, capture)),
        None => None,
    };
    if let (Some(user), Some((target, _))) = (options.user, &target) {
        target.hand_over(user)?;
    }
    let helper = match &target {
        Some((target, _)) => target.start_helper(options.user),
        None => None,
    };
    let signals = StopSignals::install().context("cannot handle signals")?;
    let mut probe = Probe::attach(&options.probe)?;
    memory::keep_small();
    let clock = Clock::start();
    let cgroups = CgroupPaths::open();
    let mut child = start_command(options, &mut probe)?;
    // The last questions that take a privilege, or a call that is refused then.
    let details = if options.screen.is_some_and(|screen| screen.verbose) {
        probe.load_details()
    } else {
        Vec::new()
    };
    let show_progress = options.screen.is_none() && io::stderr().is_terminal();
    let given_up = privileges::drop_all_but(&mut Needs {
        directory: target.as_ref().map(|(target, _)| target.directory()),
        cgroups: cgroups.directory(),
        resolves_cgroups: &mut || cgroups.can_resolve(),
        reads_probe: &mut || probe.is_readable(),
        user: options.user,
        helper: helper.as_ref().map(|helper| helper.descriptor()),
        command: child.as_ref().map(Child::pid),
        nice: options.nice,
    });
    if let (Err(_), Some(child)) = (&given_up, &mut child) {
        child.terminate();
    }
    given_up?;
    message::begin_session();
    let recording = match target {
        Some((target, capture)) => {
            let info = describe::started(options, &identity, &probe, &cgroups, &clock);
            let limits = LimitWatch::new(capture.limits, options.probe.kernel_memory());
            let started = Recording::start(target, capture, &identity, info, limits, cgroups);
            if let (Err(_), Some(child)) = (&started, &mut child) {
                child.terminate();
            }
            Some(started?)
        }
        None => None,
    };
    let display = options.screen.map(|screen| Display::open(screen, &details)).transpose()?;
    let mut sinks = Sinks {
        recording,
        display,
        output_error: None,
        clock,
        known: Known::default(),
        progress: Progress::new(show_progress),
    };
    let deadline = options.duration.map(|duration| Instant::now() + duration);
    let reason = collect(&mut probe, &mut sinks, || {
        let deadline_passed = || {
            deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| StopReason::Duration)
        };
        signals
            .received()
            .or_else(|| child.as_mut().and_then(Child::exited))
            .or_else(deadline_passed)
    });
    if let Some(child) = &mut child
        && matches!(reason, StopReason::Interrupted | StopReason::Terminated)
    {
        child.terminate();
    }

    let reason = sinks.take_the_rest(&mut probe).unwrap_or(reason);
    sinks.progress.clear();
    let Sinks { recording, display, output_error, mut clock, known, .. } = sinks;
    if let Some(display) = display {
        display.finish();
    }
    let losses = progress::losses(&known);
    if let Some(recording) = recording {
        let failed = matches!(reason, StopReason::Failed(_)) || known.account_problem.is_some();
        let tick = Tick { now: clock.reading(), clock: &mut clock, known: &known };
        // What went wrong has been said where it went wrong.
        if !recording.finish(reason, &tick) || failed {
            return Ok(FAILURE);
        }
    } else if known.counters.lost.total() > 0 || known.account_problem.is_some() {
        say!("record: {losses}");
    }
    match child {
        Some(child) => child.wait(),
        None if output_error.is_some() => Ok(FAILURE),
        None => Ok(0),
    }
}

/// Starts the command; with `--follow` the kernel sees its whole life.
fn start_command(options: &Options, probe: &mut Probe) -> anyhow::Result<Option<Child>> {
    let follow = options.probe.filters.follow;
    if follow {
        probe.follow_children(true)?;
    }
    let child = Child::spawn(&options.command)?;
    if follow {
        probe.follow_children(false)?;
    }
    Ok(child)
}

/// Where events go.
struct Sinks {
    recording: Option<Recording>,
    display: Option<Display>,
    /// What became of standard output, unless its reader had seen enough.
    output_error: Option<io::Error>,
    clock: Clock,
    known: Known,
    progress: Progress,
}

impl Sinks {
    /// Hands events on; a reason to stop when a sink is gone.
    fn deliver(
        &mut self,
        events: Vec<ConnectEvent>,
        now: ClockReading,
        probe: &mut Probe,
    ) -> Option<StopReason> {
        if let Some(display) = &mut self.display
            && let Err(error) = display.print(&events, now.offset_ns())
        {
            self.display = None;
            // A reader that has seen enough, such as `head`, is no failure.
            if error.kind() != io::ErrorKind::BrokenPipe {
                say!("record: cannot write to stdout: {error}");
                self.output_error = Some(error);
            }
            if self.recording.is_none() {
                return Some(StopReason::Interrupted);
            }
        }
        let recording = self.recording.as_mut()?;
        self.known.count(probe);
        self.known.look_at(&events, probe);
        let mut tick = Tick { now, clock: &mut self.clock, known: &self.known };
        recording.write(events, &mut tick)
    }

    /// Whether events wait in the ring buffer for the reader of the screen. A
    /// capture does not wait: there rows are dropped from the screen.
    fn is_held_up(&self) -> bool {
        self.recording.is_none() && self.display.as_ref().is_some_and(Display::is_held_up)
    }

    /// Detaches the probe and delivers what is left; a reason of its own to
    /// have stopped, if that fails.
    fn take_the_rest(&mut self, probe: &mut Probe) -> Option<StopReason> {
        let mut events = Vec::new();
        probe.detach(&mut events);
        // Now nothing begins any more: no row starts after the stop.
        let stop = self.clock.finish();
        probe.take_undecided(stop.monotonic_ns.cast_unsigned(), &mut events);
        // A limit reached only now changes nothing; a journal that fails does.
        let failed = self.deliver(events, stop, probe);
        match &self.recording {
            Some(recording) => self.known.check_against(recording.rows()),
            None => self.known.count(probe),
        }
        failed.filter(|reason| matches!(reason, StopReason::Failed(_)))
    }
}

/// Fetches events until `stop` gives a reason to end.
fn collect(
    probe: &mut Probe,
    sinks: &mut Sinks,
    mut stop: impl FnMut() -> Option<StopReason>,
) -> StopReason {
    loop {
        if let Some(reason) = stop() {
            return reason;
        }
        if sinks.is_held_up() {
            pause();
            continue;
        }
        wait_for_events(probe);
        loop {
            let mut events = Vec::new();
            let taken = probe.drain(BATCH_EVENTS, &mut events);
            let now = sinks.clock.tick();
            let bytes = sinks.recording.as_ref().map_or(0, Recording::bytes);
            sinks.progress.update(events.len(), &sinks.known, bytes);
            if let Some(reason) = sinks.deliver(events, now, probe) {
                return reason;
            }
            if taken < BATCH_EVENTS || sinks.is_held_up() {
                break;
            }
        }
    }
}

/// Returns when the ring buffer fills, a signal arrives, or the interval is over.
fn wait_for_events(probe: &Probe) {
    wait_for(&mut [PollFd::from_borrowed_fd(probe.ring_fd(), PollFlags::IN)]);
}

/// Returns when a signal arrives or the interval is over.
fn pause() {
    wait_for(&mut []);
}

fn wait_for(fds: &mut [PollFd<'_>]) {
    let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(POLL_INTERVAL.subsec_nanos()) };
    // An interrupted poll is a signal: the caller looks at those anyway.
    let _ = poll(fds, Some(&timeout));
}
