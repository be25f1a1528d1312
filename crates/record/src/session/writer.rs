//! The thread that turns events into journal entries.
//!
//! Apart from the collector, so that a slow disk delays the journal and not
//! the ring buffer. The queue between them is bounded: when it is full the
//! collector waits, the ring buffer absorbs, and what does not fit there is
//! counted by the probe, in one place.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::decode::ConnectEvent;

use crate::capture::RowBuilder;

/// Batches waiting for the disk.
const QUEUE: usize = 16;
/// How often the journal is forced to the disk.
const SYNC_INTERVAL: Duration = Duration::from_secs(2);

struct Batch {
    events: Vec<ConnectEvent>,
    offset_ns: i64,
    note: Note,
}

/// Handle of the writing thread.
pub struct Writer {
    queue: SyncSender<Batch>,
    thread: JoinHandle<anyhow::Result<()>>,
    bytes: Arc<AtomicU64>,
}

impl Writer {
    /// Writes the journal's head and starts the thread.
    ///
    /// # Errors
    /// When the head cannot be written or the thread not be started.
    pub fn start(file: File, info: &CaptureInfo, rows: RowBuilder) -> anyhow::Result<Self> {
        let journal = JournalWriter::create(file, info).context("cannot write the journal")?;
        let (queue, batches) = sync_channel(QUEUE);
        let bytes = Arc::new(AtomicU64::new(journal.bytes()));
        let thread = {
            let bytes = Arc::clone(&bytes);
            thread::Builder::new()
                .name("journal".to_owned())
                .spawn(move || write(journal, rows, &batches, &bytes))?
        };
        Ok(Self { queue, thread, bytes })
    }

    /// Queues events with the clock offset in force and what is known by now;
    /// false when the thread has ended over an error.
    pub fn send(&mut self, events: Vec<ConnectEvent>, offset_ns: i64, note: Note) -> bool {
        self.queue.send(Batch { events, offset_ns, note }).is_ok()
    }

    /// Bytes in the journal.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes what is queued, closes the journal and forces it to the disk.
    ///
    /// # Errors
    /// The first error of the thread; whole batches before it are in the journal.
    pub fn finish(self) -> anyhow::Result<()> {
        drop(self.queue);
        match self.thread.join() {
            Ok(result) => result,
            Err(_) => anyhow::bail!("the journal thread panicked"),
        }
    }

    /// Ends the thread of a journal that nobody will need.
    pub fn discard(self) {
        let _ = self.finish();
    }
}

fn write(
    mut journal: JournalWriter<File>,
    mut rows: RowBuilder,
    batches: &Receiver<Batch>,
    bytes: &AtomicU64,
) -> anyhow::Result<()> {
    const WHAT: &str = "cannot write the journal";
    let mut synced = Instant::now();
    for Batch { events, offset_ns, note } in batches {
        let batch = rows.batch(events, offset_ns).context("cannot build rows")?;
        journal.write(&batch, &note).context(WHAT)?;
        bytes.store(journal.bytes(), Ordering::Relaxed);
        if synced.elapsed() >= SYNC_INTERVAL {
            journal.get_ref().sync_data().context(WHAT)?;
            synced = Instant::now();
        }
    }
    journal.finish().context(WHAT)?.sync_data().context(WHAT)
}
