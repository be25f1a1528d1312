//! Arguments as the user typed them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};

const EXAMPLES: &str = "\
Examples:
  record                             every connect until Ctrl-C
  record --duration 30s -o out.parquet
  record -p 4321 -p 4322             only these processes
  record -- curl -s https://example  while a command runs, its exit status passed on

Then, on any machine: analyze FILE";

/// Record every active TCP connect on this host into a Parquet capture.
///
/// Needs Linux 5.10 or later with BTF, and root (CAP_BPF and CAP_PERFMON).
/// Recording ends at Ctrl-C, SIGTERM, after --duration, or when COMMAND exits,
/// whichever comes first; connects still undecided then are written as
/// in_flight.
#[derive(Debug, Parser)]
#[command(name = "record", version, after_help = EXAMPLES)]
pub struct Args {
    /// Write the capture to FILE [default: connlat-HOST-UTCTIME.parquet]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace FILE if it exists
    #[arg(long)]
    pub force: bool,

    /// Stop after this long, such as 10s, 5m or 1h30m
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,

    /// Record only this process (repeatable)
    #[arg(short, long = "pid", value_name = "PID", action = ArgAction::Append)]
    pub pids: Vec<u32>,

    /// Record IPv4 connects only (v4-mapped IPv6 addresses count as IPv4)
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub ipv4: bool,

    /// Record IPv6 connects only
    #[arg(short = '6', long = "ipv6")]
    pub ipv6: bool,

    /// Size of the kernel's event buffer, MiB, a power of two
    #[arg(long, value_name = "MIB", default_value_t = 8)]
    pub ring_size: u32,

    /// Most connects in flight at one time
    #[arg(long, value_name = "N", default_value_t = 65_536)]
    pub max_in_flight: u32,

    /// Run COMMAND and record until it exits; the whole host is still recorded
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
