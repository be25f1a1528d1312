//! Arguments that commands share; those of a single one are in its own file.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::scan::By;
use crate::select::{Moment, Only, Selection};
use crate::stats::{Measure, Percentile, Z95};

/// What every command takes.
#[derive(Debug, Args)]
pub struct Input {
    /// Captures, bundles of `record snapshot`, directories of them, or patterns; the rows of
    /// several are put together
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

/// Options every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Output format; csv, json and parquet give durations as integers in nanoseconds
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
    /// How json gives integers: some readers change those above 2^53
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    pub json_integers: Integers,
    /// Fail if a directory or pattern holds something damaged, empty or unreadable, instead of
    /// leaving it out with a warning
    #[arg(long)]
    pub strict: bool,
    /// Names of addresses: a hosts file, lines of PREFIX,NAME, or what
    /// `kubectl get pods,services,endpointslices,nodes -A -o json` prints; several may be given.
    /// Adds the columns name, src_name and pod [default: those that bundles bring]
    #[arg(long, value_name = "FILE")]
    pub names: Vec<PathBuf>,
    /// Only connects for which this SQL expression over the columns holds, such as
    /// "comm = 'nginx' AND latency > 50ms"
    #[arg(
        long = "where",
        value_name = "SQL",
        allow_hyphen_values = true,
        help_heading = "Selection"
    )]
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
}

impl Common {
    /// Which connects are asked about.
    pub fn selection(&self) -> Selection {
        let only = match (self.established, self.failed) {
            (true, _) => Only::Established,
            (_, true) => Only::Failed,
            _ => Only::All,
        };
        Selection { filter: self.filter.clone(), from: self.from, to: self.to, only }
    }
}

/// Keys.
#[derive(Debug, Args)]
pub struct ByArgs {
    /// Keys to group by, separated by commas: columns, dst, subnet/24, subnet/64, and name,
    /// src_name or pod with --names
    #[arg(long, value_name = "KEY[,KEY]", value_delimiter = ',', value_parser = By::parse)]
    pub by: Vec<By>,
}

impl ByArgs {
    /// Those of the command and those asked for, each once.
    pub fn after(&self, names: &[&str]) -> Vec<By> {
        let own = names.iter().filter_map(|name| By::column(name));
        once(own.chain(self.by.iter().copied()))
    }
}

/// Each key once, in the order given.
pub fn once(by: impl IntoIterator<Item = By>) -> Vec<By> {
    let mut all: Vec<By> = Vec::new();
    for key in by {
        if !all.contains(&key) {
            all.push(key);
        }
    }
    all
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

impl Quantiles {
    /// As asked for, else the usual ones.
    pub fn measure(&self) -> Measure {
        let mut measure = Measure::usual();
        if !self.quantiles.is_empty() {
            measure.percentiles.clone_from(&self.quantiles);
            measure.percentiles.sort_by(|a, b| a.fraction().total_cmp(&b.fraction()));
            measure.percentiles.dedup();
        }
        measure.intervals = self.ci.then_some(Z95);
        measure
    }
}

/// Width of intervals.
#[derive(Debug, Args)]
pub struct Every {
    /// Width of an interval, such as 500ms, 1s, 5m or 1h [default: a round width that fits]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub every: Option<Duration>,
}

impl Every {
    /// In µs, as times in a capture are.
    ///
    /// # Errors
    /// In words if it is not a whole number of them.
    pub fn micros(&self) -> Result<Option<i64>, String> {
        let micros = |every: Duration| match i64::try_from(every.as_micros()) {
            Ok(micros) if every.subsec_nanos().is_multiple_of(1_000) && micros > 0 => Ok(micros),
            _ => Err("--every must be a whole number of microseconds, at least 1us".to_owned()),
        };
        self.every.map(micros).transpose()
    }
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
    /// A page for a browser; `report` alone has it.
    #[value(skip)]
    Html,
}

/// How JSON gives integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Integers {
    /// As numbers up to 2^53, as strings beyond
    #[default]
    Safe,
    /// As numbers, however large
    Numbers,
    /// As strings, however small
    Strings,
}

/// The end of a command's help.
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
pub(crate) use examples;
