//! Options as checked: what the rest of the program relies on.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Error};
use connlat_schema::capture::columns::{CGROUP, COMM, DST_ADDR, DST_PORT};

use crate::cli::{self, Cli, Common, Format, Input, Precision, Question, Sort, TooSmall};
use crate::condition::Condition;
use crate::question::{By, Measure, Order, Percentile, RowOrder, Z95};
use crate::selection::{Moment, Only, Selection};

/// One run.
pub enum Task {
    /// A question about captures.
    Ask(Box<Options>),
    /// The completions of a shell.
    Completions(clap_complete::Shell),
    /// The manual pages, into a directory.
    Man(PathBuf),
}

/// A question about captures.
pub struct Options {
    /// Captures, at least one.
    pub files: Vec<PathBuf>,
    /// Output format.
    pub format: Format,
    /// Which connects.
    pub selection: Selection,
    /// How percentiles are found.
    pub precision: Precision,
    /// The question.
    pub ask: Ask,
}

/// Which percentiles.
pub struct Quantiles {
    /// Ascending; empty for the usual ones.
    pub percentiles: Vec<Percentile>,
    /// Whether with intervals.
    pub ci: bool,
}

impl Quantiles {
    /// Together with how they are found.
    pub fn measure(&self, bucketed: bool) -> Measure {
        let mut measure = Measure::usual(bucketed);
        if !self.percentiles.is_empty() {
            measure.percentiles.clone_from(&self.percentiles);
        }
        measure.intervals = self.ci.then_some(Z95);
        measure
    }
}

/// The question with its parameters.
pub enum Ask {
    /// The whole picture.
    Summary,
    /// Figures by key.
    Grouped {
        /// Keys, each once; empty for one row overall.
        by: Vec<By>,
        /// Number shown, 0 for all.
        top: usize,
        /// What comes first.
        order: Order,
        /// Which percentiles.
        quantiles: Quantiles,
        /// What a group is called, in the plural.
        what: &'static str,
    },
    /// Counts by outcome.
    Outcomes(Vec<By>),
    /// Figures by time.
    Timeseries {
        /// Width of an interval, µs and positive; none to choose one.
        every: Option<i64>,
        /// Keys.
        by: Vec<By>,
        /// Which percentiles.
        quantiles: Quantiles,
    },
    /// Counts by latency.
    Histogram(Vec<By>),
    /// Counts by latency and time.
    Heatmap(Option<i64>),
    /// Single connects.
    Rows {
        /// Which first.
        order: RowOrder,
        /// Number shown, 0 for all.
        top: usize,
    },
    /// What the captures say of themselves.
    Info,
    /// What changed.
    Diff {
        /// What is compared.
        sides: Sides,
        /// Keys.
        by: Vec<By>,
        /// Number shown, 0 for all.
        top: usize,
    },
    /// Whether conditions hold.
    Check {
        /// The conditions.
        conditions: Vec<Condition>,
        /// What an undecided one counts as.
        too_small: TooSmall,
    },
}

/// What `diff` compares.
pub enum Sides {
    /// The first file with the second.
    Files,
    /// Before and after a moment.
    Split(Moment),
    /// Two spans.
    Ranges((Moment, Moment), (Moment, Moment)),
}

impl TryFrom<Cli> for Task {
    type Error = Error;

    fn try_from(cli: Cli) -> Result<Self, Error> {
        let (ask, Input { files, common }) = match cli.question {
            None => (Ask::Summary, cli.input),
            Some(Question::Summary(input)) => (Ask::Summary, input),
            Some(Question::Percentiles(args)) => {
                let (by, quantiles) = (args.by.by, args.quantiles);
                (grouped(&[], by, args.top, Sort::Count, quantiles, "groups"), args.input)
            }
            Some(Question::Destinations(args)) => {
                ranked(&[DST_ADDR, DST_PORT], args, "destinations")
            }
            Some(Question::Processes(args)) => ranked(&[COMM, CGROUP], args, "processes"),
            Some(Question::Cgroups(args)) => ranked(&[CGROUP], args, "cgroups"),
            Some(Question::Outcomes(args)) => (Ask::Outcomes(once(args.by.by)), args.input),
            Some(Question::Timeseries(args)) => {
                let every = args.every.micros("timeseries")?;
                let (by, quantiles) = (once(args.by.by), quantiles(args.quantiles));
                (Ask::Timeseries { every, by, quantiles }, args.input)
            }
            Some(Question::Histogram(args)) => (Ask::Histogram(once(args.by.by)), args.input),
            Some(Question::Heatmap(args)) => {
                (Ask::Heatmap(args.every.micros("heatmap")?), args.input)
            }
            Some(Question::Slowest(args)) => {
                (Ask::Rows { order: RowOrder::Slowest, top: args.top }, args.input)
            }
            Some(Question::Events(args)) => {
                (Ask::Rows { order: RowOrder::Time, top: args.top }, args.input)
            }
            Some(Question::Info(input)) => (Ask::Info, input),
            Some(Question::Diff(args)) => diff(args)?,
            Some(Question::Check(args)) => {
                let (conditions, too_small) = (args.fail_if, args.too_small);
                (Ask::Check { conditions, too_small }, args.input)
            }
            Some(Question::Completions { shell }) => return Ok(Self::Completions(shell)),
            Some(Question::Man { directory }) => return Ok(Self::Man(directory)),
        };
        let Common { format, filter, from, to, established, failed, percentiles } = common;
        let only = match (established, failed) {
            (true, _) => Only::Established,
            (_, true) => Only::Failed,
            _ => Only::All,
        };
        let selection = Selection { filter, from, to, only };
        Ok(Self::Ask(Box::new(Options { files, format, selection, precision: percentiles, ask })))
    }
}

fn ranked(keys: &[&str], args: cli::Grouped, what: &'static str) -> (Ask, Input) {
    (grouped(keys, args.by.by, args.top, args.sort, args.quantiles, what), args.input)
}

fn grouped(
    keys: &[&str],
    by: Vec<By>,
    top: usize,
    sort: Sort,
    asked: cli::Quantiles,
    what: &'static str,
) -> Ask {
    let order = match sort {
        Sort::Count => Order::Count,
        Sort::Failures => Order::Failures,
        Sort::P99 => Order::P99,
    };
    let keys = keys.iter().filter_map(|name| By::column(name));
    let by = once(keys.chain(by).collect());
    Ask::Grouped { by, top, order, quantiles: quantiles(asked), what }
}

/// Each key once, in the order given.
fn once(by: Vec<By>) -> Vec<By> {
    let mut all: Vec<By> = Vec::new();
    for key in by {
        if !all.contains(&key) {
            all.push(key);
        }
    }
    all
}

fn quantiles(args: cli::Quantiles) -> Quantiles {
    let mut percentiles = args.quantiles;
    percentiles.sort_by(|a, b| a.fraction().total_cmp(&b.fraction()));
    percentiles.dedup();
    Quantiles { percentiles, ci: args.ci }
}

fn diff(args: cli::Diff) -> Result<(Ask, Input), Error> {
    let usage = |text: &str| Err(usage("diff", ErrorKind::WrongNumberOfValues, text));
    let sides = match (args.split, args.before_range, args.after_range) {
        (Some(split), ..) => Sides::Split(split),
        (_, Some(before), Some(after)) => Sides::Ranges(before, after),
        _ => Sides::Files,
    };
    match (&sides, args.files.len()) {
        (Sides::Files, 2) | (Sides::Split(_) | Sides::Ranges(..), 1) => {}
        (Sides::Files, _) => return usage("name two captures, or one and --split TIME"),
        _ => return usage("--split and the ranges are for one capture; name one"),
    }
    let by = if args.by.is_empty() { vec![By::Dst] } else { once(args.by) };
    let input = Input { files: args.files, common: args.common };
    Ok((Ask::Diff { sides, by, top: args.top }, input))
}

impl cli::Every {
    fn micros(&self, subcommand: &str) -> Result<Option<i64>, Error> {
        self.every.map(|every| micros(subcommand, every)).transpose()
    }
}

/// An error with the usage of a subcommand.
fn usage(subcommand: &str, kind: ErrorKind, text: &str) -> Error {
    let mut program = Cli::command();
    program.build();
    match program.find_subcommand_mut(subcommand) {
        Some(subcommand) => subcommand.error(kind, text),
        None => program.error(kind, text),
    }
}

/// Times in a capture are whole microseconds, and so are intervals.
fn micros(subcommand: &str, every: Duration) -> Result<i64, Error> {
    let whole = every.subsec_nanos().is_multiple_of(1_000);
    match i64::try_from(every.as_micros()) {
        Ok(micros) if whole && micros > 0 => Ok(micros),
        _ => Err(usage(
            subcommand,
            ErrorKind::ValueValidation,
            "--every must be a whole number of microseconds, at least 1us",
        )),
    }
}
