//! Runs all cases at once around one recording.
//!
//! Each case has a thread, a namespace and a table of open files of its own,
//! and keeps them until the recording has stopped: then no number that
//! identifies its rows can have been used twice.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Barrier, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use test_support::{Capture, Recording, monotonic_ns};
use test_support::{Namespace, namespace};

use crate::expected::{Expected, Window};

/// Longest time all cases together may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a case cannot be run here.
#[derive(Debug, Clone)]
pub enum Skip {
    /// This kernel cannot do it.
    Kernel(String),
    /// Something the rig needs is not installed.
    Missing(String),
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(why) => write!(f, "not on this kernel: {why}"),
            Self::Missing(what) => write!(f, "needs {what}"),
        }
    }
}

/// The rows a case must have produced, all of them.
pub type Report = Result<Vec<Expected>, Skip>;

/// One case.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub run: fn(&Stage) -> Report,
}

/// What a case may use while it runs.
pub struct Stage {
    /// Inode of the case's network namespace.
    pub netns: i64,
    control: Arc<Control>,
    ready: Sender<&'static str>,
    name: &'static str,
    announced: AtomicBool,
}

/// A case that was run.
pub struct Done {
    pub name: &'static str,
    pub netns: i64,
    /// `Err` is the message of a panic.
    pub report: Result<Report, String>,
}

struct Control {
    /// Until every thread has left the common table of open files.
    separated: Barrier,
    stopped: Mutex<Option<Window>>,
    changed: Condvar,
}

impl Stage {
    /// Returns when the recording has ended: the window in which it did.
    pub fn until_stopped(&self) -> Window {
        if !self.announced.swap(true, Ordering::Relaxed) {
            let _ = self.ready.send(self.name);
        }
        let mut stopped = self.control.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(window) = *stopped {
                return window;
            }
            let waited = self.control.changed.wait(stopped);
            stopped = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Records while all cases run.
pub fn run(cases: &[Case], arguments: &[&str]) -> (Capture, Vec<Done>) {
    let recording = Recording::start(arguments);
    let control = Arc::new(Control {
        separated: Barrier::new(cases.len()),
        stopped: Mutex::new(None),
        changed: Condvar::new(),
    });
    let (ready, announcements) = channel();
    let threads: Vec<JoinHandle<Done>> = cases
        .iter()
        .map(|&case| {
            let (control, ready) = (Arc::clone(&control), ready.clone());
            // The kernel keeps 15 bytes of a thread's name.
            let name: String = case.name.chars().take(15).collect();
            let thread = thread::Builder::new().name(name);
            thread.spawn(move || act(case, control, ready)).expect("a thread")
        })
        .collect();
    drop(ready);

    let deadline = Instant::now() + PATIENCE;
    let mut waiting: Vec<&str> = cases.iter().map(|case| case.name).collect();
    while !waiting.is_empty() {
        match announcements.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(name) => waiting.retain(|waiting| *waiting != name),
            Err(RecvTimeoutError::Timeout) => panic!("not finished in time: {waiting:?}"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let before = monotonic_ns();
    let capture = recording.finish();
    let window = Window::new(before, monotonic_ns());
    *control.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(window);
    control.changed.notify_all();
    let done = threads.into_iter().map(|thread| thread.join().expect("panics are caught"));
    (capture, done.collect())
}

fn act(case: Case, control: Arc<Control>, ready: Sender<&'static str>) -> Done {
    let entered = namespace::enter_new();
    control.separated.wait();
    let netns = entered.and_then(|()| Namespace::current()?.inode());
    let name = case.name;
    let netns = match netns {
        Ok(netns) => netns,
        Err(error) => {
            let _ = ready.send(name);
            return Done { name, netns: -1, report: Err(format!("no namespace: {error}")) };
        }
    };
    let stage = Stage { netns, control, ready, name, announced: AtomicBool::new(false) };
    let report = catch_unwind(AssertUnwindSafe(|| (case.run)(&stage))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("a panic without a message").to_owned()
    });
    stage.until_stopped();
    Done { name, netns, report }
}
