//! What this process may do: privileges, user namespace, lockdown, /proc.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::thread::{CapabilitySet, capabilities};

use super::needs::Need;

/// `PROC_USER_INIT_INO` (include/linux/proc_ns.h): the host's user namespace.
const HOST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// CAP_BPF and CAP_PERFMON of the host, or CAP_SYS_ADMIN.
pub fn privileges() -> Need {
    const NAME: &str = "privileges";
    let held = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    let names: Vec<&str> = [
        ("CAP_BPF", CapabilitySet::BPF),
        ("CAP_PERFMON", CapabilitySet::PERFMON),
        ("CAP_SYS_ADMIN", CapabilitySet::SYS_ADMIN),
    ]
    .into_iter()
    .filter(|(_, capability)| held.contains(*capability))
    .map(|(name, _)| name)
    .collect();
    let enough = held.contains(CapabilitySet::BPF | CapabilitySet::PERFMON)
        || held.contains(CapabilitySet::SYS_ADMIN);
    if !enough {
        return Need::missing(
            NAME,
            "neither CAP_BPF and CAP_PERFMON nor CAP_SYS_ADMIN".to_owned(),
            "run as root: sudo record …",
        );
    }
    if !in_host_user_namespace() {
        return Need::missing(
            NAME,
            format!("{}, but of a user namespace, not of the host", names.join(", ")),
            "run as root outside the user namespace (rootless container)",
        );
    }
    Need::ok(NAME, names.join(", "))
}

/// Where /proc does not tell, the probe's line will.
fn in_host_user_namespace() -> bool {
    fs::metadata("/proc/self/ns/user").map_or(true, |file| file.ino() == HOST_USER_NAMESPACE)
}

/// Lockdown in confidentiality mode forbids BPF's helpers to read kernel
/// memory; loads by type, which is how states are seen, go on.
pub fn lockdown() -> Need {
    const NAME: &str = "kernel lockdown";
    let Ok(modes) = fs::read_to_string("/sys/kernel/security/lockdown") else {
        return Need::ok(NAME, "none, or not visible here (securityfs)".to_owned());
    };
    if modes.contains("[confidentiality]") {
        return Need::limited(
            NAME,
            "confidentiality: no source ports of in_flight rows, no --trace-local-errors"
                .to_owned(),
            "boot with lockdown=integrity or without lockdown",
        );
    }
    let mode = modes.split(['[', ']']).nth(1).unwrap_or("none");
    Need::ok(NAME, mode.to_owned())
}

/// Files are reached, and losses and memory read, through /proc.
pub fn proc() -> Need {
    const NAME: &str = "proc";
    if Path::new("/proc/self/fd").exists() {
        return Need::ok(NAME, "/proc".to_owned());
    }
    Need::missing(NAME, "/proc is not mounted".to_owned(), "mount -t proc proc /proc")
}
