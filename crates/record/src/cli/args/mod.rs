//! Arguments as the user typed them.

mod live;
mod recording;
mod shared;

use std::path::PathBuf;

use clap::Parser;
use clap_complete::Shell;

pub use live::LiveArgs;
pub use recording::{CaptureArgs, RecordArgs};
pub use shared::{FilterArgs, ProbeArgs};

use crate::probe::KERNEL_BTF;

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
  record snapshot --bundle ticket.tar.zst
                                     the same with facts about the host, as one
                                     archive that analyze reads
  record recover *.journal           after the recorder was killed

Then, on any machine: analyze FILE";

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

    /// Wait for what it seals, and put it into one new archive for a ticket,
    /// with facts about this host: analyze FILE.tar.zst
    #[arg(long, value_name = "FILE.tar.zst")]
    pub bundle: Option<PathBuf>,

    /// Names of addresses or pods to put into the bundle, for analyze: a hosts
    /// file, PREFIX,NAME, or kubectl's JSON, at most 16 MiB
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub names: Option<PathBuf>,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
