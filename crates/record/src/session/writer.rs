//! The thread that turns events into journal entries.
//!
//! Apart from the collector, so that a slow disk delays the journal and not
//! the ring buffer; and fdatasync(2), the slowest call, has a thread of its
//! own. The queue between them is bounded: when it is full the collector waits,
//! the ring buffer absorbs, and what does not fit there is counted by the
//! probe, in one place.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::decode::ConnectEvent;

use crate::capture::RowBuilder;
use crate::threads;

/// Batches waiting for the disk: six seconds of a quiet host, half a million
/// events of a busy one.
const QUEUE: usize = 64;
/// How often the journal is forced to the disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(2);

struct Batch {
    events: Vec<ConnectEvent>,
    offset_ns: i64,
    note: Note,
}

/// Handle of the writing thread, and of the one that forces its data to the disk.
pub struct Writer {
    queue: SyncSender<Batch>,
    writing: JoinHandle<anyhow::Result<()>>,
    file: File,
    sent: u64,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: AtomicU64,
    rows: AtomicU64,
    progress: Mutex<Progress>,
    progressed: Condvar,
    /// The first failure to force data to the disk: the kernel reports each
    /// only once, so a later success would not take it back.
    sync_error: OnceLock<io::Error>,
}

/// How far the writing thread is.
#[derive(Debug, Default)]
struct Progress {
    /// The head is written.
    begun: bool,
    /// Batches that are written.
    batches: u64,
    /// The thread writes no more.
    ended: bool,
}

impl State {
    /// The journal has this many bytes now, and `change` has happened.
    fn progress(&self, bytes: u64, change: impl FnOnce(&mut Progress)) {
        self.bytes.store(bytes, Ordering::Relaxed);
        change(&mut self.progress.lock().unwrap_or_else(PoisonError::into_inner));
        self.progressed.notify_all();
    }

    /// Waits until the thread is as far as wanted or has ended, or `patience`
    /// is over.
    fn wait(&self, patience: Duration, wanted: impl Fn(&Progress) -> bool) {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = |progress: &mut Progress| !progress.ended && !wanted(progress);
        // Whether in time or not, and poisoned or not: the caller looks itself.
        let _ = self.progressed.wait_timeout_while(progress, patience, waiting);
    }
}

/// Says that the thread has ended, also when it panics.
struct Ending<'a>(&'a State);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let bytes = self.0.bytes.load(Ordering::Relaxed);
        self.0.progress(bytes, |progress| progress.ended = true);
    }
}

impl Writer {
    /// Starts the threads; the journal's head is the first thing written.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(file: File, info: CaptureInfo, rows: RowBuilder) -> anyhow::Result<Self> {
        let kept = file.try_clone().context(WHAT)?;
        let synced = file.try_clone().context(WHAT)?;
        let (queue, batches) = sync_channel(QUEUE);
        let state = Arc::new(State::default());
        let (ended, end) = channel::<()>();
        // Ends when the writing thread drops `ended`.
        let syncing = Arc::clone(&state);
        threads::start("sync", move || {
            while end.recv_timeout(SYNC_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = synced.sync_data() {
                    let _ = syncing.sync_error.set(error);
                    return;
                }
            }
        })?;
        let writing = {
            let state = Arc::clone(&state);
            threads::start("journal", move || {
                let _ended = ended;
                let _ending = Ending(&state);
                write(file, &info, rows, &batches, &state)
            })?
        };
        Ok(Self { queue, writing, file: kept, sent: 0, state })
    }

    /// Waits until the head is written.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn begun(self) -> anyhow::Result<Self> {
        self.state.wait(Duration::MAX, |progress| progress.begun);
        if self.bytes() == 0 {
            self.finish().1?;
            anyhow::bail!(WHAT);
        }
        Ok(self)
    }

    /// Queues events with the clock offset in force and what is known by now;
    /// false when the thread has ended over an error.
    pub fn send(&mut self, events: Vec<ConnectEvent>, offset_ns: i64, note: Note) -> bool {
        self.sent += 1;
        self.queue.send(Batch { events, offset_ns, note }).is_ok()
    }

    /// Bytes in the journal.
    pub fn bytes(&self) -> u64 {
        self.state.bytes.load(Ordering::Relaxed)
    }

    /// Bytes in the journal, and its rows.
    pub fn written(&self) -> (u64, u64) {
        (self.bytes(), self.state.rows.load(Ordering::Relaxed))
    }

    /// The journal, to read what was sent until now.
    ///
    /// # Errors
    /// From dup(2).
    pub fn so_far(&self) -> io::Result<SoFar> {
        Ok(SoFar {
            journal: self.file.try_clone()?,
            sent: self.sent,
            state: Arc::clone(&self.state),
        })
    }

    /// Writes what is queued, closes the journal and forces it to the disk;
    /// the journal, and the first error of the thread, if any. Whole batches
    /// before it are in the journal.
    pub fn finish(self) -> (File, anyhow::Result<()>) {
        drop(self.queue);
        let result = match self.writing.join() {
            Ok(result) => result,
            Err(_) => Err(anyhow::anyhow!("the journal thread panicked")),
        };
        (self.file, result)
    }
}

/// A journal that goes on, and how much of it was asked for.
pub struct SoFar {
    journal: File,
    sent: u64,
    state: Arc<State>,
}

impl SoFar {
    /// The journal when it has what was asked for, or as it is after `patience`.
    pub fn wait(self, patience: Duration) -> File {
        self.state.wait(patience, |progress| progress.batches >= self.sent);
        self.journal
    }
}

const WHAT: &str = "cannot write the journal";

fn write(
    file: File,
    info: &CaptureInfo,
    mut rows: RowBuilder,
    batches: &Receiver<Batch>,
    state: &State,
) -> anyhow::Result<()> {
    let mut journal = JournalWriter::create(&file, info).or_else(|error| {
        // Half a head is no journal; an empty one holds nothing and says so.
        let _ = file.set_len(0);
        Err(error).context(WHAT)
    })?;
    state.progress(journal.bytes(), |progress| progress.begun = true);
    for Batch { events, offset_ns, note } in batches {
        if let Some(error) = state.sync_error.get() {
            anyhow::bail!("cannot force the journal to the disk: {error}");
        }
        let batch = rows.batch(events, offset_ns).context("cannot build rows")?;
        if let Err(error) = journal.write(&batch, &note) {
            // The message is torn: nothing may follow it.
            let _ = journal.get_ref().set_len(journal.bytes());
            return Err(error).context(WHAT);
        }
        state.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        state.progress(journal.bytes(), |progress| progress.batches += 1);
    }
    journal.finish().context(WHAT)?.sync_data().context(WHAT)
}
