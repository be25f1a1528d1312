//! The capture side of a session: one file, or a tree of rotated segments.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use anyhow::{Context, ensure};
use chrono::Utc;
use connlat_schema::capture::metadata::{CaptureInfo, Counters, StopReason};
use connlat_schema::decode::ConnectEvent;

use super::disk::Waiting;
use super::limits::LimitWatch;
use super::next::NextJournal;
use super::options::{CaptureOptions, Destination, Rotate};
use super::sealer::{Keeper, Sealer};
use super::segment::Segment;
use super::stop;
use super::tick::Tick;
use crate::capture::Output;
use crate::capture::naming::{CaptureTree, capture_name, snapshot_name};
use crate::capture::retention::{Foreign, Owner};
use crate::files::{Helper, maker};
use crate::host::{CgroupPaths, Clock, ClockReading, Identity};
use crate::message::say;
use crate::privileges::{self, User, can_write};

/// Segments that may wait for being sealed before rotation waits too.
const MAX_WAITING: usize = 2;

/// Where captures go, checked and ready.
pub enum Target {
    /// One capture, of this name.
    File(Output),
    /// One capture, of this name or a number after it: nobody chose the name.
    Numbered(Output),
    /// Segments, cut by age or size.
    Tree(CaptureTree, Option<Rotate>),
}

impl Target {
    /// Looks that nothing is in the way; nothing is created yet.
    ///
    /// # Errors
    /// [`crate::capture::output::OutputError`].
    pub fn choose(options: &CaptureOptions, host: &str) -> anyhow::Result<Self> {
        let file = |path: &std::path::Path| Output::at(path, options.force, options.mode);
        Ok(match &options.destination {
            Destination::File(path) => Self::File(file(path)?),
            Destination::Default => {
                let name = capture_name(host, Utc::now());
                Self::Numbered(Output::unchecked(name.as_ref(), options.force, options.mode)?)
            }
            Destination::Tree { root, rotate } => {
                Self::Tree(CaptureTree::open(root, host, options.mode)?, *rotate)
            }
        })
    }
}

impl Target {
    /// The directory that is written to.
    pub fn directory(&self) -> BorrowedFd<'_> {
        match self {
            Self::File(output) | Self::Numbered(output) => output.directory(),
            Self::Tree(tree, _) => tree.root(),
        }
    }

    /// Starts the process that makes the directory again if it is removed.
    /// Without one it is not made again, and the recording says so then.
    pub fn start_helper(&self, user: Option<User>) -> Option<Arc<Helper>> {
        let directory = match self {
            Self::File(output) | Self::Numbered(output) => output.files(),
            Self::Tree(tree, _) => tree.files(),
        };
        // Rights to the root of everything would be no wall.
        let above = directory.above().filter(|above| !above.is_root())?;
        let (below, above) = (directory.as_fd(), above.as_fd());
        let can = privileges::can_make_again(user, below, above);
        let give_up = || privileges::keep_for_maker(user, below, above);
        can.then(|| maker::start(directory, give_up).ok()).flatten()
    }

    /// Makes what is new in a tree a user's.
    ///
    /// # Errors
    /// When that user could not write there.
    pub fn hand_over(&self, user: User) -> anyhow::Result<()> {
        let directory = match self {
            Self::File(output) | Self::Numbered(output) => output.files().clone(),
            Self::Tree(tree, _) => tree.host_directory()?,
        };
        let may_write = || can_write(user, directory.as_fd());
        let is_tree = matches!(self, Self::Tree(..));
        if is_tree && !may_write() && directory.is_empty()? {
            let shown = directory.shown_itself().display();
            let what = || format!("cannot give {shown} to {user}");
            directory.give_to(user.ids()).with_context(what)?;
        }
        let shown = directory.shown_itself().display();
        ensure!(may_write(), "{user} may not write {shown}; chown it, or name another directory");
        Ok(())
    }
}

/// Captures being written.
pub struct Recording {
    segment: Segment,
    sealer: Sealer,
    target: Target,
    info: CaptureInfo,
    limits: LimitWatch,
    cgroups: CgroupPaths,
    rows_before: u64,
    next: Next,
    snapshot_wanted: bool,
    /// Segments that are not sealed yet.
    waiting: Waiting,
}

/// The next segment.
enum Next {
    /// It is not time yet.
    Later,
    /// Its journal is being created.
    Created(NextJournal),
    /// It could not begin, which has been said: there will be none.
    Never,
}

impl Recording {
    /// Creates the first journal.
    ///
    /// # Errors
    /// When it cannot be created or written.
    pub fn start(
        target: Target,
        options: &CaptureOptions,
        identity: &Identity,
        mut info: CaptureInfo,
        limits: LimitWatch,
        cgroups: CgroupPaths,
    ) -> anyhow::Result<Self> {
        let keeper = match &target {
            Target::File(_) | Target::Numbered(_) => None,
            Target::Tree(tree, _) => {
                info.segment = Some(1);
                let owner = Owner {
                    host: identity.host.clone(),
                    machine_id_hash: identity.machine_id_hash.clone(),
                    boot_id: identity.boot_id.clone(),
                    started: ClockReading::now(),
                };
                let (tree, foreign) = (tree.clone(), Foreign::default());
                Some(Keeper { retention: options.retention, tree, owner, foreign })
            }
        };
        // Before there is a journal: without this thread none may be left behind.
        let sealer = Sealer::start(keeper)?;
        let (output, journal) = match &target {
            Target::File(output) => (output.clone(), output.create_journal()?),
            Target::Numbered(output) if output.replace() => {
                (output.clone(), output.create_journal()?)
            }
            Target::Numbered(output) => output.clone().create_first_unused()?,
            Target::Tree(tree, _) => tree.create_journal(Utc::now())?,
        };
        let (base, names) = (Counters::default(), cgroups.clone());
        let segment = Segment::start(output, journal, info.clone(), base, names)?.begun()?;
        let (rows_before, next) = (0, Next::Later);
        let (snapshot_wanted, waiting) = (false, Waiting::default());
        Ok(Self {
            segment,
            sealer,
            target,
            info,
            limits,
            cgroups,
            rows_before,
            next,
            snapshot_wanted,
            waiting,
        })
    }

    /// Queues events, rotates where it is time; a reason to stop when the
    /// journal cannot be written or a limit is reached.
    pub fn write(&mut self, events: Vec<ConnectEvent>, tick: &mut Tick<'_>) -> Option<StopReason> {
        if !self.segment.write(events, tick) {
            return Some(StopReason::Failed("the journal could not be written".to_owned()));
        }
        // However often it is asked for: one at a time, and one after it.
        if self.snapshot_wanted && self.sealer.waiting() == 0 {
            self.snapshot_wanted = false;
            if let Err(error) = self.snapshot(tick) {
                // The recording itself is not affected.
                say!("record: cannot take a snapshot: {error:#}");
            }
        }
        // Asked for after these events were fetched, perhaps: it is for the next ones.
        self.snapshot_wanted |= stop::snapshot_requested();
        if let Err(error) = self.rotate_if_due(tick) {
            self.next = Next::Never;
            say!("record: cannot begin the next segment: {error:#}");
            return Some(StopReason::Failed(format!("{error:#}")));
        }
        self.limits.reached(self.rows(), self.peak_bytes())
    }

    /// Rows of the whole recording so far.
    pub fn rows(&self) -> u64 {
        self.rows_before + self.segment.rows()
    }

    /// Bytes on disk: the journal and sealed captures.
    pub fn bytes(&self) -> u64 {
        self.segment.bytes() + self.sealer.bytes()
    }

    /// Bytes on disk at the worst moment of sealing everything, if it ended now.
    fn peak_bytes(&self) -> u64 {
        self.segment.peak_bytes() + self.waiting.bytes() + self.sealer.bytes()
    }

    fn rotation_is_due(&self) -> bool {
        // A host too slow to seal gets larger segments, not more of them.
        if self.sealer.waiting() > MAX_WAITING {
            return false;
        }
        match &self.target {
            Target::Tree(_, Some(Rotate::Age(age))) => self.segment.started().elapsed() >= *age,
            Target::Tree(_, Some(Rotate::Bytes(bytes))) => self.segment.bytes() >= *bytes,
            _ => false,
        }
    }

    /// Has the next journal created where it is time; once that is there, ends
    /// this segment and begins the next. Sealing goes on meanwhile.
    fn rotate_if_due(&mut self, tick: &mut Tick<'_>) -> anyhow::Result<()> {
        if self.rotation_is_due() {
            self.create_next(StopReason::Rotated)?;
        }
        let Next::Created(next) = &self.next else { return Ok(()) };
        let Some((output, journal, reason)) = next.take()? else { return Ok(()) };
        self.next = Next::Later;
        let next_clock = Clock::start();
        self.info.segment = self.info.segment.map(|number| number + 1);
        self.info.start = tick.now.instant();
        self.info.clock = next_clock.samples().to_vec();
        let (info, base) = (self.info.clone(), tick.known.counters.clone());
        let next = Segment::start(output, journal, info, base, self.cgroups.clone())?;
        let finished = std::mem::replace(&mut self.segment, next);
        self.rows_before += finished.rows();
        let share = self.waiting.hold(finished.peak_bytes());
        self.sealer.seal(finished.finish(reason, tick, share));
        *tick.clock = next_clock;
        Ok(())
    }

    /// Asks for the journal of another segment, if that was not done yet.
    fn create_next(&mut self, reason: StopReason) -> anyhow::Result<()> {
        if let (Target::Tree(tree, _), Next::Later) = (&self.target, &self.next) {
            self.next = Next::Created(NextJournal::create(tree.clone(), reason)?);
        }
        Ok(())
    }

    /// Makes what there is now a file of its own, and goes on.
    fn snapshot(&mut self, tick: &Tick<'_>) -> anyhow::Result<()> {
        match &self.target {
            Target::Tree(..) => self.create_next(StopReason::Snapshot),
            Target::File(_) | Target::Numbered(_) => {
                let name = snapshot_name(self.segment.name(), Utc::now());
                let snapshot = self.segment.snapshot(tick)?;
                self.sealer.snapshot(snapshot, name);
                Ok(())
            }
        }
    }

    /// Seals what is left; false if anything could not be sealed.
    pub fn finish(self, reason: StopReason, tick: &Tick<'_>) -> bool {
        let Self { segment, sealer, next, waiting, .. } = self;
        let share = waiting.hold(segment.peak_bytes());
        sealer.seal(segment.finish(reason, tick, share));
        if let Next::Created(next) = next {
            next.discard();
        }
        sealer.finish()
    }
}
