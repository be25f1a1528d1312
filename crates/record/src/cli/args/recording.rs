//! Arguments of a recording.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgAction;

use super::shared::{FilterArgs, ProbeArgs};
use crate::cli::values;
use crate::session::Rotate;

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
    /// Write to DIR/node=h-HOST/date=YYYY-MM-DD/connlat-HOST-UTCTIME.parquet
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

    /// Stop before journals and files take more of the disk than this, also
    /// while sealing; what the kernel's buffer holds then is still written and
    /// can pass it, by some three times --ring-size at worst
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub max_size: Option<u64>,

    /// Stop once recorder and kernel buffers take this much memory
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub max_memory: Option<u64>,

    /// Permissions of new files, octal
    #[arg(long, value_name = "MODE", value_parser = values::permissions, default_value = "0600")]
    pub mode: u32,
}
