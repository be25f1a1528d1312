//! Text for a reader that may be slow or gone, such as a terminal that is
//! stopped or a pipe that nobody empties.
//!
//! A thread of its own writes, and only it waits for the reader. The queue is
//! bounded; whoever adds to it is told when there is no room. The descriptor
//! is left as it is: O_NONBLOCK would change it for the processes it is shared
//! with, and poll(2) before write(2) promises nothing where others write too.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::threads::{self, CannotStart};

/// Bytes of one write(2): a slow reader shows progress after each.
const PIECE: usize = 4096;
/// How long a reader may take nothing before the end does not wait for it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the end waits for a reader that takes something.
const LONGEST: Duration = Duration::from_secs(5);

/// A queue of texts and the thread that writes them.
#[derive(Debug)]
pub struct Outlet {
    shared: Arc<Shared>,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<String>,
    bytes: usize,
    /// A text is being written.
    writing: bool,
    /// Grows with each piece that was written.
    pieces: u64,
    error: Option<io::Error>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet {
    /// Starts the thread. At most `most_bytes` wait, one text excepted.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        name: &'static str,
        to: impl AsFd + Send + 'static,
        most_bytes: usize,
    ) -> Result<Self, CannotStart> {
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        threads::start(name, move || work(&of_thread, to))?;
        Ok(Self { shared, most_bytes })
    }

    /// Queues a text; false when there is no room, or nobody to write it to.
    pub fn offer(&self, text: String) -> bool {
        let mut state = self.shared.lock();
        if state.error.is_some() || !self.has_room_for(&state, text.len()) {
            return false;
        }
        state.bytes += text.len();
        state.queue.push_back(text);
        self.shared.changed.notify_all();
        true
    }

    /// Whether the queue is less than half full.
    pub fn has_room(&self) -> bool {
        self.shared.lock().bytes < self.most_bytes / 2
    }

    fn has_room_for(&self, state: &State, bytes: usize) -> bool {
        state.queue.is_empty() || state.bytes + bytes <= self.most_bytes
    }

    /// What made the thread give up, once.
    pub fn take_error(&self) -> Option<io::Error> {
        let mut state = self.shared.lock();
        // Later texts are refused as well.
        let error = state.error.as_mut()?;
        Some(std::mem::replace(error, io::ErrorKind::BrokenPipe.into()))
    }

    /// Waits until all is written, but not long for a reader that takes
    /// nothing; returns how many texts were not written.
    pub fn finish(&self) -> usize {
        let begun = Instant::now();
        let (mut seen, mut at) = (0, begun);
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.changed.notify_all();
        while (state.writing || !state.queue.is_empty()) && state.error.is_none() {
            if state.pieces != seen {
                (seen, at) = (state.pieces, Instant::now());
            }
            let left =
                (at + PATIENCE).min(begun + LONGEST).saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.queue.len() + usize::from(state.writing)
    }
}

fn work(shared: &Shared, to: impl AsFd) {
    let mut state = shared.lock();
    loop {
        let Some(text) = state.queue.pop_front() else {
            if state.closed {
                return;
            }
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        state.writing = true;
        drop(state);
        let mut result = Ok(());
        let mut rest = text.as_bytes();
        while !rest.is_empty() && result.is_ok() {
            match write_some(&to, &rest[..rest.len().min(PIECE)]) {
                Ok(written) => rest = &rest[written..],
                Err(error) => result = Err(error),
            }
            shared.lock().pieces += 1;
            shared.changed.notify_all();
        }
        state = shared.lock();
        state.writing = false;
        state.bytes -= text.len();
        if let Err(error) = result {
            state.error = Some(error);
            shared.changed.notify_all();
            return;
        }
        shared.changed.notify_all();
    }
}

/// Writes what fits, waiting also where somebody else set O_NONBLOCK.
fn write_some(to: &impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match rustix::io::write(to, bytes) {
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let _ = poll(&mut [PollFd::new(to, PollFlags::OUT)], None);
            }
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            result => return Ok(result?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn texts_keep_their_order_and_a_stalled_reader_stops_nobody() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let outlet = Outlet::start("test", writer, 1 << 20).expect("a thread");
        let lines: Vec<String> = (0..100_000).map(|n| format!("{n}\n")).collect();
        let taken = lines.iter().take_while(|line| outlet.offer((*line).clone())).count();
        assert!(taken > 1_000 && taken < lines.len() || taken == lines.len(), "{taken}");
        let more = "x".repeat(1 << 20);
        assert!(!outlet.offer(more), "a pipe holds 64 kB, the queue no more than this");
        let begun = Instant::now();
        let left = outlet.finish();
        assert!(left > 0 && begun.elapsed() < LONGEST, "{left} after {:?}", begun.elapsed());
        let mut text = vec![0; 5];
        reader.read_exact(&mut text).expect("what was written");
        assert_eq!(text, b"0\n1\n2");
    }

    #[test]
    fn a_reader_that_reads_gets_all() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let outlet = Outlet::start("test", writer, 1 << 20).expect("a thread");
        let expected: String = (0..10_000).map(|n| format!("{n}\n")).collect();
        for n in 0..10_000 {
            assert!(outlet.offer(format!("{n}\n")));
        }
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).expect("UTF-8");
            text
        });
        assert_eq!(outlet.finish(), 0);
        drop(outlet);
        assert_eq!(reading.join().expect("a reader"), expected);
    }

    #[test]
    fn a_reader_that_went_away_is_an_error() {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let outlet = Outlet::start("test", writer, 100).expect("a thread");
        assert!(outlet.offer("x".to_owned()));
        outlet.finish();
        let error = outlet.take_error().expect("an error");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(!outlet.offer("y".to_owned()));
    }
}
