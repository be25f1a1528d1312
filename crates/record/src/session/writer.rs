//! The thread that turns events into journal entries.
//!
//! Apart from the collector, so that a slow disk delays the journal and not
//! the ring buffer; and fdatasync(2), the slowest call, has a thread of its own. The queue between them is bounded: when it is full the
//! collector waits, the ring buffer absorbs, and what does not fit there is
//! counted by the probe, in one place.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::decode::ConnectEvent;

use crate::capture::RowBuilder;

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
    written: AtomicU64,
    /// The first failure to force data to the disk: the kernel reports each
    /// only once, so a later success would not take it back.
    sync_error: OnceLock<io::Error>,
}

impl Writer {
    /// Writes the journal's head and starts the threads.
    ///
    /// # Errors
    /// When the head cannot be written or a thread not be started.
    pub fn start(file: File, info: &CaptureInfo, rows: RowBuilder) -> anyhow::Result<Self> {
        let kept = file.try_clone().context(WHAT)?;
        let synced = file.try_clone().context(WHAT)?;
        let journal = JournalWriter::create(file, info).context(WHAT)?;
        let (queue, batches) = sync_channel(QUEUE);
        let state = Arc::new(State::default());
        state.bytes.store(journal.bytes(), Ordering::Relaxed);
        let (ended, end) = channel::<()>();
        // Ends when the writing thread drops `ended`.
        let syncing = Arc::clone(&state);
        thread::Builder::new().name("sync".to_owned()).spawn(move || {
            while end.recv_timeout(SYNC_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = synced.sync_data() {
                    let _ = syncing.sync_error.set(error);
                    return;
                }
            }
        })?;
        let writing = {
            let state = Arc::clone(&state);
            thread::Builder::new().name("journal".to_owned()).spawn(move || {
                let _ended = ended;
                write(journal, rows, &batches, &state)
            })?
        };
        Ok(Self { queue, writing, file: kept, sent: 0, state })
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

    /// Waits until everything sent is in the journal, but not forever.
    pub fn wait_until_written(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.state.written.load(Ordering::Acquire) < self.sent
            && !self.writing.is_finished()
            && Instant::now() < deadline
        {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The journal, to read what is in it now.
    ///
    /// # Errors
    /// From dup(2).
    pub fn journal(&self) -> std::io::Result<File> {
        self.file.try_clone()
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

const WHAT: &str = "cannot write the journal";

fn write(
    mut journal: JournalWriter<File>,
    mut rows: RowBuilder,
    batches: &Receiver<Batch>,
    state: &State,
) -> anyhow::Result<()> {
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
        state.bytes.store(journal.bytes(), Ordering::Relaxed);
        state.written.fetch_add(1, Ordering::Release);
    }
    journal.finish().context(WHAT)?.sync_data().context(WHAT)
}
