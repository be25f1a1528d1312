//! Options as checked: what the rest of the program relies on.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, Error};

use crate::cli::{Cli, Format, Input, Question, Sort};
use crate::question::Order;

/// One run.
pub struct Options {
    /// Captures, at least one.
    pub files: Vec<PathBuf>,
    /// Output format.
    pub format: Format,
    /// The question.
    pub ask: Ask,
}

/// The question with its parameters.
pub enum Ask {
    /// The whole picture.
    Summary,
    /// Figures by column.
    Percentiles {
        /// Group columns, each once; empty for one row overall.
        by: Vec<String>,
    },
    /// Figures by destination.
    Destinations {
        /// Number shown, 0 for all.
        top: usize,
        /// What comes first.
        order: Order,
    },
    /// Figures by time.
    Timeseries {
        /// Width of an interval, µs and positive; none to choose one.
        every: Option<i64>,
    },
}

impl TryFrom<Cli> for Options {
    type Error = Error;

    fn try_from(cli: Cli) -> Result<Self, Error> {
        let (ask, Input { files, format }) = match cli.question {
            None => (Ask::Summary, cli.input),
            Some(Question::Summary(input)) => (Ask::Summary, input),
            Some(Question::Percentiles(args)) => {
                let mut by: Vec<String> = Vec::new();
                for column in args.by {
                    if !by.contains(&column) {
                        by.push(column);
                    }
                }
                (Ask::Percentiles { by }, args.input)
            }
            Some(Question::Destinations(args)) => {
                let order = match args.sort {
                    Sort::Count => Order::Count,
                    Sort::Failures => Order::Failures,
                    Sort::P99 => Order::P99,
                };
                let top = args.top;
                (Ask::Destinations { top, order }, args.input)
            }
            Some(Question::Timeseries(args)) => {
                let every = args.every.map(micros).transpose()?;
                (Ask::Timeseries { every }, args.input)
            }
        };
        Ok(Self { files, format, ask })
    }
}

/// Times in a capture are whole microseconds, and so are intervals.
fn micros(every: Duration) -> Result<i64, Error> {
    let whole = every.subsec_nanos().is_multiple_of(1_000);
    match i64::try_from(every.as_micros()) {
        Ok(micros) if whole && micros > 0 => Ok(micros),
        _ => Err(Cli::command().error(
            ErrorKind::ValueValidation,
            "--every must be a whole number of microseconds, at least 1us",
        )),
    }
}
