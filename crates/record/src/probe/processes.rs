//! Which processes are recorded: `--pid` and `--follow`.
//!
//! The kernel's own numbers are those of the initial pid namespace. A recorder
//! in another one is given the numbers of that, and the probe compares with
//! those.

use std::fs;

use aya::{Btf, Ebpf};

use super::error::AttachError;
use super::filters::Filters;
use super::object::attach;
use super::test_run;
use crate::host::PidNamespace;

/// Follows this process, whose number the kernel knows.
const FOLLOW_PROGRAM: &str = "connlat_follow";

/// The processes wanted.
#[derive(Debug)]
pub struct Processes {
    pids: Vec<u32>,
    follow: bool,
    /// The recorder's own, unless it is the initial one.
    namespace: Option<PidNamespace>,
}

impl Processes {
    /// What a filter says of processes, if anything.
    ///
    /// # Errors
    /// [`AttachError::UnknownNumbers`] where numbers do not mean what was typed.
    pub fn wanted(filters: &Filters) -> Result<Option<Self>, AttachError> {
        if filters.pids.is_empty() && !filters.follow {
            return Ok(None);
        }
        let namespace = PidNamespace::own().map_err(|error| {
            AttachError::UnknownNumbers(format!("/proc/self/ns/pid cannot be read: {error}"))
        })?;
        let processes = Self { pids: filters.pids.clone(), follow: filters.follow, namespace };
        if processes.namespace.is_some() && !processes.pids.is_empty() {
            let shown = fs::read_link("/proc/self").ok();
            if shown.as_deref().and_then(|pid| pid.to_str())
                != Some(&std::process::id().to_string())
            {
                let why = "/proc shows those of another pid namespace; mount -t proc proc /proc";
                return Err(AttachError::UnknownNumbers(why.to_owned()));
            }
        }
        Ok(Some(processes))
    }

    /// Device and inode of the namespace that the probe is to count in; zeroes
    /// for the initial one.
    pub fn numbered_in(&self) -> [u64; 2] {
        match &self.namespace {
            // Descendants are followed by the kernel's own numbers.
            Some(namespace) if !self.follow => [namespace.device, namespace.inode],
            _ => [0; 2],
        }
    }

    /// Attaches what keeps the filter true while processes come and go, and
    /// looks that those given by number are there.
    ///
    /// # Errors
    /// Any [`AttachError`].
    pub fn attach(&self, ebpf: &mut Ebpf, btf: &Btf) -> Result<(), AttachError> {
        if self.follow {
            attach(ebpf, "connlat_fork", "sched_process_fork", btf)?;
            test_run::load(ebpf, FOLLOW_PROGRAM)?;
        }
        attach(ebpf, "connlat_process_exit", "sched_process_exit", btf)?;
        // One that ends from here on is forgotten by the program; one that had
        // ended before would leave its number to another process.
        self.pids.iter().try_for_each(|pid| self.look_for(*pid))
    }

    fn look_for(&self, pid: u32) -> Result<(), AttachError> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .map_err(|_| AttachError::NoProcess(pid))?;
        match number_of(&status, "Tgid:") {
            Some(process) if process != pid => {
                return Err(AttachError::Thread { thread: pid, process });
            }
            _ => {}
        }
        // From the namespace of /proc, which is ours, down to its own.
        let levels = field(&status, "NSpid:").map_or(1, |ids| ids.split_whitespace().count());
        if self.namespace.is_some() && levels > 1 {
            return Err(AttachError::UnknownNumbers(format!(
                "process {pid} is in a pid namespace below this one; record in the initial pid namespace (the host), or in that of the process"
            )));
        }
        Ok(())
    }
}

/// Follows what this process starts from now on, or no more.
///
/// # Errors
/// When the kernel refuses.
pub fn follow_children(ebpf: &mut Ebpf, follow: bool) -> Result<(), AttachError> {
    test_run::run(ebpf, FOLLOW_PROGRAM, follow.into())
}

/// A line of `/proc/PID/status` (proc(5)) by its key.
fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key))
}

fn number_of(status: &str, key: &str) -> Option<u32> {
    field(status, key)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_found_by_their_whole_key() {
        let status = "Name:\tTgid: 7\nTgid:\t42\nNgid:\t0\nPid:\t43\nNSpid:\t43\t1\n";
        assert_eq!(number_of(status, "Tgid:"), Some(42));
        assert_eq!(field(status, "NSpid:").map(|ids| ids.split_whitespace().count()), Some(2));
        assert_eq!(number_of(status, "Gone:"), None);
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let processes = Processes { pids: Vec::new(), follow: false, namespace: None };
        let error = processes.look_for(u32::MAX).expect_err("no such process").to_string();
        assert!(error.contains("4294967295"), "{error}");
        processes.look_for(std::process::id()).expect("this one");
    }
}
