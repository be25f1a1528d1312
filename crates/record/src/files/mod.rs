//! Every path operation of the recorder.
//!
//! The recorder runs as root and works in directories that others may own, who
//! can swap a directory for a link between any two system calls. Hence the rule:
//!
//! 1. The path of a directory is looked up once, when it is opened, and no link
//!    of another user is followed on the way ([`Directory::open`]).
//! 2. All that happens in it afterwards goes through its descriptor and names
//!    one component: never a path that is put together, never `/proc/self/fd`.
//! 3. Files are created exclusively, and creation decides whether a name is
//!    free. No link is followed, and what is read must be a regular file.
//! 4. What is removed or renamed must still be the file that was opened: its
//!    device and inode are compared before.
//! 5. What a lock means must not be up to those who may only read the file
//!    ([`lock`]).
//!
//! Nothing else in this crate opens, creates, lists or removes anything by its
//! path. Elsewhere there are only: what the kernel itself says below `/proc`,
//! `/sys` and the cgroup hierarchy, and the machine id, all read before or in
//! the sandbox; the files named by `--btf`, `--cgroup`, `--netns` and `--names`,
//! which are looked at before privileges are given up; what `/etc` says of the
//! system, for a bundle ([`read_text`]); and the pages of `record man DIR`.

mod directory;
mod helper;
mod home;
pub mod lock;
mod lookup;
pub mod maker;
mod opened;
mod status;
mod text;

use std::fs::File;
use std::io;

use rustix::process::{Gid, Uid};

pub use directory::Directory;
pub use helper::Helper;
pub use opened::OpenByProcess;
pub use status::{FileId, Status};
pub use text::read_text;

/// Raises the limit on open files as far as it goes.
pub fn allow_many_open() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // Where it is refused, the files beyond it say so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Makes a file that was just created somebody else's.
///
/// # Errors
/// From chown(2).
pub fn give_to(file: &File, (user, group): (Uid, Gid)) -> io::Result<()> {
    Ok(rustix::fs::fchown(file, Some(user), Some(group))?)
}

#[cfg(test)]
mod tests;
