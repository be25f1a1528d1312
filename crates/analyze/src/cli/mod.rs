//! The command line: global options, and one subcommand for each of
//! [`crate::commands`].

pub mod args;

use clap::{CommandFactory, Parser};

use crate::commands::Command;
use crate::commands::summary::Summary;

const EXAMPLES: &str = "\
Examples:
  analyze web-1.parquet
  analyze report web-1.parquet -o report.html
  analyze percentiles --by comm,dst_port web-1.parquet
  analyze destinations --sort p99 --top 10 monday/
  analyze timeseries --every 10s --format csv web-1.parquet > p99.csv
  analyze events --where \"comm = 'nginx' AND dst_port = 5432\" --failed web-1.parquet
  analyze check --fail-if 'p99 > 50ms' --fail-if 'failure_rate > 1%' web-1.parquet

Exit codes: 0 answered; 1 a file could not be read or the question not answered; 2 wrong usage;
3 a condition of `analyze check` is violated.";

/// Answers questions about captures of TCP connect latency
///
/// Reads captures written by `record` (Parquet files, or the journal of a recorder that was killed)
/// and says how long TCP connects took, how many failed, where to and when. Without a subcommand it
/// prints the summary. Latency figures rest on established connects only; every percentile is a
/// latency that was measured (nearest rank), and one that the sample is too small for is marked
/// instead of guessed.
#[derive(Debug, Parser)]
#[command(
    name = "analyze",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Cli {
    /// The question asked.
    #[command(subcommand)]
    command: Option<Command>,
    /// Files of the summary when no question is named.
    #[command(flatten)]
    input: args::Input,
}

impl Cli {
    /// The command, which is the summary if none is named.
    ///
    /// # Errors
    /// What is wrong with its options, with its usage.
    pub fn checked(self) -> Result<Command, clap::Error> {
        let command = self.command.unwrap_or(Command::Summary(Summary { input: self.input }));
        match command.ask().map_or(Ok(()), |question| question.check()) {
            Ok(()) => Ok(command),
            Err((kind, text)) => {
                let mut program = Self::command();
                program.build();
                Err(match program.find_subcommand_mut(command.name()) {
                    Some(subcommand) => subcommand.error(kind, text),
                    None => program.error(kind, text),
                })
            }
        }
    }
}
