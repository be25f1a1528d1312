//! Why the kernel would refuse BPF programs to this process.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Resource, getrlimit};
use rustix::thread::{CapabilitySet, capabilities};

use crate::host::KernelRelease;

/// `PROC_USER_INIT_INO` (include/linux/proc_ns.h): the host's user namespace.
const HOST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// What stands between this process and bpf(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Neither CAP_BPF and CAP_PERFMON nor CAP_SYS_ADMIN is effective.
    Capabilities,
    /// They are, but of a user namespace: `bpf_capable()` (include/linux/capability.h)
    /// asks for those of the initial one.
    UserNamespace,
    /// Before Linux 5.11 what maps take counts as locked memory, and more than
    /// RLIMIT_MEMLOCK is EPERM (`bpf_charge_memlock()`, kernel/bpf/syscall.c).
    LockedMemory,
    /// Nothing that can be seen here: a seccomp filter or a security module.
    Sandbox,
}

impl Refusal {
    /// What refuses bpf(2), given that something does.
    pub fn of_this_process() -> Self {
        Self::of(effective(), in_host_user_namespace(), is_locked_memory_limited())
    }

    fn of(effective: CapabilitySet, in_host_user_namespace: bool, limited: bool) -> Self {
        let enough = effective.contains(CapabilitySet::BPF | CapabilitySet::PERFMON)
            || effective.contains(CapabilitySet::SYS_ADMIN);
        match (enough, in_host_user_namespace) {
            (false, _) => Self::Capabilities,
            (true, false) => Self::UserNamespace,
            (true, true) if limited => Self::LockedMemory,
            (true, true) => Self::Sandbox,
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Capabilities => "run as root (sudo record …) or with CAP_BPF and CAP_PERFMON",
            Self::UserNamespace => "run as root outside the user namespace (rootless container)",
            Self::LockedMemory => "raise it (ulimit -l unlimited), or give it CAP_SYS_RESOURCE",
            Self::Sandbox => {
                "allow bpf(2) in the seccomp profile; in a container --security-opt seccomp=unconfined"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capabilities => "no permission to load BPF programs",
            Self::UserNamespace => "the capabilities of a user namespace do not load BPF programs",
            Self::LockedMemory => {
                "bpf(2) is refused though the capabilities are there: before Linux 5.11 maps count \
                 as locked memory, which is limited"
            }
            Self::Sandbox => {
                "bpf(2) is refused though the capabilities are there, as seccomp filters and security modules do"
            }
        })?;
        write!(f, "; {}", self.remedy())
    }
}

/// The capabilities that matter and this process has, by name.
pub fn held() -> Vec<&'static str> {
    let effective = effective();
    [
        ("CAP_BPF", CapabilitySet::BPF),
        ("CAP_PERFMON", CapabilitySet::PERFMON),
        ("CAP_SYS_ADMIN", CapabilitySet::SYS_ADMIN),
    ]
    .into_iter()
    .filter(|(_, capability)| effective.contains(*capability))
    .map(|(name, _)| name)
    .collect()
}

fn effective() -> CapabilitySet {
    capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
}

/// Where /proc does not tell, the host's is assumed.
fn in_host_user_namespace() -> bool {
    fs::metadata("/proc/self/ns/user").map_or(true, |file| file.ino() == HOST_USER_NAMESPACE)
}

fn is_locked_memory_limited() -> bool {
    let counts = KernelRelease::read().version.is_some_and(|version| version < (5, 11));
    counts && getrlimit(Resource::Memlock).current.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_come_before_what_makes_them_worthless() {
        let both = CapabilitySet::BPF | CapabilitySet::PERFMON;
        for few in [CapabilitySet::empty(), CapabilitySet::BPF, CapabilitySet::PERFMON] {
            assert_eq!(Refusal::of(few, true, true), Refusal::Capabilities);
            assert_eq!(Refusal::of(few, false, false), Refusal::Capabilities);
        }
        for enough in [both, CapabilitySet::SYS_ADMIN] {
            assert_eq!(Refusal::of(enough, false, true), Refusal::UserNamespace);
            assert_eq!(Refusal::of(enough, true, true), Refusal::LockedMemory);
            assert_eq!(Refusal::of(enough, true, false), Refusal::Sandbox);
        }
    }
}
