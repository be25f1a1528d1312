//! Processes of a case: forked, so that a case can kill one, change its user
//! or its cgroup.
//!
//! The rig has many threads, so a child may only make system calls: no
//! allocation, no locks. It tells what it saw through a pipe.

use std::ffi::CStr;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::net::SocketAddr;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use socket2::Socket;
use test_support::monotonic_ns;

use crate::client::{Attempt, Who};
use crate::expected::Window;

const WORDS: usize = 4;

/// The child's side of the pipe.
#[derive(Debug)]
pub struct Report(PipeWriter);

impl Report {
    fn send(&mut self, words: [i64; WORDS]) {
        let mut bytes = [0; WORDS * 8];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_ne_bytes());
        }
        let _ = self.0.write_all(&bytes);
    }

    /// Connects, telling the time before and the result after.
    pub fn connect(&mut self, socket: &Socket, to: &socket2::SockAddr) {
        let before = monotonic_ns();
        self.send([before, 0, 0, 0]);
        let result = socket.connect(to);
        let after = monotonic_ns();
        let errno = result.err().and_then(|error| error.raw_os_error()).unwrap_or(0);
        let local = socket.local_addr().ok().and_then(|local| local.as_socket());
        let port = local.map_or(0, |local| local.port());
        self.send([before, after, errno.into(), port.into()]);
    }
}

/// A forked process; killed if it is still alive when dropped.
#[derive(Debug)]
pub struct Child {
    pub who: Who,
    reports: PipeReader,
    alive: bool,
}

/// Forks; `body` may only make system calls.
pub fn fork(comm: &'static CStr, body: impl FnOnce(&mut Report)) -> Child {
    let (reports, writer) = pipe().expect("a pipe");
    let mut who = Who::me();
    // SAFETY: the child makes system calls only, and ends without unwinding
    // or running anything else of this program.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            drop(reports);
            // SAFETY: ends with the thread that made it; the name outlives the call.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                libc::prctl(libc::PR_SET_NAME, comm.as_ptr());
            }
            body(&mut Report(writer));
            // SAFETY: always allowed.
            unsafe { libc::_exit(0) }
        }
        pid => {
            (who.pid, who.tid) = (pid, pid);
            who.comm = comm.to_string_lossy().into_owned();
            Child { who, reports, alive: true }
        }
    }
}

impl Child {
    fn next(&mut self) -> [i64; WORDS] {
        let mut bytes = [0; WORDS * 8];
        self.reports.read_exact(&mut bytes).expect("the child's report");
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = i64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
        }
        words
    }

    /// The connect the child has begun; its end is not known.
    pub fn begun(&mut self, netns: i64, from: SocketAddr, to: SocketAddr) -> Attempt {
        let [before, ..] = self.next();
        let called = Window::new(before, i64::MAX);
        Attempt { who: self.who.clone(), netns, from, to, called, errno: None }
    }

    /// The connect whose beginning was told, after it returned.
    pub fn returned(&mut self, mut attempt: Attempt) -> Attempt {
        let [_, after, errno, port] = self.next();
        attempt.called.to = after;
        attempt.errno = (errno != 0).then_some(errno as i32);
        attempt.from.set_port(port as u16);
        attempt
    }

    /// Kills the process and waits until it is gone; when that was.
    pub fn kill(mut self) -> Window {
        let before = monotonic_ns();
        self.end(true);
        Window::new(before, monotonic_ns())
    }

    /// Waits for the process to end by itself; by when it had.
    pub fn wait(mut self) -> i64 {
        self.end(false);
        monotonic_ns()
    }

    fn end(&mut self, kill: bool) {
        let pid = Pid::from_raw(self.who.pid).expect("a process");
        if kill {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = waitpid(Some(pid), WaitOptions::empty());
        self.alive = false;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.alive {
            self.end(true);
        }
    }
}
