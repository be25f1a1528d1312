//! The account of the captures in words, for the formats people read.

use super::layout::wrap;
use super::paint::{Ink, paint};
use crate::answer::Report;
use crate::escape;
use crate::quality::{Trust, stop_reason, told};
use crate::stats::SMALL_SAMPLE;
use crate::units;

/// Width of the names before the facts.
const NAME_WIDTH: usize = 10;
/// Files that are named one by one.
const FILES_NAMED: usize = 3;

/// The account of the captures, in full for a summary and short otherwise,
/// what was selected, and all warnings.
pub fn text(report: &Report<'_>, width: usize, colour: bool) -> String {
    let mut out = String::new();
    for (name, fact) in facts(report) {
        let line = format!("{name:NAME_WIDTH$} {}", escape::terminal(&fact));
        out.push_str(&wrap(&line, width, NAME_WIDTH + 1));
        out.push('\n');
    }
    for warning in told(&report.trust.warnings) {
        // Names inside were made safe when the warning was made.
        let line = wrap(&format!("warning: {warning}"), width, 2);
        out.push_str(&paint(&line, Ink::Warning, colour));
        out.push('\n');
    }
    out
}

/// Warnings and the notes of the first table, one line each, for formats that
/// hold nothing but rows.
pub fn plain(report: &Report<'_>) -> String {
    let warning = |warning| format!("analyze: warning: {warning}\n");
    let note = |note: &String| format!("analyze: note: {}\n", escape::terminal(note));
    // Where a percentile is missing there is an empty cell, which needs no mark.
    let notes = report.sections.first().into_iter().flat_map(|section| &section.table.notes);
    let notes = notes.filter(|note| !note.starts_with(SMALL_SAMPLE));
    let redacted = report.trust.redaction();
    let redacted = redacted.map(|redaction| note(&format!("redacted: {redaction}")));
    let warnings = told(&report.trust.warnings).into_iter().map(warning);
    warnings.chain(redacted).chain(notes.map(note)).collect()
}

/// Named facts, not escaped; a summary has room for more.
pub fn facts(report: &Report<'_>) -> Vec<(&'static str, String)> {
    let (trust, full) = (report.trust, report.summary);
    let mut facts = Vec::new();
    if full {
        for file in trust.files.iter().take(FILES_NAMED) {
            let (capture, info) = (file.capture, &file.capture.info);
            let finished = match capture.journal {
                Some(journal) if journal.is_live() => "being recorded",
                _ if info.clean => "finished cleanly",
                _ => "NOT finished cleanly",
            };
            facts.push((
                "capture",
                format!(
                    "{} ({}, {}), {}, {finished}",
                    capture.path.display(),
                    units::bytes(capture.bytes),
                    units::counted(capture.rows, "row"),
                    stop_reason(&info.stop_reason),
                ),
            ));
        }
        if trust.files.len() > FILES_NAMED {
            let more = trust.files.len() - FILES_NAMED;
            facts.push(("", format!("and {more} more")));
        }
    }
    facts.push(("host", hosts(trust)));
    facts.extend(trust.redaction().map(|redaction| ("redacted", redaction)));
    facts.push((
        "recorded",
        format!(
            "{} to {} UTC ({})",
            units::time(trust.start, 0),
            units::time(trust.stop, 0),
            units::span(trust.stop.saturating_sub(trust.start)),
        ),
    ));
    let mut rows = units::counted(trust.rows, "row");
    if full {
        rows.push_str(&format!(
            "; {} seen, {} filtered, {} suppressed, {} lost, {} missed",
            units::count_u64(trust.seen),
            units::count_u64(trust.filtered),
            units::count_u64(trust.suppressed_total()),
            units::count_u64(trust.lost_total()),
            units::count_u64(trust.missed),
        ));
    }
    facts.push(("connects", rows));
    if full {
        facts.push(("clock", clock(trust)));
        let unavailable = trust.unavailable();
        if !unavailable.is_empty() {
            facts.push(("missing", unavailable.join(", ")));
        }
    }
    if let Some((selection, rows)) = &report.selected {
        let rows = units::counted(*rows, "row");
        facts.push(("selected", format!("{rows}: {selection}")));
    }
    facts
}

fn hosts(trust: &Trust<'_>) -> String {
    match (trust.hosts.as_slice(), trust.files.first()) {
        ([host], _) if trust.machines > 1 => {
            format!("{} machines, all called {host}", trust.machines)
        }
        ([host], Some(file)) => {
            let info = &file.capture.info;
            format!("{host}, Linux {}, {}", info.kernel_release, info.arch)
        }
        (hosts, _) => {
            let named = hosts.iter().take(FILES_NAMED).copied().collect::<Vec<_>>();
            let more = hosts.len() - named.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{} hosts: {}{more}", hosts.len(), named.join(", "))
        }
    }
}

fn clock(trust: &Trust<'_>) -> String {
    let clocks = || trust.files.iter().map(|file| file.clock);
    if clocks().all(|clock| clock.samples == 0) {
        return "no samples".to_owned();
    }
    let steps = if clocks().any(|clock| clock.step_ns.is_some()) { "stepped" } else { "steady" };
    let synchronised = match () {
        () if clocks().any(|clock| clock.synchronised == Some(false)) => ", not synchronised",
        () if clocks().all(|clock| clock.synchronised == Some(true)) => ", synchronised",
        () => "",
    };
    let error = trust.max_clock_error_us().map_or_else(String::new, |us| {
        format!(", off by at most {}", units::duration(us.saturating_mul(1_000)))
    });
    // Each host may be off by its own bound, in its own direction.
    let between = match trust.hosts.len() {
        0 | 1 => String::new(),
        _ => trust.max_clock_error_us().map_or_else(String::new, |us| {
            let bound = units::duration(us.saturating_mul(2_000));
            format!("; times of two hosts compare to within {bound}")
        }),
    };
    format!("{steps}{synchronised}{error}{between}")
}
