//! Asks a recorder for a snapshot and finds the captures that it writes.
//!
//! A recorder that is asked has a journal open, and its directory. Its descriptors
//! tell which ([`OpenByProcess`]), so that neither paths nor mounts of its own
//! matter. A segment is sealed under the name of its journal; a recording into one
//! file writes a copy beside it, `NAME.snapshot-TIME.parquet`. Either says when it
//! ends: what ends before we asked is not yet the answer.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};

use super::interrupt;
use super::journal::{Journal, Sealed};
use crate::files::OpenByProcess;
use crate::host::ClockReading;

/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(50);
/// How long a recorder may write nothing before nothing is expected of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a recorder is asked: what it writes may have been asked for by
/// others, before us.
const MOST_REQUESTS: u32 = 3;

/// A recorder that was asked for a snapshot.
pub struct Asked {
    pid: u32,
    process: OwnedFd,
    /// Journals that it had open since then.
    journals: Vec<Journal>,
    /// When it was asked last, ns of the host's CLOCK_MONOTONIC.
    at_ns: i64,
    requests: u32,
    /// Segments that are sealed by now.
    sealed: Vec<Sealed>,
}

/// What one look found.
enum Found {
    /// All of what was asked for.
    All(Vec<Sealed>),
    /// A copy that ends before we asked.
    TooEarly,
    Nothing,
}

impl Asked {
    /// Asks. What the recorder was going to write anyway is waited for, too.
    ///
    /// # Errors
    /// When it records into no file, or may not be looked into or signalled.
    pub fn ask(pid: u32, process: OwnedFd) -> anyhow::Result<Self> {
        let mut asked =
            Self { pid, process, journals: Vec::new(), at_ns: 0, requests: 0, sealed: Vec::new() };
        asked.look_for_journals().with_context(|| format!("cannot look into process {pid}"))?;
        if asked.journals.is_empty() {
            bail!("process {pid} records into no file; only what is in one can be bundled");
        }
        asked.request()?;
        Ok(asked)
    }

    fn request(&mut self) -> anyhow::Result<()> {
        self.requests += 1;
        self.at_ns = ClockReading::now().monotonic_ns;
        pidfd_send_signal(&self.process, Signal::USR1)
            .with_context(|| format!("cannot signal the recorder, process {}", self.pid))
    }

    /// Waits until everything it had recorded when it was asked is sealed.
    ///
    /// # Errors
    /// When it ends or falls silent before that, or its captures cannot be read.
    pub fn wait(mut self) -> anyhow::Result<Vec<Sealed>> {
        let (mut progress, mut since) = (0, Instant::now());
        loop {
            interrupt::check()?;
            // Looked at first: what it wrote at its end is there then.
            let ended = self.has_ended();
            match self.look()? {
                Found::All(captures) => return Ok(captures),
                Found::TooEarly if self.requests < MOST_REQUESTS && !ended => self.request()?,
                Found::TooEarly | Found::Nothing if ended => bail!(
                    "the recorder, process {}, ended before it wrote what it had; see its messages, and record recover",
                    self.pid
                ),
                Found::TooEarly | Found::Nothing => {}
            }
            let now = self.bytes_written();
            if now != progress {
                (progress, since) = (now, Instant::now());
            }
            if since.elapsed() > PATIENCE {
                bail!(
                    "the recorder, process {}, has written no capture for {} s; its messages may say why",
                    self.pid,
                    PATIENCE.as_secs()
                );
            }
            std::thread::sleep(INTERVAL);
        }
    }

    /// A pidfd is readable once its process has ended (pidfd_open(2)).
    fn has_ended(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut fds = [PollFd::from_borrowed_fd(self.process.as_fd(), PollFlags::IN)];
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }

    /// Adds the journals that it has open now.
    fn look_for_journals(&mut self) -> std::io::Result<()> {
        let open = OpenByProcess::look(self.pid)?;
        for (id, name) in &open.files {
            if let Some(directory) = open.directory_of(*id, name)
                && let Some(journal) = Journal::of(directory, name)?
                && !self.journals.iter().any(|known| known.is(&journal))
            {
                self.journals.push(journal);
            }
        }
        Ok(())
    }

    fn look(&mut self) -> anyhow::Result<Found> {
        // Those of a segment that began meanwhile, too. It may have ended.
        let _ = self.look_for_journals();
        let mut too_early = false;
        for journal in self.journals.iter_mut().filter(|journal| !journal.is_sealed()) {
            for copy in journal.copies()? {
                // It has everything since the recording began.
                if copy.info.stop.monotonic_ns >= self.at_ns {
                    return Ok(Found::All(vec![copy]));
                }
                too_early = true;
            }
            self.sealed.extend(journal.capture()?);
        }
        let last = self.sealed.iter().map(|capture| capture.info.stop.monotonic_ns).max();
        let Some(stop) = last.filter(|stop| *stop >= self.at_ns) else {
            return Ok(if too_early { Found::TooEarly } else { Found::Nothing });
        };
        // Segments before it may still be on their way; the one after it is not ours.
        let mut left = self.journals.iter().filter(|journal| !journal.is_sealed());
        if left.any(|journal| journal.began_before(stop)) {
            return Ok(Found::Nothing);
        }
        let mut captures = std::mem::take(&mut self.sealed);
        captures.sort_by_key(|capture| capture.info.start.monotonic_ns);
        Ok(Found::All(captures))
    }

    /// Bytes in what it is writing; changes as long as it does something.
    fn bytes_written(&self) -> u64 {
        let journals = self.journals.iter().filter(|journal| !journal.is_sealed());
        journals.map(Journal::bytes_written).sum::<u64>() + self.sealed.len() as u64
    }
}
