//! The thread that seals segments while the next one is recorded, and then
//! deletes what need not be kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use connlat_schema::capture::metadata::CaptureInfo;

use super::progress;
use super::segment::{Finished, Snapshot};
use crate::capture::Output;
use crate::capture::naming::CaptureTree;
use crate::capture::retention::{self, Foreign, Owner, Retention};
use crate::capture::seal::Sealed;
use crate::host::ClockReading;
use crate::message::say;
use crate::threads::{self, CannotStart};

enum Job {
    Seal(Box<Finished>),
    Snapshot(Box<Snapshot>, String),
}

/// Handle of the sealing thread.
pub struct Sealer {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
    bytes: Arc<AtomicU64>,
    failed: Arc<AtomicBool>,
    waiting: Arc<AtomicUsize>,
}

/// What a sealer keeps of the segments in its tree.
pub struct Keeper {
    /// What to keep.
    pub retention: Retention,
    /// Where segments are.
    pub tree: CaptureTree,
    /// Whose they are.
    pub owner: Owner,
    /// What else is there.
    pub foreign: Foreign,
}

impl Sealer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(keeper: Option<Keeper>) -> Result<Self, CannotStart> {
        let (jobs, queue) = channel();
        let (bytes, failed) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let waiting = Arc::<AtomicUsize>::default();
        let thread = {
            let (bytes, failed) = (Arc::clone(&bytes), Arc::clone(&failed));
            let waiting = Arc::clone(&waiting);
            threads::start("sealer", move || {
                work(&queue, keeper, &bytes, &failed, &waiting);
            })?
        };
        Ok(Self { jobs, thread, bytes, failed, waiting })
    }

    /// Seals a segment in its turn.
    pub fn seal(&self, segment: Finished) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The thread ends only after this handle is gone.
        let _ = self.jobs.send(Job::Seal(Box::new(segment)));
    }

    /// Writes a snapshot in its turn.
    pub fn snapshot(&self, snapshot: Snapshot, name: String) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _ = self.jobs.send(Job::Snapshot(Box::new(snapshot), name));
    }

    /// Segments and snapshots that are not written yet; each holds threads
    /// and descriptors.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Bytes of captures sealed and not deleted since.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Waits for what is queued; false if something could not be sealed.
    pub fn finish(self) -> bool {
        drop(self.jobs);
        self.thread.join().is_ok() && !self.failed.load(Ordering::Relaxed)
    }
}

fn work(
    queue: &Receiver<Job>,
    mut keeper: Option<Keeper>,
    bytes: &AtomicU64,
    failed: &AtomicBool,
    waiting: &AtomicUsize,
) {
    for job in queue {
        let result = match job {
            Job::Seal(segment) => segment.seal(),
            Job::Snapshot(snapshot, name) => snapshot.write(name).map_err(Into::into),
        };
        match result {
            Ok(done) => {
                bytes.fetch_add(done.0.bytes, Ordering::Relaxed);
                announce(&done);
            }
            Err(error) => {
                say!("record: {error:#}");
                failed.store(true, Ordering::Relaxed);
            }
        }
        waiting.fetch_sub(1, Ordering::Relaxed);
        if let Some(keeper) = &mut keeper {
            match keeper.delete() {
                Ok(freed) => {
                    let _ = bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| {
                        Some(bytes.saturating_sub(freed))
                    });
                }
                Err(error) => say!("record: cannot delete old segments: {error:#}"),
            }
        }
    }
}

fn announce((sealed, info, output): &(Sealed, CaptureInfo, Output)) {
    progress::print_result(sealed, info, &output.shown());
}

impl Keeper {
    /// Deletes old segments; the bytes that are free again.
    fn delete(&mut self) -> anyhow::Result<u64> {
        let directory = self.tree.host_directory()?;
        let now = ClockReading::now();
        let former = self.tree.former_directory();
        let hosts: Vec<_> = std::iter::once(&directory).chain(former.as_ref()).collect();
        let deleted =
            retention::apply(self.retention, &hosts, &self.owner, now, &mut self.foreign)?;
        if let Some(error) = deleted.failed {
            say!("record: cannot delete an old segment: {error}");
        }
        Ok(deleted.segments.iter().map(|segment| segment.bytes).sum())
    }
}
