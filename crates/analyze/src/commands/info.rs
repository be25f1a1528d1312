//! `analyze info`: everything the captures say about themselves, a fact a row.

use clap::Args;

use super::{Answered, Ask, AskError, Run, takes_input};
use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::capture::Bundle;
use crate::cli::args::{Input, examples};
use crate::quality::{FileTrust, Trust, causes, redaction_told, stop_reason};
use crate::units;

/// Everything the captures say about themselves
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze info web-1.parquet"))]
pub struct Info {
    #[command(flatten)]
    input: Input,
}

impl Ask for Info {
    takes_input!();

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        // Rows are read only to be counted, where they are selected.
        let selected = match run.selection.is_all() {
            true => run.captures.row_count(),
            false => run.scan.run(())?.rows,
        };
        Ok(Answered::table(table(run.trust, usize::MAX), selected))
    }
}

/// What is known of the first `most` captures, and what the first `most` bundles say.
pub fn table(trust: &Trust<'_>, most: usize) -> AnswerTable<'static> {
    let columns = vec![
        Column::new("file", "file", Kind::Name, 1),
        Column::new("fact", "fact", Kind::Name, 0),
        Column::new("value", "value", Kind::Name, 0),
    ];
    let rows = trust.files.iter().take(most).flat_map(|file| {
        let name = file.capture.path.to_string_lossy().into_owned();
        facts(file).into_iter().map(move |(fact, value)| {
            vec![Cell::Text(name.clone()), Cell::Text(fact), Cell::Text(value)]
        })
    });
    let hosts = trust.bundles.iter().take(most).flat_map(|bundle| {
        let name = bundle.path.to_string_lossy().into_owned();
        of_bundle(bundle).map(move |(fact, value)| {
            vec![Cell::Text(name.clone()), Cell::Text(fact), Cell::Text(value)]
        })
    });
    let rows = rows.chain(hosts).collect();
    AnswerTable::of(columns, rows)
}

/// What a bundle says about the host, and the names that it brings.
fn of_bundle(bundle: &Bundle) -> impl Iterator<Item = (String, String)> + '_ {
    let names = bundle.names.as_ref();
    let names = names.map(|names| ("names".to_owned(), format!("{} bytes", names.len())));
    let host = bundle.host.iter().map(|(name, value)| (format!("host {name}"), value.clone()));
    names.into_iter().chain(host)
}

fn facts(file: &FileTrust<'_>) -> Vec<(String, String)> {
    let (capture, info, clock) = (file.capture, &file.capture.info, &file.clock);
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    let or = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    fact("size", format!("{} bytes", capture.bytes));
    fact("rows", capture.rows.to_string());
    fact("format version", info.format_version.to_string());
    fact("written by", format!("record {}", info.tool_version));
    fact("host", info.host.clone());
    fact("boot id", info.boot_id.clone());
    fact("machine id hash", or(info.machine_id_hash.clone()));
    fact("kernel", info.kernel_release.clone());
    fact("architecture", info.arch.clone());
    fact("command line", info.command_line.join(" "));
    for (name, values) in &info.filters {
        fact(&format!("filter {name}"), values.join(","));
    }
    fact("start", units::rfc3339(info.start.time_us, 6));
    fact("stop", units::rfc3339(info.stop.time_us, 6));
    fact("stopped because", stop_reason(&info.stop_reason));
    fact("finished cleanly", if info.clean { "yes" } else { "no" }.to_owned());
    if let Some(journal) = capture.journal {
        fact("journal", journal.to_string());
    }
    fact("seen", info.counters.seen.to_string());
    fact("written", info.counters.written.to_string());
    fact("filtered", info.counters.filtered.to_string());
    for (outcome, count) in &info.counters.suppressed {
        fact(&format!("below --min-latency: {outcome}"), count.to_string());
    }
    fact("ends without a start", info.counters.end_without_start.to_string());
    for (cause, count) in causes(&info.counters.lost) {
        fact(&format!("lost: {cause}"), count.to_string());
    }
    fact("missed (estimate)", info.counters.lost.program_misses.to_string());
    fact("clock samples", clock.samples.to_string());
    fact("largest clock step", units::duration(clock.step_ns.unwrap_or(0)));
    fact(
        "clock synchronised",
        or(clock.synchronised.map(|yes| if yes { "yes" } else { "no" }.into())),
    );
    fact(
        "clock error at most",
        or(clock.max_error_us.map(|us| units::duration(us.saturating_mul(1_000)))),
    );
    let own = info.sysctls_netns.map_or_else(String::new, |own| format!(" (netns {own})"));
    for (name, value) in &info.sysctls {
        fact(&format!("{name}{own}"), value.replace('\t', " "));
    }
    for network in &info.networks {
        let netns: Vec<String> = network.netns.iter().map(i64::to_string).collect();
        for (name, value) in
            network.sysctls.iter().filter(|set| info.sysctls.get(set.0) != Some(set.1))
        {
            fact(&format!("{name} (netns {})", netns.join(", ")), value.clone());
        }
    }
    if let Some(merged) = &info.merged {
        fact("merged from", units::counted(merged.captures, "capture"));
        fact("of them not finished", merged.unfinished.to_string());
        fact("gaps", format!("{}, {}", merged.gap_count, units::duration(merged.gap_ns)));
        for gap in &merged.gaps {
            let (from, to) = (gap.from.time_us, gap.to.time_us);
            let span = format!("{} to {}", units::rfc3339(from, 6), units::rfc3339(to, 6));
            fact("nobody recorded", span);
        }
        for other in &merged.command_lines {
            fact("another command line", other.join(" "));
        }
    }
    if let Some(problem) = &info.account_problem {
        fact("account", format!("unknown: {problem}"));
    }
    if let Some(redaction) = &info.redacted {
        let (by, key) = (&redaction.tool_version, &redaction.key_id);
        let told = redaction_told(redaction);
        fact("redacted", format!("by analyze {by} with key {key}: {told}"));
    }
    if !info.unavailable.is_empty() {
        fact("unavailable", info.unavailable.join(", "));
    }
    facts
}
