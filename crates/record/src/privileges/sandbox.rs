//! Landlock: read what the kernel tells about itself, write captures, and
//! nothing else; no TCP.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
};
use rustix::fs::{Mode, OFlags, fstat, openat, stat};

use super::Needs;

/// Newest version whose rights are known here; older kernels enforce what
/// they know.
const ABI: ABI = landlock::ABI::V5;
/// What may be read: event losses, memory, namespaces; the cgroup hierarchy.
const READABLE: [&str; 2] = ["/proc", "/sys"];

/// Enters the sandbox, as far as this kernel has one.
///
/// # Errors
/// When the kernel has Landlock and refuses the rules.
pub fn enter(needs: &Needs<'_>) -> Result<(), RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write: BitFlags<AccessFs> = AccessFs::from_all(ABI) & !AccessFs::Execute;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI))?
        .handle_access(AccessNet::from_all(ABI))?
        .create()?;
    for path in READABLE {
        if let Ok(directory) = PathFd::new(Path::new(path)) {
            ruleset = ruleset.add_rule(PathBeneath::new(directory, read))?;
        }
    }
    if let Some(cgroups) = needs.cgroups {
        ruleset = ruleset.add_rule(PathBeneath::new(cgroups.as_fd(), read))?;
    }
    if let Some(directory) = needs.directory {
        ruleset = ruleset.add_rule(PathBeneath::new(directory.as_fd(), write))?;
        if let Some(parent) = parent_below_root(directory) {
            ruleset = ruleset.add_rule(PathBeneath::new(parent.as_fd(), write))?;
        }
    }
    ruleset.restrict_self()?;
    Ok(())
}

/// The directory above, unless that is the root of everything.
///
/// An output directory that is removed while recording is made again, and
/// keeping what was recorded is worth more than the narrower wall.
fn parent_below_root(directory: BorrowedFd<'_>) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let parent = openat(directory, "..", flags, Mode::empty()).ok()?;
    let (of_parent, of_root) = (fstat(&parent).ok()?, stat("/").ok()?);
    let is_root = (of_parent.st_dev, of_parent.st_ino) == (of_root.st_dev, of_root.st_ino);
    (!is_root).then_some(parent)
}
