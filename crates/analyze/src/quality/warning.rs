//! Every reason to distrust a figure, each with what follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use connlat_schema::capture::merged::Merged;
use connlat_schema::capture::metadata::CaptureInfo;

use super::overlap::overlaps;
use super::{FileTrust, Trust, stop_reason};
use crate::stats::Percentile;
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
            Self::NameConflict(text) => f.write_str(text),
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

/// Every warning the captures give rise to, the gravest kinds first.
pub(super) fn all(trust: &Trust<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let total = trust.lost_total();
    if total > 0 {
        let causes = trust.lost.iter().copied().filter(|(_, count)| *count > 0);
        let causes = causes.collect();
        warnings.push(Warning::Lost { total, causes });
    }
    for file in &trust.files {
        if let Some(problem) = &file.capture.info.account_problem {
            let (file, problem) = (file.name(), crate::escape::terminal(problem));
            warnings.push(Warning::AccountUnknown { file, problem });
        }
    }
    warnings.extend(missed(trust));
    for file in &trust.files {
        let info = &file.capture.info;
        if file.capture.journal.is_some_and(|journal| journal.is_live()) {
            warnings.push(Warning::Live(file.name()));
        } else if let Some(left_over) = file.capture.journal {
            let (file, end) = (file.name(), left_over.to_string());
            warnings.push(Warning::Journal { file, end });
        } else if !info.clean {
            let reason = match &info.merged {
                Some(merged) if merged.unfinished > 0 => {
                    let all = units::counted(merged.captures, "capture");
                    format!("{} of the {all} in it", merged.unfinished)
                }
                _ => crate::escape::terminal(&stop_reason(&info.stop_reason)),
            };
            warnings.push(Warning::NotClean { file: file.name(), reason });
        }
    }
    for file in &trust.files {
        if let Some(merged) = file.capture.info.merged.as_ref().filter(|it| it.gap_count > 0) {
            warnings.push(Warning::Gaps { file: file.name(), gaps: gaps(merged) });
        }
    }
    for (file, why) in trust.unread {
        warnings.push(Warning::Unread(file.clone(), why.clone()));
    }
    if !trust.foreign.is_empty() {
        warnings.push(Warning::Foreign(trust.foreign.to_vec()));
    }
    for (copy, kept) in trust.copies {
        warnings.push(Warning::Copy(copy.clone(), kept.clone()));
    }
    warnings.extend(overlaps(&trust.files));
    same_names(trust, &mut warnings);
    let redactions: Vec<_> =
        trust.files.iter().map(|file| file.capture.info.redacted.as_ref()).collect();
    let keys = super::redaction::keys(&redactions);
    if keys > 1 {
        warnings.push(Warning::KeysDiffer(keys));
    }
    for file in &trust.files {
        let (written, rows) = (file.capture.info.counters.written, file.capture.rows);
        if written != rows {
            let file = file.name();
            warnings.push(Warning::RowsDisagree { file, written, rows });
        }
    }
    if trust.suppressed_total() > 0 {
        warnings.push(Warning::Suppressed(trust.suppressed_total()));
    }
    let mut filters: Vec<String> = Vec::new();
    for file in &trust.files {
        // Those of one capture together, for they applied together.
        let all = file.capture.info.filters.iter();
        let all: Vec<String> =
            all.map(|(name, values)| format!("{name}={}", values.join(","))).collect();
        let filter = crate::escape::terminal(&all.join(" "));
        if !filter.is_empty() && !filters.contains(&filter) {
            filters.push(filter);
        }
    }
    if !filters.is_empty() {
        warnings.push(Warning::Filtered(filters.join("; ")));
    }
    for file in &trust.files {
        if let Some(step_ns) = file.clock.step_ns {
            let file = file.name();
            warnings.push(Warning::ClockStep { file, step_ns });
        }
    }
    let unsynchronised = |file: &&FileTrust<'_>| file.clock.synchronised == Some(false);
    let files: Vec<String> =
        trust.files.iter().filter(unsynchronised).map(FileTrust::name).collect();
    if !files.is_empty() {
        warnings.push(Warning::ClockUnsynchronised(files));
    }
    warnings
}

/// Whether as many connects may be missing as the finest percentile rests on
/// that the connects seen carry: 1 in 1000 of many, 1 in 100 of hundreds. Fewer
/// can move no figure that is given.
fn matter(missed: u64, seen: u64) -> bool {
    let needs = Percentile::usual().into_iter().map(|percentile| percentile.needs);
    let finest = needs.filter(|needs| *needs <= seen).max().unwrap_or(1);
    missed > seen / finest
}

/// One warning for all recordings that missed too many: a recorder that
/// rotates leaves hundreds. Each is judged alone, for a bad hour among good
/// days is still a bad hour.
fn missed(trust: &Trust<'_>) -> Option<Warning> {
    let counters = |file: &FileTrust<'_>| {
        let counters = &file.capture.info.counters;
        (counters.lost.program_misses, counters.seen)
    };
    let concerned = trust.files.iter().filter(|file| {
        let (missed, seen) = counters(file);
        matter(missed, seen)
    });
    let mut files = Vec::new();
    let (mut missed, mut seen) = (0_u64, 0_u64);
    for file in concerned {
        let (more_missed, more_seen) = counters(file);
        (missed, seen) = (missed.saturating_add(more_missed), seen.saturating_add(more_seen));
        files.push(file.name());
    }
    (!files.is_empty()).then_some(Warning::Missed { files, missed, seen })
}

/// Names that several machines have: by their machine ids, or because two boots
/// at the same time cannot be of one.
fn same_names(trust: &Trust<'_>, warnings: &mut Vec<Warning>) {
    let mut by_host: BTreeMap<&str, Vec<&CaptureInfo>> = BTreeMap::new();
    for file in &trust.files {
        let info = &file.capture.info;
        by_host.entry(&info.host).or_default().push(info);
    }
    for (host, mut infos) in by_host {
        let ids: BTreeSet<&str> =
            infos.iter().filter_map(|info| info.machine_id_hash.as_deref()).collect();
        infos.sort_by_key(|info| info.start.time_us);
        let together = infos.windows(2).any(|pair| {
            let known = !pair[0].boot_id.is_empty() && !pair[1].boot_id.is_empty();
            known
                && pair[0].boot_id != pair[1].boot_id
                && pair[1].start.time_us < pair[0].stop.time_us
        });
        let machines = ids.len().max(if together { 2 } else { 1 });
        if machines > 1 {
            warnings.push(Warning::SameName(crate::escape::terminal(host), machines));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handful_missed_among_many_connects_is_no_matter() {
        for (runs, seen) in
            [(0, 0), (0, 20), (1, 20), (2, 200), (9, 999), (5, 5_000), (100, 100_000)]
        {
            assert!(!matter(runs, seen), "{runs} of {seen}");
        }
        for (runs, seen) in [(1, 0), (2, 20), (3, 200), (10, 999), (6, 5_000), (200_000, 100_000)] {
            assert!(matter(runs, seen), "{runs} of {seen}");
        }
        assert!(matter(u64::MAX, u64::MAX) && !matter(1, u64::MAX));
    }
}
