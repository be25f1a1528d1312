//! Arguments as the user typed them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser};

const EXAMPLES: &str = "\
Examples:
  record                             every connect until Ctrl-C
  record --duration 30s -o out.parquet
  record -p 4321 -p 4322             only these processes
  record --dst 10.0.0.0/8 --dst-port 5432
  record -- curl -s http://10.0.0.7/ while a command runs, its exit status passed on
  record --follow -- ./job.sh        only that command and what it starts
  record live                        watch connects like tcpconnlat
  record check                       does it work here?

Then, on any machine: analyze FILE";

const LIVE_EXAMPLES: &str = "\
Examples:
  record live              trace all TCP connects
  record live 1            connects slower than 1 ms
  record live 0.1          connects slower than 100 us
  record live -t           include timestamps
  record live -p 181       only PID 181
  record live -L           include the local port
  record live -4           IPv4 only
  record live --all        every outcome, with its name
  record live -o c.parquet watch and write a capture";

/// Record every active TCP connect on this host into a Parquet capture.
///
/// Needs Linux 5.10 or later with BTF, and root (CAP_BPF and CAP_PERFMON).
/// Recording ends at Ctrl-C, SIGTERM, after --duration, or when COMMAND exits,
/// whichever comes first; connects still undecided then are written as
/// in_flight. A COMMAND that outlives --duration is waited for.
#[derive(Debug, Parser)]
#[command(
    name = "record",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Args {
    /// Something other than recording.
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,
    /// Recording.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// What `record` does besides recording.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Print connects as they end, as tcpconnlat does
    Live(Box<LiveArgs>),
    /// Check whether recording works here: exit code 0 if it does, 1 if not
    Check(CheckArgs),
}

/// Arguments of `record check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Arguments of a recording.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
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
    #[arg(short, long = "pid", value_name = "PID", action = ArgAction::Append, help_heading = "Filters")]
    pub pids: Vec<u32>,

    /// Record only connects that take at least this long, such as 5ms; the
    /// others are counted
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub min_latency: Option<String>,

    /// Record only COMMAND and the processes it starts
    #[arg(long, requires = "command", conflicts_with = "pids", help_heading = "Filters")]
    pub follow: bool,

    /// Filters shared with `live`.
    #[command(flatten)]
    pub filters: FilterArgs,

    /// Kernel memory and tracing.
    #[command(flatten)]
    pub probe: ProbeArgs,

    /// Run COMMAND and record until it exits; without --follow the whole host
    /// is recorded
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Arguments of `record live`: those of tcpconnlat, and more.
#[derive(Debug, clap::Args)]
#[command(after_help = LIVE_EXAMPLES)]
pub struct LiveArgs {
    /// Minimum latency to print, ms
    #[arg(value_name = "MIN_MS")]
    pub min_ms: Option<String>,

    /// Include a timestamp: seconds since the first row
    #[arg(short, long)]
    pub timestamp: bool,

    /// Trace only this process (repeatable)
    #[arg(short, long = "pid", value_name = "PID", action = ArgAction::Append)]
    pub pids: Vec<u32>,

    /// Include LPORT, the local port
    #[arg(short = 'L', long)]
    pub lport: bool,

    /// Print every outcome, with its name, not only established and refused
    #[arg(long)]
    pub all: bool,

    /// Print one JSON object a line, with the capture's column names
    #[arg(long, conflicts_with_all = ["timestamp", "lport"])]
    pub json: bool,

    /// Print the BPF program and how it was loaded before the first row
    #[arg(short, long)]
    pub verbose: bool,

    /// Print the BPF program and exit
    #[arg(long, hide = true)]
    pub ebpf: bool,

    /// Write a capture too
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace FILE if it exists
    #[arg(long, requires = "output")]
    pub force: bool,

    /// Stop after this long, such as 10s
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,

    /// Filters shared with recording.
    #[command(flatten)]
    pub filters: FilterArgs,

    /// Kernel memory and tracing.
    #[command(flatten)]
    pub probe: ProbeArgs,
}

/// Filters, applied in the kernel. Different ones must all match; several
/// values of one are alternatives.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// IPv4 connects only (v4-mapped IPv6 addresses count as IPv4)
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub ipv4: bool,

    /// IPv6 connects only
    #[arg(short = '6', long = "ipv6")]
    pub ipv6: bool,

    /// Only this user id (repeatable)
    #[arg(long = "uid", value_name = "UID", action = ArgAction::Append)]
    pub uids: Vec<u32>,

    /// Only threads of this name; names have at most 15 bytes (repeatable)
    #[arg(long = "comm", value_name = "NAME", action = ArgAction::Append)]
    pub comms: Vec<String>,

    /// Only this cgroup (v2) and everything below it (repeatable)
    #[arg(long = "cgroup", value_name = "PATH", action = ArgAction::Append)]
    pub cgroups: Vec<PathBuf>,

    /// Only this network namespace: an inode, or a path such as
    /// /proc/PID/ns/net (repeatable)
    #[arg(long = "netns", value_name = "NETNS", action = ArgAction::Append)]
    pub netns: Vec<String>,

    /// Only destinations in this address or prefix (repeatable)
    #[arg(long = "dst", value_name = "CIDR", action = ArgAction::Append)]
    pub destinations: Vec<String>,

    /// Only this destination port or range (repeatable)
    #[arg(long = "dst-port", value_name = "PORT[-PORT]", action = ArgAction::Append)]
    pub ports: Vec<String>,
}

/// How the probe works.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Probe")]
pub struct ProbeArgs {
    /// Also record connect(2) calls that fail before a SYN is tried, such as
    /// no route; runs at every system call of the host, and misses io_uring
    /// and MSG_FASTOPEN
    #[arg(long)]
    pub trace_local_errors: bool,

    /// Size of the kernel's event buffer, MiB, a power of two
    #[arg(long, value_name = "MIB", default_value_t = 8)]
    pub ring_size: u32,

    /// Most connects in flight at one time
    #[arg(long, value_name = "N", default_value_t = 65_536)]
    pub max_in_flight: u32,
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
