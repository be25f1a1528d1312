//! Arguments that questions share, and those of single ones.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::condition::Condition;
use crate::question::{By, Percentile};
use crate::selection::Moment;

/// What every question takes.
#[derive(Debug, Args)]
pub struct Input {
    /// Captures, directories of captures, or patterns; the rows of several are put together
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

/// Options every question takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Output format; csv, json and parquet give durations as integers in nanoseconds
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
    /// Only connects for which this SQL expression over the columns holds
    #[arg(long = "where", value_name = "SQL", help_heading = "Selection")]
    pub filter: Option<String>,
    /// Only connects started at or after: 2026-01-31T12:00:05Z, 12:00 or -10m before the end
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Selection")]
    pub from: Option<Moment>,
    /// Only connects started before
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, help_heading = "Selection")]
    pub to: Option<Moment>,
    /// Only connects that were established
    #[arg(long, conflicts_with = "failed", help_heading = "Selection")]
    pub established: bool,
    /// Only connects that failed
    #[arg(long, help_heading = "Selection")]
    pub failed: bool,
    /// Whether latencies are sorted, or counted in buckets of 1 % [default: buckets above 10 million rows]
    #[arg(long, value_enum, value_name = "HOW", default_value_t, hide_default_value = true)]
    pub percentiles: Precision,
}

/// Arguments of `percentiles`.
#[derive(Debug, Args)]
pub struct Percentiles {
    /// Number of groups to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub top: usize,
    #[command(flatten)]
    pub by: ByArgs,
    #[command(flatten)]
    pub quantiles: Quantiles,
    #[command(flatten)]
    pub input: Input,
}

/// Keys.
#[derive(Debug, Args)]
pub struct ByArgs {
    /// Keys to group by, separated by commas: columns, dst, subnet/24, subnet/64
    #[arg(long, value_name = "KEY[,KEY]", value_delimiter = ',', value_parser = By::parse)]
    pub by: Vec<By>,
}

/// Which percentiles.
#[derive(Debug, Args)]
pub struct Quantiles {
    /// Quantiles to give, separated by commas [default: 0.5,0.9,0.95,0.99,0.999]
    #[arg(long, value_name = "Q[,Q]", value_delimiter = ',', value_parser = quantile)]
    pub quantiles: Vec<Percentile>,
    /// Give the 95 % confidence interval of each percentile
    #[arg(long)]
    pub ci: bool,
}

fn quantile(text: &str) -> Result<Percentile, String> {
    Percentile::parse(text).ok_or_else(|| "use fractions such as 0.5 or 0.999".to_owned())
}

/// Arguments of questions that rank groups.
#[derive(Debug, Args)]
pub struct Grouped {
    /// Number of groups to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    /// What puts a group first
    #[arg(long, value_enum, value_name = "KEY", default_value_t)]
    pub sort: Sort,
    #[command(flatten)]
    pub by: ByArgs,
    #[command(flatten)]
    pub quantiles: Quantiles,
    #[command(flatten)]
    pub input: Input,
}

/// Arguments of `outcomes`.
#[derive(Debug, Args)]
pub struct Outcomes {
    #[command(flatten)]
    pub by: ByArgs,
    #[command(flatten)]
    pub input: Input,
}

/// Width of intervals.
#[derive(Debug, Args)]
pub struct Every {
    /// Width of an interval, such as 500ms, 1s, 5m or 1h [default: a round width that fits]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub every: Option<std::time::Duration>,
}

/// Arguments of `timeseries`.
#[derive(Debug, Args)]
pub struct Timeseries {
    #[command(flatten)]
    pub every: Every,
    #[command(flatten)]
    pub by: ByArgs,
    #[command(flatten)]
    pub quantiles: Quantiles,
    #[command(flatten)]
    pub input: Input,
}

/// Arguments of `histogram`.
#[derive(Debug, Args)]
pub struct Histogram {
    #[command(flatten)]
    pub by: ByArgs,
    #[command(flatten)]
    pub input: Input,
}

/// Arguments of `heatmap`.
#[derive(Debug, Args)]
pub struct Heatmap {
    #[command(flatten)]
    pub every: Every,
    #[command(flatten)]
    pub input: Input,
}

/// Arguments of questions about single connects.
#[derive(Debug, Args)]
pub struct Events {
    /// Number of connects to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    #[command(flatten)]
    pub input: Input,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// BEFORE and AFTER; or one capture with --split, or with --before-range and --after-range
    #[arg(required = true, value_name = "FILE", num_args = 1..=2)]
    pub files: Vec<PathBuf>,
    /// Compare what is before this time with what comes after
    #[arg(long, value_name = "TIME", allow_hyphen_values = true,
        conflicts_with_all = ["before_range", "after_range"])]
    pub split: Option<Moment>,
    /// The span before, as FROM..TO
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, requires = "after_range",
        value_parser = crate::selection::range)]
    pub before_range: Option<(Moment, Moment)>,
    /// The span after, as FROM..TO
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, requires = "before_range",
        value_parser = crate::selection::range)]
    pub after_range: Option<(Moment, Moment)>,
    /// Keys to group by, separated by commas [default: dst]
    #[arg(long, value_name = "KEY[,KEY]", value_delimiter = ',', value_parser = By::parse)]
    pub by: Vec<By>,
    /// Number of groups to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// A condition that must not hold; may be given more than once
    #[arg(long, value_name = "CONDITION", required = true)]
    pub fail_if: Vec<Condition>,
    /// What a percentile counts as that the sample is too small for
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    pub too_small: TooSmall,
    #[command(flatten)]
    pub input: Input,
}

/// What an undecided condition counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TooSmall {
    /// Not decided: exit code 1
    #[default]
    Fail,
    /// As if the condition did not hold
    Pass,
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
    /// A Parquet file of the rows, to a file or pipe
    Parquet,
}

/// How percentiles are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Precision {
    /// Exact up to 10 million rows
    #[default]
    Auto,
    /// Each the latency at its rank; memory for every latency
    Exact,
    /// At most 1 % too high; little memory
    Buckets,
}

/// Order of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Sort {
    /// Most connects first
    #[default]
    Count,
    /// Most failed connects first
    Failures,
    /// Highest p99 first; groups with too few connects for a p99 last
    P99,
}
