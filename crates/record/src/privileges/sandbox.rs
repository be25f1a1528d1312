//! Landlock: read what the kernel tells about itself, write captures, and
//! nothing else; no TCP.

use std::os::fd::AsFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
};

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
    for directory in &needs.directories {
        ruleset = ruleset.add_rule(PathBeneath::new(directory.as_fd(), write))?;
    }
    ruleset.restrict_self()?;
    Ok(())
}
