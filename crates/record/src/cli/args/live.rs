//! Arguments of `record live`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;

use super::shared::{FilterArgs, ProbeArgs};
use crate::cli::values;

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
