//! Lines for the person at the terminal.
//!
//! Before and after a session they are written at once. In a session a thread
//! writes them ([`Outlet`]): nobody who reads stderr slowly, or not at all, can
//! stop a recording. What has no room is dropped and counted.

use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use connlat_schema::escape::terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::outlet::Outlet;

/// Bytes of messages that may wait.
const MOST_BYTES: usize = 64 << 10;

static SESSION: OnceLock<Session> = OnceLock::new();

/// Messages while a session runs.
struct Session {
    /// `None` where the thread could not be started, see `write_now`.
    outlet: Option<Outlet>,
    dropped: AtomicU64,
}

/// From now on no message waits for its reader.
pub fn begin_session() {
    SESSION.get_or_init(|| Session {
        outlet: Outlet::start("messages", io::stderr(), MOST_BYTES).ok(),
        dropped: AtomicU64::new(0),
    });
}

/// Waits for the messages of a session, as long as somebody reads them.
pub fn end_session() {
    if let Some(session) = SESSION.get() {
        session.tell_dropped();
        if let Some(outlet) = &session.outlet {
            outlet.finish();
        }
    }
}

/// Prints a line on stderr. Names in it are what somebody called a file or a
/// host, and errors quote what is in one: neither acts on the terminal or begins
/// a line of its own. A stderr that is closed, full or fails is no reason to lose
/// a recording, as `eprintln!` would by panicking or waiting.
pub fn print(line: fmt::Arguments<'_>) {
    let line = format!("{}\n", terminal(&line.to_string()));
    match SESSION.get() {
        None => {
            let _ = io::Write::write_all(&mut io::stderr(), line.as_bytes());
        }
        Some(session) => session.print(line),
    }
}

/// Shows what is soon replaced: nobody misses it.
pub fn show(text: String) {
    if let Some(session) = SESSION.get() {
        session.write(text);
    }
}

impl Session {
    fn print(&self, line: String) {
        self.tell_dropped();
        if !self.write(line) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn tell_dropped(&self) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let what = if dropped == 1 { "message was" } else { "messages were" };
            let line = format!("record: {dropped} {what} dropped: stderr took no more\n");
            if !self.write(line) {
                self.dropped.fetch_add(dropped, Ordering::Relaxed);
            }
        }
    }

    fn write(&self, text: String) -> bool {
        match &self.outlet {
            Some(outlet) => outlet.offer(text),
            None => write_now(&text),
        }
    }
}

/// Without a thread: only where there is room by now. Others who write to the
/// same pipe can take it away in between; a thread is better.
fn write_now(text: &str) -> bool {
    let stderr = io::stderr();
    let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
    let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok_and(|n| n > 0);
    ready && rustix::io::write(&stderr, text.as_bytes()).is_ok()
}

/// Prints a line on stderr; formats like `println!`, fails like nothing.
macro_rules! say {
    ($($format:tt)*) => { $crate::message::print(format_args!($($format)*)) };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_was_dropped_is_counted_once_somebody_reads() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let outlet = Outlet::start("test", writer, 1000).expect("a thread");
        let session = Session { outlet: Some(outlet), dropped: AtomicU64::new(0) };
        let line = format!("{}\n", "x".repeat(999));
        // A pipe holds 64 kB.
        (0..500).for_each(|_| session.print(line.clone()));
        let dropped = session.dropped.load(Ordering::Relaxed);
        assert!((400..500).contains(&dropped), "{dropped}");
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).expect("UTF-8");
            text
        });
        while !session.outlet.as_ref().is_some_and(Outlet::has_room) {
            std::thread::yield_now();
        }
        session.print("later\n".to_owned());
        assert_eq!(session.outlet.as_ref().map(Outlet::finish), Some(0));
        let text = reading.join().expect("a reader");
        let told = format!("record: {dropped} messages were dropped: stderr took no more\nlater\n");
        assert!(text.ends_with(&told), "{}", &text[text.len() - 200..]);
    }
}
