//! What this process may do: privileges, user namespace, lockdown, /proc.

use std::fs;
use std::path::Path;

use super::need::Need;
use crate::host::{PidNamespace, find_time_namespace};
use crate::probe::{Refusal, held};

/// CAP_BPF and CAP_PERFMON of the host, or CAP_SYS_ADMIN.
pub fn privileges() -> Need {
    const NAME: &str = "privileges";
    let names = held().join(", ");
    let (detail, refusal) = match Refusal::of_this_process() {
        // Seen by the probe, if there is one.
        Refusal::Sandbox | Refusal::LockedMemory => return Need::ok(NAME, names),
        refusal @ Refusal::Capabilities => {
            ("neither CAP_BPF and CAP_PERFMON nor CAP_SYS_ADMIN".to_owned(), refusal)
        }
        refusal @ Refusal::UserNamespace => {
            (format!("{names}, but of a user namespace, not of the host"), refusal)
        }
    };
    Need::missing(NAME, detail, refusal.remedy())
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

/// Process numbers typed in a pid namespace mean others to the kernel.
pub fn pid_namespace() -> Need {
    const NAME: &str = "pid namespace";
    match PidNamespace::own() {
        Ok(None) => Need::ok(NAME, "the host's".to_owned()),
        Ok(Some(_)) => Need::ok(
            NAME,
            "not the host's: --pid takes the numbers here, rows have the host's".to_owned(),
        ),
        Err(error) => Need::limited(
            NAME,
            format!("/proc/self/ns/pid: {error}; no --pid and --follow"),
            "mount -t proc proc /proc",
        ),
    }
}

/// Events carry the host's monotonic clock.
pub fn time_namespace() -> Need {
    const NAME: &str = "time namespace";
    match find_time_namespace() {
        Ok(0) => Need::ok(NAME, "the host's clock".to_owned()),
        Ok(ahead_ns) => {
            let seconds = ahead_ns as f64 / 1e9;
            Need::ok(NAME, format!("{seconds:+} s from the host's clock, taken into account"))
        }
        Err(error) => {
            Need::missing(NAME, format!("{error:#}"), "run record outside the time namespace")
        }
    }
}
