//! The pid namespace this process is in.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

/// `PROC_PID_INIT_INO` (include/linux/proc_ns.h): the host's.
const INITIAL: u64 = 0xEFFF_FFFC;

/// A pid namespace as the kernel tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PidNamespace {
    /// Device of its file, as the kernel numbers devices inside
    /// (include/linux/kdev_t.h, `MKDEV`).
    pub device: u64,
    /// Inode of its file.
    pub inode: u64,
}

impl PidNamespace {
    /// This process's own; `None` for the initial one.
    ///
    /// # Errors
    /// When `/proc/self/ns/pid` cannot be read.
    pub fn own() -> io::Result<Option<Self>> {
        let file = fs::metadata("/proc/self/ns/pid")?;
        let device = u64::from(libc::major(file.dev())) << 20 | u64::from(libc::minor(file.dev()));
        let own = Self { device, inode: file.ino() };
        Ok((own.inode != INITIAL).then_some(own))
    }
}
