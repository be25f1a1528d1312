//! `record snapshot`: finds the recorder and sends it SIGUSR1; with `--bundle` it
//! waits for what that seals.
//!
//! Anybody may run this program and pretend to record. A recorder is told by
//! what only the privileged get: a BPF program attached to a tracepoint. It is
//! held on to by a pidfd before it is looked at, so that what gets the signal
//! is what was looked at, however process numbers are reused.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;

use anyhow::{Context, bail};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::args::SnapshotArgs;
use crate::bundle::{Asked, Bundle};
use crate::host::{self, Facts};
use crate::message::say;
use crate::privileges;
use crate::session::human_bytes;

/// Asks the recorder to seal what it has now.
///
/// # Errors
/// When there is no recorder, more than one, or no permission; of a bundle also
/// when it cannot be written.
pub fn run(args: &SnapshotArgs) -> anyhow::Result<u8> {
    let bundle = args.bundle.as_deref().map(|path| Bundle::begin(path, args.names.as_ref()));
    let bundle = bundle.transpose()?;
    privileges::keep_for_snapshot(bundle.is_some())?;
    let (pid, process) = choose(args.pid)?;
    let Some(bundle) = bundle else {
        pidfd_send_signal(&process, Signal::USR1)
            .with_context(|| format!("cannot signal the recorder, process {pid}"))?;
        say!("[ record: asked process {pid} for a snapshot; it says where it is ]");
        return Ok(0);
    };
    // Captures carry the host's clock.
    host::find_time_namespace()?;
    let name = bundle.shown();
    let asked = Asked::ask(pid, process)?;
    let written = bundle.write(asked, &Facts::read(pid))?;
    let captures = match written.captures {
        1 => "1 capture".to_owned(),
        captures => format!("{captures} captures"),
    };
    let (rows, bytes) = (written.rows, human_bytes(written.bytes));
    say!("[ record: {rows} connects in {captures}, {bytes}; wrote {} ]", name.display());
    Ok(0)
}

/// The recorder that was named, or the only one.
fn choose(pid: Option<u32>) -> anyhow::Result<(u32, OwnedFd)> {
    let Some(pid) = pid else {
        let mut found = recorders()?;
        return match (found.pop(), found.as_slice()) {
            (None, _) => bail!("no recorder is running that you may look at"),
            (Some(only), []) => Ok(only),
            (Some(last), _) => {
                let pids = found.iter().chain([&last]).map(|(pid, _)| pid.to_string());
                let pids: Vec<String> = pids.collect();
                bail!("several recorders are running; name one: {}", pids.join(", "));
            }
        };
    };
    match recorder(pid) {
        // SIGUSR1 ends a process that does not expect it.
        None => bail!("process {pid} is not a recorder, or not one that you may look at"),
        Some(process) => Ok((pid, process)),
    }
}

fn recorders() -> anyhow::Result<Vec<(u32, OwnedFd)>> {
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .context("cannot list processes")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id())
        .collect();
    pids.sort_unstable();
    Ok(pids.into_iter().filter_map(|pid| Some((pid, recorder(pid)?))).collect())
}

/// Holds on to a process that runs this very program, handles SIGUSR1 by now
/// and has its probe attached.
fn recorder(pid: u32) -> Option<OwnedFd> {
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw)?;
    let process = pidfd_open(target, PidfdFlags::empty()).ok()?;
    let identity = |path: String| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let same_program = identity("/proc/self/exe".into())? == identity(format!("/proc/{pid}/exe"))?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    (same_program && catches(&status, libc::SIGUSR1) && traces(pid)).then_some(process)
}

/// `SigCgt` of proc(5).
fn catches(status: &str, signal: i32) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

/// Whether a process has a BPF program attached to a tracepoint.
fn traces(pid: u32) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fdinfo")) else { return false };
    descriptors.flatten().any(|descriptor| {
        fs::read_to_string(descriptor.path()).is_ok_and(|info| is_tracing_link(&info))
    })
}

/// `/proc/PID/fdinfo/FD` of a link (kernel/bpf/syscall.c, `bpf_link_show_fdinfo`).
fn is_tracing_link(info: &str) -> bool {
    let kind = info.lines().find_map(|line| line.strip_prefix("link_type:"));
    kind.is_some_and(|kind| matches!(kind.trim(), "tracing" | "raw_tracepoint"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caught_signals_are_read_from_proc() {
        assert!(catches("SigCgt:\t0000000000000200\n", libc::SIGUSR1));
        assert!(!catches("SigCgt:\t0000000000000100\n", libc::SIGUSR1));
        assert!(!catches("", libc::SIGUSR1));
    }

    #[test]
    fn links_are_told_by_their_kind() {
        assert!(is_tracing_link("pos:\t0\nlink_type:\ttracing\nlink_id:\t3\n"));
        assert!(!is_tracing_link("link_type:\tcgroup\n"));
        assert!(!is_tracing_link("pos:\t0\n"));
    }

    #[test]
    fn a_test_is_no_recorder() {
        assert!(recorder(1).is_none());
        assert!(recorder(std::process::id()).is_none());
        assert!(recorder(0).is_none());
    }
}
