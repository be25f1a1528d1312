//! The commands, one file each: its arguments, what it accumulates, and its
//! table. A new one is a file, a `mod` line, and a line in [`commands!`] below.

mod cgroups;
mod check;
mod condition;
mod destinations;
mod diff;
mod events;
mod heatmap;
mod histogram;
mod info;
mod merge;
mod merged;
mod outcomes;
mod over_time;
mod percentiles;
mod processes;
mod ranked;
pub mod redact;
mod report;
mod single;
mod slowest;
pub mod summary;
mod timeseries;

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use clap::error::ErrorKind;
use connlat_schema::capture::columns::{CGROUP, DST_ADDR, SRC_ADDR};

use crate::answer::{AnswerTable, Section};
use crate::capture::{Captures, SourceError};
use crate::cli::args::{Common, once};
use crate::columns::{NAME, POD, SRC_NAME};
use crate::findings::Finding;
use crate::names::Names;
use crate::quality::{Trust, Warning};
use crate::scan::{By, Scan, ScanError};
use crate::select::{Filter, Selection, Unusable};
use crate::stats::interval::TooManyBuckets;

/// What a command answers about.
pub struct Run<'a> {
    /// The captures.
    pub captures: &'a Captures,
    /// Their rows, as far as they are selected.
    pub scan: Scan<'a>,
    /// What `--names` says.
    pub names: Option<Arc<Names>>,
    /// What is selected.
    pub selection: &'a Selection,
    /// How far the captures can be believed.
    pub trust: &'a Trust<'a>,
    /// Columns that drawings are made to fit.
    pub width: usize,
}

impl Run<'_> {
    /// Keys with the names of what they are: they make no further groups.
    pub fn named(&self, by: Vec<By>) -> Vec<By> {
        let mut named = Vec::new();
        for key in by {
            let beside = match key {
                By::Column(DST_ADDR) | By::Dst => Some(NAME),
                By::Column(SRC_ADDR) => Some(SRC_NAME),
                By::Column(CGROUP) => Some(POD),
                _ => None,
            };
            named.push(key);
            named.extend(beside.filter(|_| self.names.is_some()).and_then(By::column));
        }
        once(named)
    }
}

/// What a command found.
#[derive(Default)]
pub struct Answered<'a> {
    /// The answers; the first is the one called `rows` in JSON.
    pub sections: Vec<Section<'a>>,
    /// What was found, worst first; none where nothing was looked for.
    pub findings: Option<Vec<Finding>>,
    /// Rows that were selected, if the command came by them.
    pub selected: Option<u64>,
    /// What is to be said before the answer is used.
    pub warnings: Vec<Warning>,
    /// The exit code.
    pub exit: u8,
}

impl<'a> Answered<'a> {
    /// One table.
    pub fn table(table: AnswerTable<'a>, selected: u64) -> Self {
        let sections = vec![Section { key: "rows", title: String::new(), table }];
        Self { sections, selected: Some(selected), ..Self::default() }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// A file turned out to be damaged.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The time series would not end.
    #[error(transparent)]
    TooManyBuckets(#[from] TooManyBuckets),
    /// What it asks about does not fit into memory.
    #[error(transparent)]
    TooMuch(ScanError),
    /// What was typed does not fit the captures.
    #[error(transparent)]
    Usage(#[from] Unusable),
}

impl From<ScanError> for AskError {
    fn from(error: ScanError) -> Self {
        match error {
            ScanError::Source(error) => error.into(),
            ScanError::Condition(error) => error.into(),
            ScanError::Texts(_) | ScanError::Groups(_) => Self::TooMuch(error),
        }
    }
}

/// What is wanted of a page.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// Its heading, as typed.
    pub title: Option<&'a str>,
    /// The file that it goes to, if not to standard output.
    pub file: Option<&'a Path>,
}

/// A command that asks about captures.
pub trait Ask {
    /// The captures, as named.
    fn files(&self) -> &[std::path::PathBuf];

    /// What it takes as every command does.
    fn common(&self) -> &Common;

    /// What is wrong with its options taken together.
    ///
    /// # Errors
    /// The kind of mistake, and what to do about it.
    fn check(&self) -> Result<(), (ErrorKind, String)> {
        Ok(())
    }

    /// Which rows are let through, given when the recording began and ended.
    ///
    /// # Errors
    /// [`Unusable`], in words for whoever typed it.
    fn filter(&self, recorded: (i64, i64)) -> Result<Filter, Unusable> {
        self.common().selection().filter(recorded)
    }

    /// Whether the account of the captures is itself part of the answer.
    fn is_summary(&self) -> bool {
        false
    }

    /// What is wanted of the page, if the answer is one.
    fn page(&self) -> Option<Page<'_>> {
        None
    }

    /// Answers.
    ///
    /// # Errors
    /// [`AskError`].
    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError>;
}

macro_rules! commands {
    ($($command:ident($arguments:path) $name:literal),+ $(,)?) => {
        /// One subcommand per question.
        #[derive(Debug, Subcommand)]
        pub enum Command {
            $($command($arguments),)+

            Merge(merge::Merge),

            /// Writes captures that can be handed on: names and addresses replaced
            Redact(redact::Redact),

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

        impl Command {
            /// The question, of those that ask about captures.
            pub fn ask(&self) -> Option<&dyn Ask> {
                match self {
                    $(Self::$command(arguments) => Some(arguments),)+
                    Self::Merge(_)
                    | Self::Redact(_)
                    | Self::Completions { .. }
                    | Self::Man { .. } => None,
                }
            }

            /// Its name on the command line.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$command(_) => $name,)+
                    Self::Merge(_) => "merge",
                    Self::Redact(_) => "redact",
                    Self::Completions { .. } => "completions",
                    Self::Man { .. } => "man",
                }
            }
        }
    };
}

// In the order of the help.
commands! {
    Summary(summary::Summary) "summary",
    Report(report::Report) "report",
    Percentiles(percentiles::Percentiles) "percentiles",
    Destinations(destinations::Destinations) "destinations",
    Outcomes(outcomes::Outcomes) "outcomes",
    Processes(processes::Processes) "processes",
    Cgroups(cgroups::Cgroups) "cgroups",
    Timeseries(timeseries::Timeseries) "timeseries",
    Histogram(histogram::Histogram) "histogram",
    Heatmap(heatmap::Heatmap) "heatmap",
    Slowest(slowest::Slowest) "slowest",
    Events(events::Events) "events",
    Info(info::Info) "info",
    Diff(diff::Diff) "diff",
    Check(check::Check) "check",
}

/// The part of [`Ask`] that is the same for all that take [`crate::cli::args::Input`].
macro_rules! takes_input {
    () => {
        fn files(&self) -> &[std::path::PathBuf] {
            &self.input.files
        }

        fn common(&self) -> &crate::cli::args::Common {
            &self.input.common
        }
    };
}
use takes_input;
