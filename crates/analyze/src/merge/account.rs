//! The account of many captures as that of one.

use connlat_schema::capture::loss_spans::limit_loss_spans;
use connlat_schema::capture::merged::{Gap, Merged};
use connlat_schema::capture::metadata::{
    CLOCK_SAMPLES_LIMIT, CaptureInfo, ClockSample, Counters, MetadataError, NetworkInfo,
    thin_clock_samples,
};

use super::MergeError;
use crate::capture::{Capture, Captures};
use crate::units;

/// Network namespaces and different settings that a capture lists, as for `record`.
const NAMESPACES: usize = 256;
const SETTINGS: usize = 16;
/// Other command lines that are kept, bytes of all words.
const COMMAND_LINES: usize = 4 << 10;
/// `TIME_ERROR` of adjtimex(2).
const TIME_ERROR: i32 = 5;

/// The account of all captures, which are of one boot.
///
/// # Errors
/// When it is larger than metadata may be.
pub(super) fn of(captures: &Captures) -> Result<CaptureInfo, MergeError> {
    let mut all: Vec<&Capture> = captures.each.iter().collect();
    all.sort_by_key(|capture| (capture.info.start.monotonic_ns, capture.info.stop.monotonic_ns));
    let infos: Vec<&CaptureInfo> = all.iter().map(|capture| &capture.info).collect();
    let (Some(first), Some(last)) =
        (infos.first(), infos.iter().max_by_key(|info| info.stop.monotonic_ns))
    else {
        return Err(MergeError::Refused("there are no captures; name some".to_owned()));
    };
    let mut info = CaptureInfo {
        tool_version: versions(&infos),
        stop: last.stop,
        stop_reason: last.stop_reason.clone(),
        clean: infos.iter().all(|info| info.clean),
        clock: clock(&infos),
        networks: networks(&infos),
        counters: infos.iter().fold(Counters::default(), |sum, info| sum.plus(&info.counters)),
        account_problem: account_problem(&all),
        loss_spans: infos.iter().flat_map(|info| info.loss_spans.iter().cloned()).collect(),
        segment: None,
        unavailable: unavailable(&infos),
        merged: Some(merged(&infos)),
        ..(*first).clone()
    };
    limit_loss_spans(&mut info.loss_spans);
    fit(&mut info)?;
    Ok(info)
}

/// Leaves out what can be done without until it is as small as metadata must be.
fn fit(info: &mut CaptureInfo) -> Result<(), MergeError> {
    const FEWEST_SAMPLES: usize = 16;
    loop {
        match info.to_json() {
            // A count that is filled in later takes a few bytes.
            Ok(json) if json.len() + 100 <= connlat_schema::capture::METADATA_LIMIT => {
                return Ok(());
            }
            Ok(_) | Err(MetadataError::TooLarge(_)) if info.clock.len() > FEWEST_SAMPLES => {
                let most = info.clock.len() / 2;
                thin(&mut info.clock, most);
            }
            Ok(json) => {
                let error = MetadataError::TooLarge(json.len());
                return Err(MergeError::Write(error.into()));
            }
            Err(error) => return Err(MergeError::Write(error.into())),
        }
    }
}

fn versions(infos: &[&CaptureInfo]) -> String {
    let mut all: Vec<&str> = infos.iter().map(|info| info.tool_version.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(SETTINGS);
    all.join(", ")
}

/// All samples, thinned as `record` does, but for those that say the worst of
/// the clock: a thinned account must not be better than a whole one.
fn clock(infos: &[&CaptureInfo]) -> Vec<ClockSample> {
    let mut all: Vec<ClockSample> =
        infos.iter().flat_map(|info| info.clock.iter().copied()).collect();
    all.sort_by_key(|sample| sample.monotonic_ns);
    all.dedup();
    thin(&mut all, CLOCK_SAMPLES_LIMIT);
    all
}

fn thin(samples: &mut Vec<ClockSample>, most: usize) {
    let mut worst = worst(samples);
    while samples.len() > most {
        if !thin_clock_samples(samples) {
            // Fewer than `record` would leave.
            let mut keep = false;
            samples.retain(|_| {
                keep = !keep;
                keep
            });
        }
    }
    samples.append(&mut worst);
    samples.sort_by_key(|sample| sample.monotonic_ns);
    samples.dedup();
}

/// The last sample, the one with the largest error, one that was not
/// synchronised, and those on both sides of the largest step.
fn worst(samples: &[ClockSample]) -> Vec<ClockSample> {
    let offset =
        |sample: &ClockSample| i128::from(sample.realtime_ns) - i128::from(sample.monotonic_ns);
    let step =
        samples.windows(2).max_by_key(|pair| (offset(&pair[1]) - offset(&pair[0])).unsigned_abs());
    let error = samples.iter().max_by_key(|sample| sample.max_error_us);
    let unsynchronised = samples
        .iter()
        .find(|sample| sample.adjtimex_state.is_some_and(|state| state >= TIME_ERROR));
    let one = [samples.last(), error, unsynchronised].into_iter().flatten();
    one.chain(step.into_iter().flatten()).copied().collect()
}

/// Settings by namespace; of one that changed the first are kept, as findings
/// take them from many captures.
fn networks(infos: &[&CaptureInfo]) -> Vec<NetworkInfo> {
    let own = infos.first().and_then(|info| info.sysctls_netns);
    let mut all: Vec<NetworkInfo> = Vec::new();
    let mut known: Vec<i64> = Vec::new();
    for info in infos {
        // A recorder that was started again may be in another one.
        let another = info.sysctls_netns.filter(|netns| Some(*netns) != own);
        let another =
            another.map(|netns| NetworkInfo { netns: vec![netns], sysctls: info.sysctls.clone() });
        for network in info.networks.iter().chain(&another) {
            for netns in &network.netns {
                if known.contains(netns) || known.len() >= NAMESPACES {
                    continue;
                }
                let same = all.iter().position(|other| other.sysctls == network.sysctls);
                match same {
                    Some(same) => all[same].netns.push(*netns),
                    None if all.len() < SETTINGS => {
                        let sysctls = network.sysctls.clone();
                        all.push(NetworkInfo { netns: vec![*netns], sysctls });
                    }
                    None => continue,
                }
                known.push(*netns);
            }
        }
    }
    all
}

fn account_problem(all: &[&Capture]) -> Option<String> {
    let mut problems = Vec::new();
    let told: Vec<&String> =
        all.iter().filter_map(|capture| capture.info.account_problem.as_ref()).collect();
    if let Some(first) = told.first() {
        let of = units::counted(all.len() as u64, "capture");
        problems.push(format!("in {} of {of}: {first}", told.len()));
    }
    // The number of rows is made right by merging, which would hide it.
    let changed = all.iter().filter(|capture| capture.info.counters.written != capture.rows);
    match changed.count() {
        0 => {}
        count => problems.push(format!(
            "{} held another number of rows than its recorder wrote",
            units::counted(count as u64, "capture")
        )),
    }
    (!problems.is_empty()).then(|| problems.join("; "))
}

fn unavailable(infos: &[&CaptureInfo]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for field in infos.iter().flat_map(|info| &info.unavailable) {
        if !all.contains(field) {
            all.push(field.clone());
        }
    }
    all
}

/// What there was, and the times between. Captures may have been merged before.
fn merged(infos: &[&CaptureInfo]) -> Merged {
    let mut merged = Merged::default();
    let mut until = infos.first().map(|info| info.start);
    let mut room = COMMAND_LINES;
    for info in infos {
        if let Some(before) = until.filter(|it| it.monotonic_ns < info.start.monotonic_ns) {
            merged.add_gaps(&[Gap { from: before, to: info.start }]);
        }
        if until.is_none_or(|it| it.monotonic_ns < info.stop.monotonic_ns) {
            until = Some(info.stop);
        }
        let within = info.merged.as_ref();
        merged.captures = merged.captures.saturating_add(within.map_or(1, |it| it.captures));
        let unfinished = within.map_or(0, |it| it.unfinished).max(u64::from(!info.clean));
        merged.unfinished = merged.unfinished.saturating_add(unfinished);
        if let Some(within) = within {
            let (count, length) = (merged.gap_count, merged.gap_ns);
            merged.add_gaps(&within.gaps);
            // Those that are not listed count, too.
            merged.gap_count = count.saturating_add(within.gap_count);
            merged.gap_ns = length.saturating_add(within.gap_ns);
        }
        let lines = within.map_or(&[][..], |it| &it.command_lines);
        for line in std::iter::once(&info.command_line).chain(lines) {
            let size: usize = line.iter().map(String::len).sum();
            let known = *line == infos[0].command_line || merged.command_lines.contains(line);
            if !known && size <= room {
                room -= size;
                merged.command_lines.push(line.clone());
            }
        }
    }
    merged
}
