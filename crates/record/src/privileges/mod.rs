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

/// What the rest of a session still has to do.
pub struct Needs<'a> {
    /// Where files are written.
    pub directories: Vec<BorrowedFd<'a>>,
    /// The cgroup hierarchy, for resolving paths.
    pub cgroups: Option<BorrowedFd<'a>>,
    /// Whether a command was started that may have to be ended.
    pub command: bool,
}

/// Gives up everything else, for good.
///
/// # Errors
/// When the kernel refuses to take a privilege away; what it cannot enforce at
/// all (Landlock on an older kernel) is no error.
pub fn drop_all_but(needs: &Needs<'_>) -> anyhow::Result<()> {
    let user = identity::sudo_user().filter(|user| {
        needs.directories.iter().all(|directory| identity::can_write(*user, *directory))
    });
    if let Some(user) = user {
        identity::become_user(user).context("cannot become the user who called sudo")?;
    }
    let own = identity::current();
    let may_write = needs.directories.iter().all(|it| identity::can_write(own, *it));
    capabilities::keep_only(capabilities::Kept {
        command: needs.command,
        any_directory: !may_write,
    })
    .context("cannot give up capabilities")?;
    sandbox::enter(needs).context("cannot enter the sandbox")
}
