//! Why the probe cannot be attached, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use aya::programs::ProgramError;

use super::permission::Refusal;
use crate::host::KernelRelease;

/// Oldest kernel release the probe's helpers allow (`bpf_skc_to_tcp_sock` 5.9,
/// raw tracepoint test runs 5.10).
pub const MINIMUM_KERNEL: (u32, u32) = (5, 10);

/// Why recording cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The process may not load BPF programs.
    #[error("{0}")]
    Permission(Refusal),
    /// The kernel is older than [`MINIMUM_KERNEL`], and lacks something.
    #[error("kernel {release} is too old; Linux {}.{} or later is needed", MINIMUM_KERNEL.0, MINIMUM_KERNEL.1)]
    KernelTooOld {
        /// `uname -r`.
        release: String,
    },
    /// There is no BTF, or it cannot be read.
    #[error(
        "cannot read kernel type information (BTF) from {}; a kernel built with CONFIG_DEBUG_INFO_BTF=y is needed, as distributions ship since 2020",
        path.display()
    )]
    NoBtf {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// BTF was read but is not usable.
    #[error("kernel type information (BTF) is not usable: {0}")]
    BadBtf(String),
    /// The types of another kernel: what is attached to is not where they say.
    #[error(
        "{} is not the type information (BTF) of the running kernel; leave out --btf, or give that of this kernel",
        .0.display()
    )]
    ForeignBtf(PathBuf),
    /// The programs of `--trace-local-errors` are refused.
    #[error(
        "the kernel refuses --trace-local-errors, as it does under lockdown=confidentiality: {0}"
    )]
    NoLocalErrors(String),
    /// A cgroup to filter by does not exist.
    #[error(
        "no cgroup v2 {}; name a directory below the cgroup2 mount, or the path a capture shows",
        path.display()
    )]
    NoCgroup {
        /// As given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// This kernel cannot filter by cgroup.
    #[error(
        "--cgroup needs Linux 5.15 or later (bpf_get_current_ancestor_cgroup_id in tracing programs)"
    )]
    NoCgroupFilter,
    /// A tracepoint is not in this kernel.
    #[error(
        "this kernel has no tracepoint {0}; a kernel built with CONFIG_INET, CONFIG_TRACEPOINTS and CONFIG_DEBUG_INFO_BTF is needed"
    )]
    NoTracepoint(&'static str),
    /// A process to filter by does not exist.
    #[error("no process {0}; --pid takes the id of one that runs")]
    NoProcess(u32),
    /// The number is that of a thread.
    #[error("{thread} is a thread of process {process}; use --pid {process}")]
    Thread {
        /// As given.
        thread: u32,
        /// Its process.
        process: u32,
    },
    /// Process numbers do not mean what was typed.
    #[error("cannot tell processes by their numbers here: {0}")]
    UnknownNumbers(String),
    /// Anything else the kernel or aya said.
    #[error("the kernel refused the BPF program: {0}")]
    Rejected(String),
}

impl AttachError {
    /// What an error means on a kernel whose release is too old, if it is one
    /// that an old kernel explains.
    pub(super) fn on_kernel(self, release: &KernelRelease) -> Self {
        let explained =
            matches!(self, Self::NoBtf { .. } | Self::NoTracepoint(_) | Self::Rejected(_));
        match release.version {
            Some(version) if explained && version < MINIMUM_KERNEL => {
                Self::KernelTooOld { release: release.text.clone() }
            }
            _ => self,
        }
    }

    /// What a refusal means where a program was attached by the types of a file.
    pub(super) fn with_types_of(self, path: &Path) -> Self {
        match self {
            Self::Rejected(why) if why.contains("attach_btf_id") => {
                Self::ForeignBtf(path.to_owned())
            }
            other => other,
        }
    }

    /// What a refusal means for the programs of `--trace-local-errors`.
    pub(super) fn of_local_errors(self) -> Self {
        match self {
            Self::Rejected(why) => Self::NoLocalErrors(why),
            other => other,
        }
    }

    /// Names the file in an error about what is in it.
    pub(super) fn about(self, path: &Path) -> Self {
        match self {
            Self::BadBtf(what) => Self::BadBtf(format!("{}: {what}", path.display())),
            other => other,
        }
    }

    /// What an error of the kernel, or its cause, is about: the program if the
    /// verifier says something, for it says EACCES of bad accesses, too; or a
    /// missing permission.
    pub(super) fn from_aya(error: impl std::error::Error + 'static) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        let mut last = String::new();
        while let Some(error) = cause {
            if let Some(ProgramError::LoadError { io_error, verifier_log }) = error.downcast_ref()
                && let Some(complaint) = complaint(&verifier_log.to_string())
            {
                return Self::Rejected(format!("{io_error}: {complaint}"));
            }
            if let Some(io) = error.downcast_ref::<io::Error>()
                && io.kind() == io::ErrorKind::PermissionDenied
            {
                return Self::Permission(Refusal::of_this_process());
            }
            let text = error.to_string();
            if !last.contains(&text) {
                if !last.is_empty() {
                    last.push_str(": ");
                }
                last.push_str(&text);
            }
            cause = error.source();
        }
        // A verifier log has many lines; one line is promised.
        Self::Rejected(last.lines().next().unwrap_or_default().to_owned())
    }
}

/// The line of a verifier's log that says why: the last but its statistics.
fn complaint(log: &str) -> Option<String> {
    const STATISTICS: [&str; 3] = ["processed ", "verification time ", "stack depth "];
    let mut lines = log.lines().rev().map(str::trim);
    lines
        .find(|line| !line.is_empty() && !STATISTICS.iter().any(|start| line.starts_with(start)))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_they_mean() {
        // As Linux 6.12 says it of the types of 6.18.
        let refused = || AttachError::Rejected("attach_btf_id 38243 is not a typedef".to_owned());
        let error = refused().with_types_of(Path::new("other.btf")).to_string();
        assert!(error.starts_with("other.btf is not the type information"), "{error}");
        assert!(refused().of_local_errors().to_string().contains("lockdown"));
        let other = AttachError::Rejected("no memory".to_owned()).with_types_of(Path::new("x"));
        assert!(matches!(other, AttachError::Rejected(_)), "{other}");
    }

    #[test]
    fn a_verifier_complains_in_its_last_line_but_the_statistics() {
        let log = "0: R1=ctx() R10=fp0\n; a comment\nR1 invalid mem access 'scalar'\n\
                   verification time 57 usec\nstack depth 0\nprocessed 2 insns (limit 1000000)\n";
        assert_eq!(complaint(log).as_deref(), Some("R1 invalid mem access 'scalar'"));
        assert_eq!(
            complaint("attach_btf_id 1 is not a typedef").as_deref().map(str::len),
            Some(32)
        );
        // Without one it is the number that tells.
        assert_eq!(complaint("\n"), None);
        for number in [1, 13] {
            let error = AttachError::from_aya(io::Error::from_raw_os_error(number));
            assert!(matches!(error, AttachError::Permission(_)), "{error}");
        }
    }

    #[test]
    fn a_release_explains_a_refusal_and_makes_none() {
        let refused = || AttachError::NoTracepoint("inet_sock_set_state");
        let on = |release: &str| refused().on_kernel(&KernelRelease::of(release)).to_string();
        assert_eq!(on("5.4.0-1"), "kernel 5.4.0-1 is too old; Linux 5.10 or later is needed");
        for other in ["5.10.0-28-cloud-amd64", "6.18.44", "garbage", ""] {
            assert!(on(other).contains("no tracepoint"), "{other}");
        }
        let permission = AttachError::Permission(Refusal::Capabilities);
        let error = permission.on_kernel(&KernelRelease::of("4.19.0")).to_string();
        assert!(error.contains("permission"), "{error}");
    }
}
