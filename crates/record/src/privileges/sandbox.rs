//! Landlock: read what the kernel tells about itself, write captures, and
//! nothing else; no network, no signals to others.

use std::os::fd::BorrowedFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, make_bitflags,
};

/// Newest version whose rights are known here; older kernels enforce what
/// they know.
const ABI: ABI = landlock::ABI::V10;
/// What may be read: event losses, memory, namespaces.
const READABLE: [&str; 2] = ["/proc", "/sys"];

/// What may be reached.
#[derive(Default)]
pub struct Reach<'a> {
    /// What the kernel tells about itself, and this hierarchy.
    pub kernel: Option<Option<BorrowedFd<'a>>>,
    /// Where captures are written.
    pub directories: Vec<BorrowedFd<'a>>,
    /// Whether a process outside is signalled.
    pub signals: bool,
}

/// Enters the sandbox, as far as this kernel has one.
///
/// # Errors
/// When the kernel has Landlock and refuses the rules.
pub fn enter(reach: &Reach<'_>) -> Result<(), RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // Regular files and directories; no links, sockets, pipes or devices, and
    // nothing moves from one directory to another.
    let write: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
        ReadFile | ReadDir | WriteFile | Truncate | MakeReg | RemoveFile | MakeDir | RemoveDir
    });
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI))?
        .handle_access(AccessNet::from_all(ABI))?
        .scope(Scope::AbstractUnixSocket)?;
    if !reach.signals {
        ruleset = ruleset.scope(Scope::Signal)?;
    }
    let mut ruleset = ruleset.create()?;
    if let Some(cgroups) = reach.kernel {
        for path in READABLE {
            if let Ok(directory) = PathFd::new(Path::new(path)) {
                ruleset = ruleset.add_rule(PathBeneath::new(directory, read))?;
            }
        }
        if let Some(cgroups) = cgroups {
            ruleset = ruleset.add_rule(PathBeneath::new(cgroups, read))?;
        }
    }
    for directory in &reach.directories {
        ruleset = ruleset.add_rule(PathBeneath::new(directory, write))?;
    }
    ruleset.restrict_self()?;
    Ok(())
}
