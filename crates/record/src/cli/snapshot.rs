//! `record snapshot`: finds the recorder and sends it SIGUSR1.

use crate::message::say;
use std::fs;
use std::os::unix::fs::MetadataExt;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

/// Asks the recorder to seal what it has now.
///
/// # Errors
/// When there is no recorder, more than one, or no permission.
pub fn run(pid: Option<u32>) -> anyhow::Result<u8> {
    let pid = match pid {
        Some(pid) => {
            // SIGUSR1 ends a process that does not expect it.
            if !is_recorder(pid) {
                bail!("process {pid} is not a recorder");
            }
            pid
        }
        None => match recorders()?.as_slice() {
            [] => bail!("no recorder is running"),
            [pid] => *pid,
            several => {
                let pids: Vec<String> = several.iter().map(u32::to_string).collect();
                bail!("several recorders are running; name one: {}", pids.join(", "));
            }
        },
    };
    let target = Pid::from_raw(pid.cast_signed()).context("0 is not a process")?;
    kill_process(target, Signal::USR1)
        .with_context(|| format!("cannot signal the recorder, process {pid}"))?;
    say!("[ record: asked process {pid} for a snapshot; it says where it is ]");
    Ok(0)
}

fn recorders() -> anyhow::Result<Vec<u32>> {
    let mut pids: Vec<u32> = fs::read_dir("/proc")
        .context("cannot list processes")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id() && is_recorder(*pid))
        .collect();
    pids.sort_unstable();
    Ok(pids)
}

/// Whether a process runs this very program and handles SIGUSR1 by now.
fn is_recorder(pid: u32) -> bool {
    let identity = |path: String| fs::metadata(path).map(|file| (file.dev(), file.ino()));
    let same_program =
        match (identity("/proc/self/exe".into()), identity(format!("/proc/{pid}/exe"))) {
            (Ok(own), Ok(other)) => own == other,
            _ => false,
        };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    same_program && catches(&status, libc::SIGUSR1)
}

/// `SigCgt` of proc(5).
fn catches(status: &str, signal: i32) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
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
    fn a_test_is_no_recorder() {
        assert!(!is_recorder(1));
    }
}
