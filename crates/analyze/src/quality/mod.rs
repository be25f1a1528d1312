//! How far the captures can be believed: the account of events, the clock,
//! and every reason why a figure may not mean what it seems to.

mod clock;
mod overlap;
mod reasons;
mod redaction;
mod warning;

use std::collections::{BTreeMap, HashSet};

use connlat_schema::capture::metadata::{CaptureInfo, Lost, StopReason};

use crate::capture::{Bundle, Capture, Captures, display_name};

pub use clock::Clock;
pub use redaction::told as redaction_told;
pub use warning::{Warning, gaps, told};

/// What is known of one capture.
#[derive(Clone)]
pub struct FileTrust<'a> {
    /// The capture.
    pub capture: &'a Capture,
    /// Its clock samples, judged.
    pub clock: Clock,
}

/// What is known of all captures together.
#[derive(Clone)]
pub struct Trust<'a> {
    /// Each capture, in the order given.
    pub files: Vec<FileTrust<'a>>,
    /// Host names, each once.
    pub hosts: Vec<&'a str>,
    /// Machines, by their ids, and by name where they have none.
    pub machines: usize,
    /// Earliest start and latest stop, µs since 1970 UTC.
    pub start: i64,
    /// See `start`.
    pub stop: i64,
    /// Rows in all files.
    pub rows: u64,
    /// Connects the probes saw start.
    pub seen: u64,
    /// Those rejected by filters.
    pub filtered: u64,
    /// Those below `--min-latency`, by outcome.
    pub suppressed: BTreeMap<&'a str, u64>,
    /// Losses by cause, in the schema's order; causes without losses included.
    pub lost: Vec<(&'static str, u64)>,
    /// About how many starts and ends of connects the kernel kept from the probe.
    pub missed: u64,
    /// Files left out: (left out, kept).
    pub copies: &'a [(String, String)],
    /// Files left out, and why.
    pub unread: &'a [(String, String)],
    /// Files passed over.
    pub foreign: &'a [String],
    /// What bundles hold besides captures.
    pub bundles: &'a [Bundle],
    /// Whether every recorder finished its file.
    pub clean: bool,
    /// Everything to be said before the figures are used.
    pub warnings: Vec<Warning>,
}

impl<'a> Trust<'a> {
    /// Judges the captures. Counters come from files and may be anything, so
    /// sums saturate.
    pub fn new(captures: &'a Captures) -> Self {
        let infos = || captures.each.iter().map(|capture| &capture.info);
        let (mut hosts, mut known): (Vec<&str>, HashSet<&str>) = Default::default();
        let mut suppressed: BTreeMap<&str, u64> = BTreeMap::new();
        let mut lost: Vec<(&'static str, u64)> = Vec::new();
        for info in infos() {
            if known.insert(&info.host) {
                hosts.push(&info.host);
            }
            for (outcome, count) in &info.counters.suppressed {
                let sum = suppressed.entry(outcome).or_default();
                *sum = sum.saturating_add(*count);
            }
            for (cause, count) in causes(&info.counters.lost) {
                match lost.iter_mut().find(|(known, _)| *known == cause) {
                    Some((_, sum)) => *sum = sum.saturating_add(count),
                    None => lost.push((cause, count)),
                }
            }
        }
        let sum = |value: fn(&connlat_schema::capture::metadata::Counters) -> u64| {
            infos().fold(0_u64, |sum, info| sum.saturating_add(value(&info.counters)))
        };
        let files = captures
            .each
            .iter()
            .map(|capture| FileTrust { capture, clock: Clock::judge(&capture.info.clock) });
        let mut trust = Self {
            files: files.collect(),
            hosts,
            machines: machines(infos()),
            start: infos().map(|info| info.start.time_us).min().unwrap_or(0),
            stop: infos().map(|info| info.stop.time_us).max().unwrap_or(0),
            rows: captures.row_count(),
            seen: sum(|counters| counters.seen),
            filtered: sum(|counters| counters.filtered),
            suppressed,
            lost,
            missed: sum(|counters| counters.lost.program_misses),
            copies: &captures.copies,
            unread: &captures.unread,
            foreign: &captures.foreign,
            bundles: &captures.bundles,
            clean: infos().all(|info| info.clean),
            warnings: Vec::new(),
        };
        trust.warnings = reasons::all(&trust);
        trust
    }

    /// What is not original in the captures, in words; none if everything is.
    pub fn redaction(&self) -> Option<String> {
        let all: Vec<_> =
            self.files.iter().map(|file| file.capture.info.redacted.as_ref()).collect();
        redaction::of_all(&all)
    }

    /// All losses together.
    pub fn lost_total(&self) -> u64 {
        total(self.files.iter().map(|file| file.capture.info.counters.lost.total()))
    }

    /// Whether a recorder could not tell what it lost.
    pub fn losses_unknown(&self) -> bool {
        self.files.iter().any(|file| file.capture.info.account_problem.is_some())
    }

    /// All connects below `--min-latency`.
    pub fn suppressed_total(&self) -> u64 {
        total(self.suppressed.values().copied())
    }

    /// Optional fields that were unavailable in some file, each once.
    pub fn unavailable(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for field in self.files.iter().flat_map(|file| &file.capture.info.unavailable) {
            if !all.contains(&field.as_str()) {
                all.push(field);
            }
        }
        all
    }

    /// Largest bound on the clock error of any file, µs.
    pub fn max_clock_error_us(&self) -> Option<i64> {
        self.files.iter().filter_map(|file| file.clock.max_error_us).max()
    }
}

/// Machines by their ids. Recordings without one are of a machine with the same
/// name, if there is one.
fn machines<'a>(infos: impl Iterator<Item = &'a CaptureInfo>) -> usize {
    let (mut ids, mut names) = (BTreeMap::<&str, &str>::new(), Vec::new());
    for info in infos {
        match info.machine_id_hash.as_deref() {
            Some(id) => {
                ids.insert(id, &info.host);
            }
            None => names.push(info.host.as_str()),
        }
    }
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !ids.values().any(|host| host == name));
    ids.len() + names.len()
}

impl FileTrust<'_> {
    /// The file as shown.
    pub fn name(&self) -> String {
        display_name(&self.capture.path)
    }
}

/// Connects known to be lost, by cause. What was kept from the probe is not:
/// nobody saw it.
pub fn causes(lost: &Lost) -> impl Iterator<Item = (&'static str, u64)> {
    lost.causes().into_iter().filter(|(cause, _)| *cause != "program_misses")
}

fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// The reason in words.
pub fn stop_reason(reason: &StopReason) -> String {
    match reason {
        StopReason::Interrupted => "interrupted".to_owned(),
        StopReason::Terminated => "terminated by signal".to_owned(),
        StopReason::Duration => "duration reached".to_owned(),
        StopReason::CommandExited => "command exited".to_owned(),
        StopReason::MaxEvents => "--max-events reached".to_owned(),
        StopReason::MaxSize => "--max-size reached".to_owned(),
        StopReason::MaxMemory => "--max-memory reached".to_owned(),
        StopReason::Rotated => "segment full, recording went on".to_owned(),
        StopReason::Snapshot => "snapshot, recording went on".to_owned(),
        StopReason::Failed(why) => format!("failed: {why}"),
        StopReason::Unknown => "reason unknown".to_owned(),
    }
}
