//! A network namespace and a table of open files for each case.
//!
//! The namespace separates sysctls, firewalls and ports, and its inode tells
//! which rows belong to which case. The table of files matters as much: a
//! process that one case forks must not keep the sockets of another one open.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use crate::netlink;

/// Moves the calling thread into a network namespace of its own, with the
/// loopback device up, and gives it a table of open files of its own.
pub fn enter_new() -> io::Result<()> {
    // SAFETY: the caller is a thread that has opened nothing yet, so nobody
    // else refers to descriptors of the table it leaves.
    if unsafe { libc::unshare(libc::CLONE_NEWNET | libc::CLONE_FILES) } != 0 {
        return Err(io::Error::last_os_error());
    }
    netlink::link_up("lo")
}

/// A further namespace, left again at once: a handle that keeps it alive.
pub fn another() -> io::Result<OwnedFd> {
    let own = current()?;
    // SAFETY: changes nothing but the network namespace of this thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let made = netlink::link_up("lo").and_then(|()| current());
    enter(&own)?;
    made
}

/// The namespace of the calling thread.
pub fn current() -> io::Result<OwnedFd> {
    File::open("/proc/thread-self/ns/net").map(OwnedFd::from)
}

/// Moves the calling thread into the namespace.
pub fn enter(namespace: &OwnedFd) -> io::Result<()> {
    // SAFETY: changes nothing but the network namespace of this thread.
    match unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The number `netns` rows carry.
pub fn inode(namespace: &OwnedFd) -> io::Result<i64> {
    let file = File::from(namespace.try_clone()?);
    Ok(file.metadata()?.ino().cast_signed())
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
