//! Every reason to distrust a figure, each with what follows from it.

use std::fmt;

use connlat_schema::capture::merged::Merged;

use crate::units;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// Connects that should have become rows did not.
    Lost {
        /// How many.
        total: u64,
        /// Causes with their counts, only those that occurred.
        causes: Vec<(&'static str, u64)>,
    },
    /// The recorder could not make its account.
    AccountUnknown {
        /// The file.
        file: String,
        /// What the recorder says.
        problem: String,
    },
    /// The kernel kept so much from the probe that figures may be wrong.
    Missed {
        /// The files.
        files: Vec<String>,
        /// About how many starts and ends were missed in them.
        missed: u64,
        /// Connects seen in them.
        seen: u64,
    },
    /// The recorder did not finish the file.
    NotClean {
        /// The file.
        file: String,
        /// Why the recording ended.
        reason: String,
    },
    /// The recorder did not get as far as making a file of its journal.
    Journal {
        /// The journal.
        file: String,
        /// How it ended.
        end: String,
    },
    /// A capture was put together from others between which nobody recorded.
    Gaps {
        /// The file.
        file: String,
        /// How often, and for how long in all.
        gaps: String,
    },
    /// Connects below `--min-latency` have no rows.
    Suppressed(u64),
    /// Only part of the host was recorded.
    Filtered(String),
    /// The wall clock was set during the recording.
    ClockStep {
        /// The file.
        file: String,
        /// Largest step, ns.
        step_ns: i64,
    },
    /// The kernel did not consider its clock synchronised.
    ClockUnsynchronised(Vec<String>),
    /// The recorder wrote another number of rows than the file holds.
    RowsDisagree {
        /// The file.
        file: String,
        /// Rows the recorder counted.
        written: u64,
        /// Rows in the file.
        rows: u64,
    },
    /// Two recordings of the same boot of a host overlap in time.
    Overlap(String, String),
    /// Several machines have one name: which, and how many at least.
    SameName(String, usize),
    /// A file was left out because another is the same recording.
    Copy(String, String),
    /// A journal that its recorder is writing.
    Live(String),
    /// A file was left out because it cannot be read: its name, and why.
    Unread(String, String),
    /// Something in a bundle that is no capture cannot be used: which and why.
    Bundle(String),
    /// Files that are no captures were passed over.
    Foreign(Vec<String>),
    /// No row was selected, of so many.
    NothingSelected(u64),
    /// The sides of a comparison differ in more than time.
    NotComparable(String),
    /// Several names for one thing, in a sentence.
    NameConflict(String),
    /// Captures were redacted with different keys: how many.
    KeysDiffer(usize),
    /// Rows of a file have a latency that no connect has.
    AbsurdLatency {
        /// The file.
        file: String,
        /// How many.
        rows: u64,
    },
}

impl Warning {
    /// Stable name for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Lost { .. } => "lost",
            Self::AccountUnknown { .. } => "account_unknown",
            Self::Missed { .. } => "missed",
            Self::NotClean { .. } => "not_clean",
            Self::Journal { .. } => "journal",
            Self::Gaps { .. } => "gaps",
            Self::Suppressed(_) => "suppressed",
            Self::Filtered(_) => "filtered",
            Self::ClockStep { .. } => "clock_step",
            Self::ClockUnsynchronised(_) => "clock_unsynchronised",
            Self::RowsDisagree { .. } => "rows_disagree",
            Self::Overlap(..) => "overlap",
            Self::SameName(..) => "same_name",
            Self::Copy(..) => "copy",
            Self::Live(_) => "live",
            Self::Unread(..) => "unread",
            Self::Bundle(_) => "bundle",
            Self::Foreign(_) => "foreign",
            Self::NothingSelected(_) => "nothing_selected",
            Self::NotComparable(_) => "not_comparable",
            Self::NameConflict(_) => "name_conflict",
            Self::KeysDiffer(_) => "keys_differ",
            Self::AbsurdLatency { .. } => "absurd_latency",
        }
    }
}

/// What was found, then what follows from it.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { total, causes } => {
                let causes: Vec<String> = causes
                    .iter()
                    .map(|(cause, count)| format!("{cause} {}", units::count_u64(*count)))
                    .collect();
                write!(
                    f,
                    "{} lost ({}); counts are too low, and percentiles are without them",
                    units::counted(*total, "connect"),
                    causes.join(", ")
                )
            }
            Self::AccountUnknown { file, problem } => write!(
                f,
                "how many connects were lost during {file} is unknown ({problem}); counts may be \
                 too low"
            ),
            Self::Missed { files, missed, seen } => {
                let most = *missed as f64 / (*missed as f64 + *seen as f64);
                write!(
                    f,
                    "the kernel did not run the probe for about {} of connects during {}; up to {} \
                     of all connects have no row, {} were seen",
                    units::counted(*missed, "state change"),
                    named(files),
                    units::percent(most),
                    units::count_u64(*seen),
                )
            }
            Self::NotClean { file, reason } => write!(
                f,
                "{file} was not finished by the recorder ({reason}); its last connects may be missing"
            ),
            Self::Journal { file, end } => write!(
                f,
                "{file} is a journal that was not cleanly finished ({end}); its last connects may be \
                 missing; `record recover {file}` makes a capture of it"
            ),
            Self::Gaps { file, gaps } => write!(
                f,
                "{file} was put together from captures between which nobody recorded: {gaps}; what \
                 happened then is not in any figure"
            ),
            Self::Suppressed(count) => write!(
                f,
                "{} below --min-latency left no row; percentiles and failure rates are \
                 not those of the host",
                units::counted(*count, "connect")
            ),
            Self::Filtered(filters) => write!(
                f,
                "recorded with filters ({filters}); counts and percentiles are not those of the host"
            ),
            Self::ClockStep { file, step_ns } => write!(
                f,
                "the wall clock was stepped by {} during {file}; times before and after cannot \
                 be compared, latencies are not affected",
                units::duration(*step_ns)
            ),
            Self::ClockUnsynchronised(files) => write!(
                f,
                "the clock was not synchronised during {}; its times cannot be compared \
                 with those of other hosts, latencies are not affected",
                named(files)
            ),
            Self::RowsDisagree { file, written, rows } => write!(
                f,
                "the recorder wrote {} to {file}, which holds {}; it was changed afterwards, \
                 or the account of losses is wrong",
                units::counted(*written, "row"),
                units::count_u64(*rows)
            ),
            Self::Overlap(a, b) => write!(
                f,
                "{a} and {b} are recordings of the same host at the same time; connects may be \
                 counted twice"
            ),
            Self::SameName(host, machines) => write!(
                f,
                "{} are called {host}, as their machine and boot ids tell; tables put hosts of the \
                 same name together, --by boot_id splits them",
                units::counted(*machines as u64, "machine")
            ),
            Self::Copy(copy, kept) => {
                write!(f, "{copy} is a copy of {kept} and was left out")
            }
            Self::Live(file) => write!(
                f,
                "{file} is being recorded; it is read up to the last batch that was whole"
            ),
            Self::Unread(file, why) => write!(f, "left out: {file} {why}"),
            Self::Foreign(files) => {
                let verb = if files.len() == 1 {
                    "is no capture and was"
                } else {
                    "are no captures and were"
                };
                write!(f, "{} {verb} passed over", named(files))
            }
            Self::NothingSelected(0) => {
                write!(f, "no connects were recorded, so there is nothing to answer from")
            }
            Self::NothingSelected(rows) => write!(
                f,
                "nothing is selected: none of {} fits; check the spelling and the times",
                units::counted(*rows, "row")
            ),
            Self::NotComparable(why) => {
                write!(
                    f,
                    "the two sides cannot be compared: {why}; that alone may make a difference"
                )
            }
            Self::Bundle(text) | Self::NameConflict(text) => f.write_str(text),
            Self::KeysDiffer(keys) => write!(
                f,
                "the captures were redacted with {keys} keys; the same host, process or address is \
                 called something else in each"
            ),
            Self::AbsurdLatency { file, rows } => write!(
                f,
                "{} of {file} with a latency below zero or above a day, which no connect has: the \
                 file is damaged or was changed; do not believe its latencies",
                units::counted(*rows, "connect")
            ),
        }
    }
}

/// Files by name, as many as a sentence holds.
fn named(files: &[String]) -> String {
    match files {
        [] => "no capture".to_owned(),
        [file] => file.clone(),
        [a, b] => format!("{a} and {b}"),
        [a, b, others @ ..] => {
            format!("{a}, {b} and {}", units::counted(others.len() as u64, "other"))
        }
    }
}

/// How often nobody recorded, for how long, and when for the longest time.
pub fn gaps(merged: &Merged) -> String {
    let all = units::counted(merged.gap_count, "gap");
    let mut words = format!("{all}, {} in all", units::duration(merged.gap_ns));
    if let Some(longest) = merged.gaps.iter().max_by_key(|gap| gap.length_ns()) {
        let (from, to) = (units::time(longest.from.time_us, 3), units::time(longest.to.time_us, 3));
        let which = if merged.gap_count > 1 { "the longest " } else { "" };
        words.push_str(&format!(", {which}from {from} to {to}"));
    }
    words
}

/// The warnings in words. A recorder that rotates leaves hundreds of files, so
/// of one kind only the first few are told.
pub fn told(warnings: &[Warning]) -> Vec<String> {
    const OF_A_KIND: usize = 3;
    let of_a_kind = warnings.chunk_by(|a, b| a.kind() == b.kind());
    of_a_kind
        .flat_map(|alike| {
            let more = alike.len().saturating_sub(OF_A_KIND);
            let shown = alike.iter().take(OF_A_KIND).map(Warning::to_string);
            shown.chain((more > 0).then(|| format!("{more} more like that; --format json has all")))
        })
        .collect()
}
