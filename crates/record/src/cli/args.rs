//! Arguments as the user typed them.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use clap_complete::Shell;
use ipnet::IpNet;

use super::values;
use crate::probe::{KERNEL_BTF, ProbeOptions};
use crate::session::{Options, Rotate};

/// Largest in-flight table: beyond it the preallocation alone takes gigabytes.
const MAX_IN_FLIGHT: i64 = 16 << 20;

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
  record --output-dir /var/lib/connlat --rotate 10m --retain 24h
                                     flight recorder; record snapshot takes
                                     away what it has now
  record recover *.journal           after the recorder was killed

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
    /// Seal journals that a killed recorder left behind
    Recover(RecoverArgs),
    /// Ask a running recorder to seal what it has now, and to go on
    Snapshot(SnapshotArgs),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages to a directory
    Man {
        /// Made if it is not there
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

/// Arguments of `record recover`.
#[derive(Debug, clap::Args)]
pub struct RecoverArgs {
    /// Journals, or the captures they belong to
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Replace a capture that is in the way
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `record snapshot`.
#[derive(Debug, clap::Args)]
pub struct SnapshotArgs {
    /// The recorder; can be left out where only one runs
    pub pid: Option<u32>,
}

/// Arguments of `record check`.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    /// Type information (BTF) of the running kernel, where it is elsewhere
    #[arg(long, value_name = "FILE", default_value = KERNEL_BTF)]
    pub btf: PathBuf,
}

/// Arguments of a recording.
#[derive(Debug, clap::Args)]
pub struct RecordArgs {
    /// Write the capture to FILE [default: connlat-HOST-UTCTIME.parquet]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace FILE if it exists and is a regular file
    #[arg(long)]
    pub force: bool,

    /// Stop after this long, such as 10s, 5m or 1h30m
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub duration: Option<Duration>,

    /// Record only this process, until it ends (repeatable)
    #[arg(short, long = "pid", value_name = "PID", action = ArgAction::Append, help_heading = "Filters")]
    pub pids: Vec<u32>,

    /// Record only connects that take at least this long, such as 5ms; the
    /// others are counted
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Filters")]
    pub min_latency: Option<Duration>,

    /// Record only COMMAND and the processes it starts
    #[arg(long, requires = "command", conflicts_with = "pids", help_heading = "Filters")]
    pub follow: bool,

    /// Rotation, retention and bounds.
    #[command(flatten)]
    pub capture: CaptureArgs,

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

/// Rotation, retention and bounds of a recording.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Flight recorder and limits")]
pub struct CaptureArgs {
    /// Write to DIR/host=HOST/date=YYYY-MM-DD/connlat-HOST-UTCTIME.parquet
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "force"])]
    pub output_dir: Option<PathBuf>,

    /// Begin a new file after this time, or when the journal has this size
    /// (about ten times the sealed file), such as 10m or 100MB
    #[arg(long, value_name = "TIME|SIZE", value_parser = values::rotation, requires = "output_dir")]
    pub rotate: Option<Rotate>,

    /// Delete own sealed files older than this, such as 24h
    #[arg(long, value_name = "TIME", value_parser = values::duration, requires = "rotate")]
    pub retain: Option<Duration>,

    /// Delete own oldest sealed files beyond this size, such as 1GiB
    #[arg(long, value_name = "SIZE", value_parser = values::size, requires = "rotate")]
    pub retain_size: Option<u64>,

    /// Stop once this many connects are recorded (a batch is kept whole)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_events: Option<u64>,

    /// Stop once journal and files take this much of the disk
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub max_size: Option<u64>,

    /// Stop once recorder and kernel buffers take this much memory
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub max_memory: Option<u64>,

    /// Permissions of new files, octal
    #[arg(long, value_name = "MODE", value_parser = values::permissions, default_value = "0600")]
    pub mode: u32,
}

/// Arguments of `record live`: those of tcpconnlat, and more.
#[derive(Debug, clap::Args)]
#[command(after_help = LIVE_EXAMPLES)]
pub struct LiveArgs {
    /// Minimum latency to print, ms
    #[arg(value_name = "MIN_MS", value_parser = values::milliseconds)]
    pub min_ms: Option<Duration>,

    /// Include a timestamp: seconds since the first row
    #[arg(short, long)]
    pub timestamp: bool,

    /// Trace only this process, until it ends (repeatable)
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

    /// Replace FILE if it exists and is a regular file
    #[arg(long, requires = "output")]
    pub force: bool,

    /// Stop after this long, such as 10s
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub duration: Option<Duration>,

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
    #[arg(long = "netns", value_name = "NETNS", value_parser = values::netns, action = ArgAction::Append)]
    pub netns: Vec<u32>,

    /// Only destinations in this address or prefix (repeatable)
    #[arg(long = "dst", value_name = "CIDR", value_parser = values::destination, action = ArgAction::Append)]
    pub destinations: Vec<IpNet>,

    /// Only this destination port or range (repeatable)
    #[arg(long = "dst-port", value_name = "PORT[-PORT]", value_parser = values::ports, action = ArgAction::Append)]
    pub ports: Vec<RangeInclusive<u16>>,
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

    /// Type information (BTF) of the running kernel, where it is elsewhere
    #[arg(long, value_name = "FILE", default_value = KERNEL_BTF)]
    pub btf: PathBuf,

    /// Size of the kernel's event buffer, a power of two
    #[arg(long, value_name = "SIZE", value_parser = values::ring_size, default_value = ProbeOptions::DEFAULT_RING_SIZE)]
    pub ring_size: u32,

    /// Most connects in flight at one time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_IN_FLIGHT), default_value_t = ProbeOptions::DEFAULT_MAX_IN_FLIGHT)]
    pub max_in_flight: u32,

    /// Priority of the recorder, as nice(1) counts: below 0 it comes before
    /// others when CPUs are short; 0 leaves it as it was started
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(-20..=19), allow_negative_numbers = true, default_value_t = Options::DEFAULT_NICE)]
    pub nice: i32,
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
