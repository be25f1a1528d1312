//! The command line as typed; [`crate::options`] checks it.

mod args;

use clap::{Parser, Subcommand};

pub use args::*;

/// The end of a subcommand's help.
macro_rules! examples {
    ($($command:literal),+) => {
        concat!(
            "Examples:",
            $("\n  ", $command,)+
            "\n\nExit codes: 0 answered; 1 a file could not be read or the question not answered; ",
            "2 wrong usage."
        )
    };
}

const EXAMPLES: &str = "\
Examples:
  analyze web-1.parquet
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
    pub question: Option<Question>,
    /// Files of the summary when no question is named.
    #[command(flatten)]
    pub input: Input,
}

/// One subcommand per question.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// What happened, how far the capture can be trusted, and its most important figures
    ///
    /// Prints what was recorded and what was lost, what was found, worst first, with the command
    /// that shows the rows, then overall figures, outcomes, who connected where, and a chart over
    /// time. With --format csv or parquet only the overall row is written.
    #[command(after_help = examples!("analyze summary web-1.parquet",
        "analyze summary --from -10m web-1.parquet"))]
    Summary(Input),

    /// Latency percentiles and failures, overall or by column
    ///
    /// One row for all connects, or one for each combination of the keys given with --by, the most
    /// frequent first.
    #[command(after_help = examples!("analyze percentiles --by comm,dst_port web-1.parquet",
        "analyze percentiles --by subnet/24 --quantiles 0.5,0.999 --ci web-1.parquet"))]
    Percentiles(Percentiles),

    /// The destinations with the most connects, failures or latency
    ///
    /// One row for each destination address and port.
    #[command(after_help = examples!("analyze destinations --sort p99 --top 10 web-1.parquet"))]
    Destinations(Grouped),

    /// How connects ended, with the errors of those that failed
    ///
    /// One row for each outcome and errno, within each group of --by.
    #[command(after_help = examples!("analyze outcomes --by dst web-1.parquet"))]
    Outcomes(Outcomes),

    /// Who connected: thread names and their control groups
    ///
    /// One row for each thread name and cgroup; add --by pid for single processes.
    #[command(after_help = examples!("analyze processes --sort failures --by pid web-1.parquet"))]
    Processes(Grouped),

    /// Which control groups connected: services and containers
    #[command(after_help = examples!("analyze cgroups --sort p99 web-1.parquet"))]
    Cgroups(Grouped),

    /// Connects, failures and percentiles over time
    ///
    /// One row for each interval of wall-clock time (UTC), by the time the connects started.
    /// Intervals without connects are rows of zeros, from the start of the recording to its end;
    /// with --by they are left out.
    #[command(after_help = examples!("analyze timeseries --every 10s web-1.parquet"))]
    Timeseries(Timeseries),

    /// How latencies are spread
    ///
    /// One row for each range of latencies of established connects; with --failed, of failed ones.
    #[command(after_help = examples!("analyze histogram --where \"dst_port = 443\" web-1.parquet"))]
    Histogram(Histogram),

    /// How latencies are spread over time
    ///
    /// Time from left to right, latency from bottom to top, darker where more connects are. Of
    /// established connects; with --failed, of failed ones.
    #[command(after_help = examples!("analyze heatmap --every 1s web-1.parquet"))]
    Heatmap(Heatmap),

    /// The connects that took longest
    ///
    /// Of established connects; with --failed, of failed ones.
    #[command(after_help = examples!("analyze slowest --top 50 web-1.parquet"))]
    Slowest(Events),

    /// Single connects in order of time
    #[command(after_help = examples!(
        "analyze events --failed --where \"dst_addr = '10.0.0.7'\" web-1.parquet"))]
    Events(Events),

    /// Everything the captures say about themselves
    #[command(after_help = examples!("analyze info web-1.parquet"))]
    Info(Input),

    /// What changed between two captures, or two spans of one
    ///
    /// One row for each group, those that contribute most to the change first. A change is
    /// called one only if the samples can carry it; everything else is called noise.
    #[command(after_help = examples!("analyze diff monday.parquet tuesday.parquet",
        "analyze diff --split 14:05 web-1.parquet",
        "analyze diff --by comm --before-range 14:00..14:05 --after-range 14:05..14:10 web-1.parquet"))]
    Diff(Diff),

    /// Exits with 3 if a condition holds: for scripts and CI
    ///
    /// A condition is a figure, a comparison and a value: `p99 > 50ms`, `failure_rate > 1%`,
    /// `connects < 100`. Figures: connects, established, failed, failure_rate, retransmits,
    /// retransmit_rate, samples, lost, missed, min, mean, max and any percentile (p50, p99, p999).
    /// A condition on a percentile that the sample is too small for cannot be decided: exit code 1,
    /// unless --too-small pass is given or another condition holds.
    #[command(after_help = "Examples:
  analyze check --fail-if 'p99 > 50ms' --fail-if 'failure_rate > 1%' web-1.parquet

Exit codes: 0 no condition holds; 1 not decided; 2 wrong usage; 3 a condition holds.")]
    Check(Check),

    /// Prints the completions of a shell
    #[command(after_help = "Examples:
  analyze completions bash > /etc/bash_completion.d/analyze")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },

    /// Writes the manual pages into a directory
    #[command(hide = true)]
    Man {
        /// The directory.
        directory: std::path::PathBuf,
    },
}
