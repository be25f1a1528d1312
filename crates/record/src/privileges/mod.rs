//! After the probe is attached the recorder keeps only what it still needs.
//!
//! Who it is, what it may do, and what it may touch: under sudo it becomes the
//! user who called it, then gives up capabilities, then walls itself in with
//! Landlock. All of this is per thread, so it happens before any is started.

mod capabilities;
mod identity;
mod sandbox;

use std::os::fd::BorrowedFd;

use anyhow::Context;
use rustix::process::setpriority_process;

/// What the rest of a session still has to do.
pub struct Needs<'a> {
    /// Where files are written.
    pub directory: Option<BorrowedFd<'a>>,
    /// The cgroup hierarchy, for resolving paths.
    pub cgroups: Option<BorrowedFd<'a>>,
    /// Whether a command was started that may have to be ended.
    pub command: bool,
    /// Nice value of the recorder; the command it runs keeps its own.
    pub nice: i32,
}

/// Gives up everything else, for good.
///
/// # Errors
/// When the kernel refuses to take a privilege away; what it cannot enforce at
/// all (Landlock on an older kernel) is no error.
pub fn drop_all_but(needs: &Needs<'_>) -> anyhow::Result<()> {
    // 0 is no wish. Without the privilege to go lower it goes on as it is.
    if needs.nice != 0 {
        let _ = setpriority_process(None, needs.nice);
    }
    let may_write = |user| needs.directory.is_none_or(|it| identity::can_write(user, it));
    if let Some(user) = identity::sudo_user().filter(|user| may_write(*user)) {
        identity::become_user(user).context("cannot become the user who called sudo")?;
    }
    capabilities::keep_only(capabilities::Kept {
        command: needs.command,
        any_directory: !may_write(identity::current()),
    })
    .context("cannot give up capabilities")?;
    sandbox::enter(needs).context("cannot enter the sandbox")
}
