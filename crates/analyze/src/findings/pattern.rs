//! What programs do: give up, try again and again, or connect in a loop.

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group, weight};
use super::ranks::rank;
use super::{Class, Finding, command};
use crate::units;

/// Abandoned connects that make a cluster, and its width.
const FEWEST_ABANDONED: usize = 5;
const CLUSTER: f64 = 1.1;
/// Shorter waits are not a timeout anyone set, ns.
const SHORTEST_TIMEOUT: i64 = 50_000_000;
/// Failures in a row that make a storm, and the longest pause between them, ns.
const STORM: usize = 10;
const STORM_PAUSE: i64 = 1_000_000_000;
/// How many times faster than otherwise a storm is, if there are so many others,
/// and the log-likelihood ratio that makes it more than chance.
const STORM_RATE: f64 = 3.0;
const CLEAR: f64 = 15.0;
const OTHERS_ENOUGH: u64 = 5;
/// Without others: pauses that differ by no more than this are even, those
/// that shrink by no more than this back off, and shorter ones are alike, ns.
const EVEN: f64 = 2.5;
const BACKS_OFF: f64 = 0.8;
const SHORTEST_PAUSE: i64 = 10_000_000;
/// Connects in a row that make a loop; pauses between them, ns, and how alike
/// they are. A second and more is what health checks have.
const LOOP: usize = 20;
const LOOP_PAUSE: std::ops::RangeInclusive<i64> = 10_000_000..=900_000_000;
const LOOP_SPREAD: f64 = 1.25;

/// Connects their program gave up on, always after the same time.
pub fn abandoned(evidence: &Evidence) -> Vec<Finding> {
    let aborted = evidence.events.iter().filter(|e| e.outcome == Outcome::Aborted && !e.raced);
    let mut findings = Vec::new();
    for (comm, events) in group(aborted, |event| event.comm) {
        let mut waits: Vec<i64> = events
            .iter()
            .map(|event| event.latency_ns)
            .filter(|ns| *ns >= SHORTEST_TIMEOUT)
            .collect();
        waits.sort_unstable();
        let Some(cluster) = densest(&waits) else { continue };
        if cluster.len() < FEWEST_ABANDONED || cluster.len() * 2 < waits.len() {
            continue;
        }
        let (low, high) = (cluster[0], cluster[cluster.len() - 1]);
        let inside: Vec<&Event> =
            events.iter().copied().filter(|e| (low..=high).contains(&e.latency_ns)).collect();
        let places = group(inside.iter().copied(), |event| (event.dst, event.dst_port));
        let Some((place, _)) = places.iter().max_by_key(|(_, events)| events.len()) else {
            continue;
        };
        let count = weight(inside.iter().copied());
        let others = if places.len() > 1 {
            format!(" and {} more", places.len() - 1)
        } else {
            String::new()
        };
        findings.push(Finding {
            kind: "abandoned",
            class: Class::Behaviour,
            connects: count,
            text: format!(
                "{} gives up after {}, a timeout of its own: {} of its {} ended then, to {}{others}",
                evidence.text(comm),
                units::duration(rank(cluster, 0.5).unwrap_or(low)),
                units::count_u64(count),
                units::counted(weight(events.iter().copied()), "abandoned connect"),
                evidence.dst(place.0, place.1)
            ),
            command: evidence.command.events(
                "",
                &[
                    command::is("comm", evidence.raw(comm)),
                    Some("outcome = 'aborted'".to_owned()),
                    Some(format!("latency_ns BETWEEN {low} AND {high}")),
                ],
            ),
        });
    }
    findings
}

/// The most values that lie within one factor of each other.
fn densest(sorted: &[i64]) -> Option<&[i64]> {
    let mut best: Option<&[i64]> = None;
    for (start, low) in sorted.iter().enumerate() {
        let end = sorted.partition_point(|value| *value as f64 <= *low as f64 * CLUSTER);
        if best.is_none_or(|best| end - start > best.len()) {
            best = Some(&sorted[start..end]);
        }
    }
    best
}

/// Failures of one process to one destination in quick succession, faster
/// than it connects otherwise.
pub fn storms(evidence: &Evidence) -> Vec<Finding> {
    // A sample has gaps of its own.
    if evidence.thinned {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let recorded = evidence.span().map_or(0, |(first, last)| last.saturating_sub(first));
    let key = |event: &Event| (event.host, event.pid, event.dst, event.dst_port);
    let tried = evidence.events.iter().filter(|event| !event.raced);
    for ((_, pid, dst, port), events) in group(tried, key) {
        let storm = longest_storm(&events);
        let (Some(first), Some(last)) = (storm.first(), storm.last()) else { continue };
        let others = weight(events.iter().copied()) - weight(storm.iter().copied());
        if storm.len() < STORM || !is_paced_by_failure(storm, others, recorded) {
            continue;
        }
        let took = last.end_ns().saturating_sub(first.start_ns);
        findings.push(Finding {
            kind: "retry_storm",
            class: Class::Behaviour,
            connects: weight(storm.iter().copied()),
            text: format!(
                "{} ({pid}) failed {} times in {} to connect to {}, each try soon after the last: one \
                 wait, not that many",
                evidence.text(first.comm),
                units::count_u64(storm.len() as u64),
                units::duration(took),
                evidence.dst(dst, port)
            ),
            command: evidence.command.events(
                "--failed",
                &[
                    Some(format!("pid = {pid}")),
                    command::is("dst_addr", evidence.raw(dst)),
                    Some(format!("dst_port = {port}")),
                ],
            ),
        });
    }
    // One client in a fork loop would otherwise fill the page.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.connects));
    findings.truncate(3);
    findings
}

/// The most failures in a row, each try within a second of the last failure.
/// Attempts at the same time are several callers, not one that tries again.
fn longest_storm<'a, 'b>(events: &'b [&'a Event]) -> &'b [&'a Event] {
    let mut best: &[&Event] = &[];
    let mut start = 0;
    for (index, event) in events.iter().enumerate() {
        if !event.outcome.is_failure() {
            start = index + 1;
        } else if index > 0 && !(0..=STORM_PAUSE).contains(&pause(events[index - 1], event)) {
            start = index;
        }
        if index + 1 > start && index + 1 - start > best.len() {
            best = &events[start..=index];
        }
    }
    best
}

/// Time from the end of one attempt to the start of the next, ns.
fn pause(before: &Event, after: &Event) -> i64 {
    after.start_ns.saturating_sub(before.end_ns())
}

/// Whether tries follow from failures, and are not work that happens to fail:
/// there are more than otherwise, or they are evenly spaced, or ever further
/// apart.
fn is_paced_by_failure(storm: &[&Event], others: u64, recorded: i64) -> bool {
    let (Some(first), Some(last)) = (storm.first(), storm.last()) else { return false };
    if others >= OTHERS_ENOUGH {
        let took = last.time.saturating_sub(first.time).max(1) as f64;
        let rest = (recorded as f64 - took).max(1.0);
        let (tries, expected) = (storm.len() as f64, others as f64 * took / rest);
        let ratio = tries * (tries / expected).ln() - (tries - expected);
        return tries >= STORM_RATE * expected && ratio > CLEAR;
    }
    let mut pauses: Vec<i64> =
        storm.windows(2).map(|pair| pause(pair[0], pair[1]).max(SHORTEST_PAUSE)).collect();
    let backs_off = pauses.windows(2).all(|pair| pair[1] as f64 >= pair[0] as f64 * BACKS_OFF);
    pauses.sort_unstable();
    let (low, high) = (rank(&pauses, 0.1).unwrap_or(0), rank(&pauses, 0.9).unwrap_or(0));
    backs_off || high as f64 <= low as f64 * EVEN
}

/// One process that connects to one place over and over, evenly.
pub fn loops(evidence: &Evidence) -> Vec<Finding> {
    // A sample has gaps of its own.
    if evidence.one_in > 1 {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let key = |event: &Event| (event.host, event.pid, event.dst, event.dst_port);
    for ((_, pid, dst, port), events) in group(&evidence.events, key) {
        let settled: Vec<&Event> =
            events.iter().copied().filter(|event| event.outcome == Outcome::Established).collect();
        if settled.len() <= LOOP {
            continue;
        }
        let mut pauses: Vec<i64> = settled
            .windows(2)
            .map(|pair| pair[1].start_ns.saturating_sub(pair[0].end_ns()))
            .collect();
        pauses.sort_unstable();
        let at = |q: f64| rank(&pauses, q).unwrap_or(0);
        let (low, middle, high) = (at(0.1), at(0.5), at(0.9));
        if !LOOP_PAUSE.contains(&low) || high as f64 > low as f64 * LOOP_SPREAD {
            continue;
        }
        findings.push(Finding {
            kind: "reconnect_loop",
            class: Class::Behaviour,
            connects: weight(settled.iter().copied()),
            text: format!(
                "{} ({pid}) connected to {} {} times, each time {} after the last: a loop of \
                 reconnects, or polling",
                evidence.text(settled[0].comm),
                evidence.dst(dst, port),
                settled.len(),
                units::duration(middle)
            ),
            command: evidence.command.events(
                "",
                &[
                    Some(format!("pid = {pid}")),
                    command::is("dst_addr", evidence.raw(dst)),
                    Some(format!("dst_port = {port}")),
                ],
            ),
        });
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.connects));
    findings.truncate(3);
    findings
}
