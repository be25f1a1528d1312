//! seccomp: only the system calls that are needed, see [`super::calls`].
//!
//! A call that is refused fails with EPERM; the process is not killed. What
//! somebody who got in asks for is refused either way, and a C library that
//! tries something new on a newer system costs no recording.
//!
//! For clone3 the answer is ENOSYS: its flags are in memory, where a filter
//! cannot see them, and C libraries use clone then.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::RawFd;

use libc::c_long;
use rustix::process::{Pid, getpid};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use super::calls;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Which part of the program goes on.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    /// A session; the command that it may have to end.
    Session {
        /// The command's process.
        command: Option<Pid>,
        /// The socket of the process that makes a directory again.
        helper: Option<RawFd>,
    },
    /// The process that makes a directory again.
    Maker,
    /// `recover`.
    Recover,
    /// `snapshot`.
    Snapshot {
        /// Whether it writes a bundle, too.
        bundle: bool,
    },
}

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// It cannot be built.
    #[error("the list of system calls is wrong")]
    Compile(#[from] BackendError),
    /// The kernel refuses it.
    #[error("seccomp(2) is refused; allow it, as SystemCallFilter= of the service does")]
    Refused(#[from] seccompiler::Error),
}

/// Refuses every other system call, for this thread and those it starts.
///
/// # Errors
/// [`FilterError`]; a kernel or a processor without filters is none.
pub fn enter(part: Part) -> Result<(), FilterError> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(()) };
    let rules = rules(part)?;
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let main: BpfProgram =
        SeccompFilter::new(rules, refused, SeccompAction::Allow, arch)?.try_into()?;
    let absent = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
    let clone3: BpfProgram =
        SeccompFilter::new(clone3, SeccompAction::Allow, absent, arch)?.try_into()?;
    for filter in [clone3, main] {
        match apply_filter(&filter) {
            Err(seccompiler::Error::Seccomp(error)) if is_absent(&error) => return Ok(()),
            result => result?,
        }
    }
    Ok(())
}

/// A kernel built without CONFIG_SECCOMP_FILTER.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL))
}

fn rules(part: Part) -> Result<Rules, BackendError> {
    let lists: &[&[c_long]] = match part {
        Part::Session { .. } => &[calls::ALWAYS, calls::CAPTURES, calls::SESSION],
        Part::Recover => &[calls::ALWAYS, calls::CAPTURES],
        Part::Maker => &[calls::ALWAYS, calls::CAPTURES, calls::MESSAGES],
        Part::Snapshot { bundle: false } => &[calls::ALWAYS, calls::SNAPSHOT],
        Part::Snapshot { bundle: true } => &[calls::ALWAYS, calls::SNAPSHOT, calls::BUNDLE],
    };
    let all = lists.iter().copied().flatten();
    let mut rules: Rules = all.map(|call| (*call, Vec::new())).collect();
    let own = u64::from(getpid().as_raw_pid().cast_unsigned());
    let bits = |value: i32| u64::from(value.cast_unsigned());
    // Memory that is written never becomes code.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![rule([(2, masked(bits(libc::PROT_EXEC)), 0)])?]);
    }
    // Threads only, in the namespaces they are in.
    let namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWCGROUP
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUSER
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET;
    let flags = masked(bits(libc::CLONE_THREAD | namespaces));
    rules.insert(libc::SYS_clone, vec![rule([(0, flags, bits(libc::CLONE_THREAD))])?]);
    // How a panic ends.
    rules.insert(libc::SYS_tgkill, vec![rule([(0, SeccompCmpOp::Eq, own)])?]);
    // Names of threads.
    let name = bits(libc::PR_SET_NAME);
    rules.insert(libc::SYS_prctl, vec![rule([(0, SeccompCmpOp::Eq, name)])?]);
    // The own limits are read: where a stack ends.
    let read_own = [(0, SeccompCmpOp::Eq, 0), (2, SeccompCmpOp::Eq, 0)];
    rules.insert(libc::SYS_prlimit64, vec![rule(read_own)?]);
    let fcntl = calls::FCNTL_COMMANDS.iter();
    let fcntl = fcntl.map(|command| rule([(1, SeccompCmpOp::Eq, bits(*command))]));
    rules.insert(libc::SYS_fcntl, fcntl.collect::<Result<_, _>>()?);
    if let Part::Session { command, helper } = part {
        if let Some(socket) = helper {
            for call in calls::MESSAGES {
                rules.insert(*call, vec![rule([(0, SeccompCmpOp::Eq, bits(socket))])?]);
            }
        }
        let bpf = calls::BPF_COMMANDS.iter();
        let bpf = bpf.map(|(command, _)| rule([(0, SeccompCmpOp::Eq, *command)]));
        rules.insert(libc::SYS_bpf, bpf.collect::<Result<_, _>>()?);
        if let Some(command) = command {
            let (pid, term) = (bits(command.as_raw_pid()), bits(libc::SIGTERM));
            let end = [(0, SeccompCmpOp::Eq, pid), (1, SeccompCmpOp::Eq, term)];
            rules.insert(libc::SYS_kill, vec![rule(end)?]);
        }
    }
    Ok(rules)
}

fn masked(mask: u64) -> SeccompCmpOp {
    SeccompCmpOp::MaskedEq(mask)
}

/// All of these arguments; the kernel looks at 32 bits of each.
fn rule<const N: usize>(
    arguments: [(u8, SeccompCmpOp, u64); N],
) -> Result<SeccompRule, BackendError> {
    let conditions = arguments.into_iter().map(|(number, operator, value)| {
        // A pointer is compared as a whole.
        let length = if value == 0 && matches!(operator, SeccompCmpOp::Eq) {
            SeccompCmpArgLen::Qword
        } else {
            SeccompCmpArgLen::Dword
        };
        SeccompCondition::new(number, length, operator, value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_built_and_leave_out_what_is_dangerous() {
        let session = Part::Session { command: Some(getpid()), helper: Some(3) };
        let [plain, bundle] = [false, true].map(|bundle| Part::Snapshot { bundle });
        for part in [session, Part::Recover, Part::Maker, plain, bundle] {
            let rules = rules(part).expect("a list");
            for dangerous in [
                libc::SYS_execve,
                libc::SYS_socket,
                libc::SYS_ptrace,
                libc::SYS_fchmod,
                libc::SYS_fchmodat,
                libc::SYS_fchownat,
                libc::SYS_symlinkat,
                libc::SYS_mknodat,
                libc::SYS_linkat,
                libc::SYS_io_uring_setup,
                libc::SYS_ioctl,
                libc::SYS_mount,
                libc::SYS_unshare,
                libc::SYS_setns,
                libc::SYS_setresuid,
            ] {
                assert!(!rules.contains_key(&dangerous), "{part:?}: {dangerous}");
            }
        }
        assert!(!rules(Part::Recover).expect("a list").contains_key(&libc::SYS_bpf));
        assert!(!rules(plain).expect("a list").contains_key(&libc::SYS_unlinkat));
    }
}
