//! Network namespaces.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;

use rustix::thread::gettid;

use crate::netlink;

/// A network namespace, kept alive by this handle.
#[derive(Debug)]
pub struct Namespace(OwnedFd);

impl Namespace {
    /// A new one with its loopback device up; the calling thread is in it for
    /// a moment only. Needs root.
    ///
    /// # Errors
    /// What unshare(2), setns(2) or netlink say, such as EPERM without root.
    pub fn new() -> io::Result<Self> {
        let own = Self::current()?;
        // SAFETY: changes nothing but the network namespace of this thread.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let made = netlink::link_up("lo").and_then(|()| Self::current());
        own.enter()?;
        made
    }

    /// The namespace of the calling thread.
    ///
    /// # Errors
    /// If /proc cannot be read.
    pub fn current() -> io::Result<Self> {
        File::open("/proc/thread-self/ns/net").map(|file| Self(file.into()))
    }

    /// Moves the calling thread into it.
    ///
    /// # Errors
    /// What setns(2) says, such as EPERM without root.
    pub fn enter(&self) -> io::Result<()> {
        // SAFETY: changes nothing but the network namespace of this thread.
        match unsafe { libc::setns(self.0.as_raw_fd(), libc::CLONE_NEWNET) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Does something in it, on a thread of its own.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter().expect("the namespace");
                work()
            });
            inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// The number `netns` rows carry.
    ///
    /// # Errors
    /// If the descriptor cannot be duplicated.
    pub fn inode(&self) -> io::Result<i64> {
        Ok(File::from(self.0.try_clone()?).metadata()?.ino().cast_signed())
    }

    /// A path that other processes can open it by, such as for `--netns`, as
    /// long as the calling thread lives.
    pub fn path(&self) -> PathBuf {
        let thread = gettid().as_raw_nonzero();
        format!("/proc/{}/task/{thread}/fd/{}", std::process::id(), self.0.as_raw_fd()).into()
    }
}

/// Moves the calling thread into a network namespace of its own, and gives it a
/// table of open files of its own: a process that another thread forks must
/// not keep this one's sockets open.
///
/// # Errors
/// What unshare(2) or netlink say, such as EPERM without root.
pub fn enter_new() -> io::Result<()> {
    // SAFETY: the caller is a thread that has opened nothing yet, so nobody
    // else refers to descriptors of the table it leaves.
    if unsafe { libc::unshare(libc::CLONE_NEWNET | libc::CLONE_FILES) } != 0 {
        return Err(io::Error::last_os_error());
    }
    netlink::link_up("lo")
}

/// Sets a sysctl below `net` of the calling thread's namespace; false
/// where this kernel does not have it.
pub fn set_sysctl(name: &str, value: &str) -> bool {
    match fs::write(format!("/proc/sys/net/{name}"), value) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => panic!("{name} = {value}: {error}"),
    }
}

/// SYNs are given up after 3 s: sent at 0 and 1 s, and then waited for 2 s.
pub fn fast_syn_timeout() {
    set_sysctl("ipv4/tcp_syn_retries", "1");
    // Since Linux 6.5; before, the timeouts were never linear.
    set_sysctl("ipv4/tcp_syn_linear_timeouts", "0");
}
