//! What a capture says about itself, with everything replaced that says whose
//! it is. A field is copied only if it is known what it can hold.

use std::collections::BTreeMap;

use connlat_schema::capture::merged::{Gap, Merged};
use connlat_schema::capture::metadata::{
    CaptureInfo, ClockSample, Instant, LossSpan, NetworkInfo, Redaction, StopReason,
};

use super::plan::Plan;
use super::prefix::network;
use super::vocabulary::{PLAIN_FILTERS, SYSCTLS, WITHHELD};
use super::words::Kind;
use super::{RedactError, plan};

/// The document to hand on, of a capture with so many rows.
///
/// # Errors
/// [`RedactError::Time`] when a time cannot be moved so far.
pub fn redacted(info: &CaptureInfo, rows: u64, plan: &Plan) -> Result<CaptureInfo, RedactError> {
    let name = |kind: Kind, text: &str| plan.name(kind, text);
    let instant = |instant: Instant| -> Result<Instant, RedactError> {
        Ok(Instant { time_us: plan.time(instant.time_us)?, ..instant })
    };
    let sample = |sample: &ClockSample| -> Result<ClockSample, RedactError> {
        Ok(ClockSample { realtime_ns: plan.time_ns(sample.realtime_ns)?, ..*sample })
    };
    let network = |network: &NetworkInfo| NetworkInfo {
        netns: network.netns.clone(),
        sysctls: sysctls(&network.sysctls),
    };
    let span = |span: &LossSpan| {
        let known = info.counters.lost.causes().iter().any(|(cause, _)| *cause == span.cause);
        let cause = if known { span.cause.clone() } else { WITHHELD.to_owned() };
        LossSpan { cause, ..span.clone() }
    };
    let gap = |gap: &Gap| -> Result<Gap, RedactError> {
        Ok(Gap { from: instant(gap.from)?, to: instant(gap.to)? })
    };
    let merged = |merged: &Merged| -> Result<Merged, RedactError> {
        Ok(Merged {
            captures: merged.captures,
            unfinished: merged.unfinished,
            command_lines: vec![vec![WITHHELD.to_owned()]; merged.command_lines.len()],
            gap_count: merged.gap_count,
            gap_ns: merged.gap_ns,
            gaps: merged.gaps.iter().map(gap).collect::<Result<_, _>>()?,
        })
    };
    let machine = info.machine_id_hash.as_deref();
    let outcome = |word: &str| plan.outcome(word);
    let mut counters = info.counters.clone();
    counters.suppressed =
        counters.suppressed.iter().map(|(word, count)| (outcome(word), *count)).collect();
    Ok(CaptureInfo {
        format_version: info.format_version,
        tool_version: kept(&info.tool_version, plan).unwrap_or_else(|| WITHHELD.to_owned()),
        host: name(Kind::Host, &info.host),
        kernel_release: kept(&info.kernel_release, plan)
            .unwrap_or_else(|| numbers(&info.kernel_release)),
        arch: kept(&info.arch, plan).unwrap_or_else(|| WITHHELD.to_owned()),
        boot_id: plan.word(Kind::Boot, &info.boot_id),
        machine_id_hash: machine.map(|id| plan.word(Kind::Machine, id)),
        command_line: vec![WITHHELD.to_owned()],
        filters: filters(&info.filters, plan),
        start: instant(info.start)?,
        stop: instant(info.stop)?,
        stop_reason: match &info.stop_reason {
            StopReason::Failed(_) => StopReason::Failed(WITHHELD.to_owned()),
            other => other.clone(),
        },
        clean: info.clean,
        clock: info.clock.iter().map(sample).collect::<Result<_, _>>()?,
        sysctls: sysctls(&info.sysctls),
        sysctls_netns: info.sysctls_netns,
        networks: info.networks.iter().map(network).collect(),
        account_problem: account_problem(info, rows),
        counters,
        loss_spans: info.loss_spans.iter().map(span).collect(),
        segment: info.segment,
        unavailable: info
            .unavailable
            .iter()
            .map(|what| kept(what, plan).unwrap_or_else(|| WITHHELD.to_owned()))
            .collect(),
        row_group_sort: Vec::new(),
        merged: info.merged.as_ref().map(merged).transpose()?,
        redacted: Some(Redaction {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            key_id: plan.key_id.clone(),
            kept: plan.options.kept().map(str::to_owned).collect(),
            times_moved: plan.options.shift_us != 0,
        }),
    })
}

/// Text of the kernel or of the recorder, if no name is in it.
fn kept(text: &str, plan: &Plan) -> Option<String> {
    plan.search.in_text(text).is_none().then(|| text.to_owned())
}

/// The numbers that a release begins with: those of the kernel, not of its build.
fn numbers(release: &str) -> String {
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    release[..end].trim_end_matches('.').to_owned()
}

fn sysctls(all: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let plain = |value: &str| value.chars().all(|c| c.is_ascii_digit() || " \t-".contains(c));
    let known = all.iter().filter(|(name, value)| SYSCTLS.contains(&name.as_str()) && plain(value));
    known.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn filters(all: &BTreeMap<String, Vec<String>>, plan: &Plan) -> BTreeMap<String, Vec<String>> {
    let plain =
        |value: &str| value == "command" || value.chars().all(|c| c.is_ascii_digit() || c == '-');
    let value = |name: &str, value: &String| match name {
        "comm" => plan.name(Kind::Process, value),
        "cgroup" => plan.path(value),
        "dst" => network(value).map_or_else(
            || WITHHELD.to_owned(),
            |network| plan.addresses.network(network).to_string(),
        ),
        name if PLAIN_FILTERS.contains(&name) && plain(value) => value.clone(),
        _ => WITHHELD.to_owned(),
    };
    let all = all.iter().map(|(name, values)| {
        let known = plan::is_filter(name);
        let shown = if known { name.clone() } else { WITHHELD.to_owned() };
        (shown, values.iter().map(|of| value(name, of)).collect())
    });
    all.collect()
}

/// Why the account cannot be believed: in the recorder's words if they are made
/// of numbers alone, as far as that can be told.
fn account_problem(info: &CaptureInfo, rows: u64) -> Option<String> {
    let written = info.counters.written;
    if written != rows {
        // The new file counts its own rows, and would hide it.
        return Some(format!("the recorder wrote {written} rows, the file held {rows}"));
    }
    let problem = info.account_problem.as_ref()?;
    let known = info.counters.contradiction(rows).as_ref() == Some(problem);
    Some(if known { problem.clone() } else { WITHHELD.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_without_names() {
        assert_eq!(numbers("6.8.0-1021-acme"), "6.8.0");
        assert_eq!(numbers("6.18"), "6.18");
        assert_eq!(numbers("6.1.acme"), "6.1");
        assert_eq!(numbers("acme"), "");
    }
}
