//! The command line as typed; [`crate::options`] checks it.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::question::GROUP_COLUMNS;

/// The end of a subcommand's help.
macro_rules! example {
    ($command:literal) => {
        concat!(
            "Example:\n  ",
            $command,
            "\n\nExit codes: 0 answered; 1 a file could not be read or the question not answered; ",
            "2 wrong usage."
        )
    };
}

const EXAMPLES: &str = "\
Examples:
  analyze web-1.parquet
  analyze percentiles --by comm,dst_port web-1.parquet
  analyze destinations --sort p99 --top 10 monday/*.parquet
  analyze timeseries --every 10s --format csv web-1.parquet > p99.csv

Exit codes: 0 answered; 1 a file could not be read or the question not answered; 2 wrong usage.";

/// Answers questions about captures of TCP connect latency
///
/// Reads captures written by `record` (Parquet files) and says how long TCP connects took, how many
/// failed, where to and when. Without a subcommand it prints the summary. Latency figures rest on
/// established connects only; every percentile is a latency that was measured (nearest rank), and
/// one that the sample is too small for is marked instead of guessed.
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
    /// How far the capture can be trusted, and its most important figures
    ///
    /// Prints what was recorded and what was lost, counts by outcome, overall percentiles, the
    /// busiest destinations and a short time series. With --format csv only the overall row is
    /// printed; the other formats have everything.
    #[command(after_help = example!("analyze summary web-1.parquet"))]
    Summary(Input),

    /// Latency percentiles and failures, overall or by column
    ///
    /// One row for all connects, or one for each combination of values of the columns given with
    /// --by, the most frequent first.
    #[command(after_help = example!("analyze percentiles --by comm,dst_port web-1.parquet"))]
    Percentiles(Percentiles),

    /// The destinations with the most connects, failures or latency
    ///
    /// One row for each destination address and port.
    #[command(after_help = example!("analyze destinations --sort p99 --top 10 web-1.parquet"))]
    Destinations(Destinations),

    /// Connects, failures and percentiles over time
    ///
    /// One row for each interval of wall-clock time (UTC), by the time the connects started.
    /// Intervals without connects are rows of zeros, from the start of the recording to its end.
    #[command(after_help = example!("analyze timeseries --every 10s web-1.parquet"))]
    Timeseries(Timeseries),
}

/// What every question takes.
#[derive(Debug, Args)]
pub struct Input {
    /// Captures; the rows of several are put together
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Output format; csv and json give durations as integers in nanoseconds
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// Arguments of `percentiles`.
#[derive(Debug, Args)]
pub struct Percentiles {
    /// Columns to group by, separated by commas
    #[arg(
        long,
        value_name = "COL[,COL]",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(GROUP_COLUMNS)
    )]
    pub by: Vec<String>,
    #[command(flatten)]
    pub input: Input,
}

/// Arguments of `destinations`.
#[derive(Debug, Args)]
pub struct Destinations {
    /// Number of destinations to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    /// What puts a destination first
    #[arg(long, value_enum, value_name = "KEY", default_value_t)]
    pub sort: Sort,
    #[command(flatten)]
    pub input: Input,
}

/// Arguments of `timeseries`.
#[derive(Debug, Args)]
pub struct Timeseries {
    /// Width of an interval, such as 500ms, 1s, 5m or 1h [default: a round width that gives 8 to 20 intervals]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub every: Option<std::time::Duration>,
    #[command(flatten)]
    pub input: Input,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For reading in a terminal
    #[default]
    Table,
    /// One object with keys `capture` and `rows`
    Json,
    /// A header and one line per row; warnings go to standard error
    Csv,
    /// A table for tickets and post-mortems
    Markdown,
}

/// Order of destinations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Sort {
    /// Most connects first
    #[default]
    Count,
    /// Most failed connects first
    Failures,
    /// Highest p99 first; destinations with too few connects for a p99 last
    P99,
}
