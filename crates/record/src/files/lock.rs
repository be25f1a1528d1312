//! Locks that say that a recorder is alive.
//!
//! Not flock(2): whoever may read a file may lock it that way, and would keep
//! `record recover` from a journal for ever. A write lock of an open file
//! description (fcntl(2), F_OFD_SETLK) wants the file open for writing, which
//! those who may only read it cannot do; their read locks count for nothing.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Locks a file that was opened for writing; false if somebody else has it
/// locked in any way.
///
/// # Errors
/// From fcntl(2).
pub fn for_writing(file: &File) -> io::Result<bool> {
    set(file, libc::F_WRLCK)
}

/// Whether nobody who may write the file has it locked. Keeps the lock.
///
/// # Errors
/// From fcntl(2).
pub fn for_reading(file: &File) -> io::Result<bool> {
    set(file, libc::F_RDLCK)
}

/// Locks the whole file; false if another lock is in the way.
fn set(file: &File, kind: libc::c_int) -> io::Result<bool> {
    // SAFETY: `flock` holds numbers only, and all zeros is one of its values.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: the descriptor is open as long as `file`, and the kernel reads
    // one `flock` (F_OFD_SETLK of fcntl(2)), which lives during the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EACCES) => Ok(false),
        _ => Err(error),
    }
}
