//! Which warnings captures give rise to.

use std::collections::{BTreeMap, BTreeSet};

use connlat_schema::capture::metadata::CaptureInfo;

use super::overlap::overlaps;
use super::warning::{Warning, gaps};
use super::{FileTrust, Trust, stop_reason};
use crate::stats::Percentile;
use crate::units;

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
    for problem in trust.bundles.iter().flat_map(|bundle| &bundle.problems) {
        warnings.push(Warning::Bundle(problem.clone()));
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
