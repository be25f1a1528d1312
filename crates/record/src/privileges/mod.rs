//! After the probe is attached the recorder keeps only what it still needs.
//!
//! Who it is, what it may do, what it may touch, what it may ask for: it becomes
//! another user, if there is one to become, then gives up capabilities, then
//! walls itself in with Landlock, then with seccomp. All of this is per thread,
//! so it happens before any is started.

mod calls;
mod capabilities;
mod filter;
mod identity;
mod sandbox;

use std::fs;
use std::os::fd::{BorrowedFd, RawFd};

use anyhow::Context;
use rustix::process::{Pid, geteuid, setpriority_process};
use rustix::thread::CapabilitySet;

use capabilities::Wanted;
use filter::Part;
pub use identity::{User, can_write, sudo_user};
use sandbox::Reach;

/// What the rest of a session still has to do.
pub struct Needs<'a> {
    /// Where files are written.
    pub directory: Option<BorrowedFd<'a>>,
    /// The cgroup hierarchy, for resolving paths.
    pub cgroups: Option<BorrowedFd<'a>>,
    /// Whether the path of a cgroup can be told now.
    pub resolves_cgroups: &'a mut dyn FnMut() -> bool,
    /// Whether what the probe counts can be read now.
    pub reads_probe: &'a mut dyn FnMut() -> bool,
    /// Who to become; without a wish, whoever called sudo, if they may write
    /// the directory, or nobody, if nothing is written.
    pub user: Option<User>,
    /// The socket of the process that makes the directory again.
    pub helper: Option<RawFd>,
    /// The command that was started and may have to be ended.
    pub command: Option<Pid>,
    /// Nice value of the recorder; the command it runs keeps its own.
    pub nice: i32,
}

/// Gives up everything else, for good.
///
/// # Errors
/// When the kernel refuses to take a privilege away; what it cannot enforce at
/// all (Landlock on an older kernel) is no error.
pub fn drop_all_but(needs: &mut Needs<'_>) -> anyhow::Result<()> {
    // 0 is no wish. Without the privilege to go lower it goes on as it is.
    if needs.nice != 0 {
        let _ = setpriority_process(None, needs.nice);
    }
    let may_write = |user| needs.directory.is_none_or(|it| identity::can_write(user, it));
    become_successor(needs.user, needs.directory)?;
    let mut needed = CapabilitySet::empty();
    if needs.command.is_some() {
        needed |= CapabilitySet::KILL;
    }
    // Who is asked for has been found able to write; a tree may be theirs below.
    if needs.user.is_none() && !may_write(identity::current()) {
        needed |= CapabilitySet::DAC_OVERRIDE;
    }
    let reads_probe = &mut *needs.reads_probe;
    // Kernels before 5.19 want CAP_BPF for a map that is open already, unless
    // everybody may use bpf(2), which can change: only a try where they may not
    // tells anything.
    let mut reads_probe = || bpf_is_restricted() && reads_probe();
    let mut wanted = [
        Wanted { capability: CapabilitySet::DAC_READ_SEARCH, works: needs.resolves_cgroups },
        Wanted { capability: CapabilitySet::BPF, works: &mut reads_probe },
    ];
    if !bpf_is_restricted() {
        needed |= CapabilitySet::BPF;
    }
    capabilities::keep_only(needed, &mut wanted).context("cannot give up capabilities")?;
    sandbox::enter(&Reach {
        kernel: Some(needs.cgroups),
        directories: needs.directory.into_iter().collect(),
        signals: needs.command.is_some(),
    })
    .context("cannot enter the sandbox")?;
    let (command, helper) = (needs.command, needs.helper);
    filter::enter(Part::Session { command, helper }).context("cannot enter the sandbox")
}

/// Who the recorder becomes, if anybody; `directory` is where files are written,
/// if any are.
fn successor(wanted: Option<User>, directory: Option<BorrowedFd<'_>>) -> Option<User> {
    let may_write = |user: &User| directory.is_none_or(|it| can_write(*user, it));
    let nobody = || (directory.is_none() && geteuid().is_root()).then(identity::nobody);
    wanted.or_else(|| identity::sudo_user().filter(may_write)).or_else(nobody)
}

fn become_successor(wanted: Option<User>, directory: Option<BorrowedFd<'_>>) -> anyhow::Result<()> {
    successor(wanted, directory).map_or(Ok(()), |user| {
        identity::become_user(user).with_context(|| format!("cannot become {user}"))
    })
}

/// Whether a directory that is removed could be made again by whoever the
/// recorder becomes.
pub fn can_make_again(
    wanted: Option<User>,
    directory: BorrowedFd<'_>,
    above: BorrowedFd<'_>,
) -> bool {
    let user = successor(wanted, Some(directory)).unwrap_or_else(identity::current);
    user.is_root() || can_write(user, above)
}

/// The process of [`crate::files::maker`] works above the output directory and
/// nowhere else, as the recorder's user.
///
/// # Errors
/// As [`drop_all_but`].
pub fn keep_for_maker(
    wanted: Option<User>,
    directory: BorrowedFd<'_>,
    above: BorrowedFd<'_>,
) -> anyhow::Result<()> {
    become_successor(wanted, Some(directory))?;
    let may_write = can_write(identity::current(), above);
    let needed = if may_write { CapabilitySet::empty() } else { CapabilitySet::DAC_OVERRIDE };
    capabilities::keep_only(needed, &mut []).context("cannot give up capabilities")?;
    sandbox::enter(&Reach { directories: vec![above], ..Reach::default() })
        .context("cannot enter the sandbox")?;
    filter::enter(Part::Maker).context("cannot enter the sandbox")
}

/// Whether bpf(2) is for the privileged only; unknown counts as no.
fn bpf_is_restricted() -> bool {
    fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled")
        .is_ok_and(|setting| matches!(setting.trim(), "1" | "2"))
}

/// `recover` works in these directories and nowhere else.
///
/// # Errors
/// As [`drop_all_but`].
pub fn keep_for_recovery<'a>(
    directories: impl Iterator<Item = BorrowedFd<'a>>,
) -> anyhow::Result<()> {
    // Files of others can be recovered by root.
    capabilities::keep_only(CapabilitySet::DAC_OVERRIDE | CapabilitySet::FOWNER, &mut [])
        .context("cannot give up capabilities")?;
    sandbox::enter(&Reach { directories: directories.collect(), ..Reach::default() })
        .context("cannot enter the sandbox")?;
    filter::enter(Part::Recover).context("cannot enter the sandbox")
}

/// `snapshot` looks at processes and signals one; with a `bundle` it reads what
/// that one wrote, and writes a file. Landlock would keep it from looking at
/// processes outside.
///
/// # Errors
/// As [`drop_all_but`].
pub fn keep_for_snapshot(bundle: bool) -> anyhow::Result<()> {
    let needed = CapabilitySet::SYS_PTRACE | CapabilitySet::KILL | CapabilitySet::DAC_READ_SEARCH;
    // A process with more capabilities is not looked into (ptrace(2)).
    let of_recorder = CapabilitySet::BPF | CapabilitySet::DAC_OVERRIDE;
    capabilities::keep_only(needed | of_recorder, &mut [])
        .context("cannot give up capabilities")?;
    filter::enter(Part::Snapshot { bundle }).context("cannot enter the sandbox")
}
