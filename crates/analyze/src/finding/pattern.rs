//! What programs do: give up, try again and again, or try several at once.

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group, rank, weight};
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
/// How soon the next attempt of a race starts, ns (RFC 8305 says 250 ms).
const RACE_DELAY: i64 = 350_000_000;
/// How soon after a winner the losers are closed, ns.
const DROPPED_WITHIN: i64 = 100_000_000;
/// Races that make a finding.
const FEWEST_RACES: usize = 5;
/// Connects in a row that make a loop; pauses between them, ns, and how alike
/// they are.
const LOOP: usize = 20;
const LOOP_PAUSE: std::ops::RangeInclusive<i64> = 10_000_000..=30_000_000_000;
const LOOP_SPREAD: f64 = 1.25;

/// Connects their program gave up on, always after the same time.
pub fn abandoned(evidence: &Evidence) -> Vec<Finding> {
    let aborted = evidence.events.iter().filter(|event| event.outcome == Outcome::Aborted);
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
                "{} gives up after {}: {} of its {} end then, to {}{others}; a timeout of its own",
                evidence.text(comm),
                units::duration(rank(cluster, 0.5).unwrap_or(low)),
                units::count_u64(count),
                units::counted(weight(events.iter().copied()), "abandoned connect"),
                evidence.dst(place.0, place.1)
            ),
            command: evidence.command.events(
                "",
                &[Some("outcome = 'aborted'".to_owned()), command::is("comm", evidence.raw(comm))],
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

/// Failures of one process to one destination in quick succession.
pub fn storms(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((_, pid, dst, port), events) in
        group(&evidence.events, |event| (event.host, event.pid, event.dst, event.dst_port))
    {
        let mut best: &[&Event] = &[];
        let mut start = 0;
        for (index, event) in events.iter().enumerate() {
            // Attempts at the same time are several callers; a storm is one
            // that tries again as soon as it failed.
            let broken = index > 0 && {
                let before = events[index - 1];
                event.start_ns < before.end_ns()
                    || event.start_ns.saturating_sub(before.end_ns()) > STORM_PAUSE
            };
            if !event.outcome.is_failure() {
                start = index + 1;
            } else if broken {
                start = index;
            }
            if index + 1 > start && index + 1 - start > best.len() {
                best = &events[start..=index];
            }
        }
        let (Some(first), Some(last)) = (best.first(), best.last()) else { continue };
        if best.len() < STORM {
            continue;
        }
        let took = last.end_ns().saturating_sub(first.start_ns);
        findings.push(Finding {
            kind: "retry_storm",
            class: Class::Behaviour,
            connects: weight(best.iter().copied()),
            text: format!(
                "{} ({pid}) failed {} times in {} to connect to {}, each try within 1 s of the last: \
                 one wait, not that many",
                evidence.text(first.comm),
                best.len(),
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

/// Attempts to several addresses at once of which one is used.
pub fn eyeballs(evidence: &Evidence) -> Vec<Finding> {
    let (mut races, mut attempts, mut given_up) = (0_usize, 0_usize, 0_usize);
    let mut example: Option<Event> = None;
    for events in group(&evidence.events, |e| (e.host, e.pid, e.dst_port)).values() {
        let mut group: Vec<&Event> = Vec::new();
        let mut count = |group: &[&Event]| {
            let mut winners = group.iter().filter(|e| e.outcome == Outcome::Established);
            let (Some(winner), None) = (winners.next(), winners.next()) else { return };
            // A loser is dropped when another has won, or fails before that.
            let lost = group
                .iter()
                .filter(|event| match event.outcome {
                    Outcome::Aborted => {
                        event.end_ns().saturating_sub(winner.end_ns()).abs() <= DROPPED_WITHIN
                    }
                    outcome => outcome.is_failure() && event.end_ns() <= winner.end_ns(),
                })
                .count();
            let mut addresses: Vec<usize> = group.iter().map(|event| event.dst).collect();
            addresses.sort_unstable();
            addresses.dedup();
            if lost == group.len() - 1 && lost > 0 && addresses.len() == group.len() {
                races += 1;
                attempts += group.len();
                given_up += lost;
                example = example.or(group.first().map(|event| **event));
            }
        };
        for event in events {
            let joins = group.last().is_some_and(|last| {
                event.start_ns < last.end_ns()
                    && event.start_ns.saturating_sub(last.start_ns) <= RACE_DELAY
            });
            if !joins {
                count(&group);
                group.clear();
            }
            group.push(event);
        }
        count(&group);
    }
    let Some(example) = example.filter(|_| races >= FEWEST_RACES) else { return Vec::new() };
    vec![Finding {
        kind: "happy_eyeballs",
        class: Class::Context,
        connects: given_up as u64,
        text: format!(
            "{attempts} attempts were {races} waits: {} and others raced several addresses and took \
             the first to answer, so {given_up} of the failures hurt nobody",
            evidence.text(example.comm)
        ),
        command: evidence.command.events("", &[Some(format!("pid = {}", example.pid))]),
    }]
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
                "{} ({pid}) connected to {} {} times, always {} after the last: a loop of reconnects, \
                 or a health check",
                evidence.text(settled[0].comm),
                evidence.dst(dst, port),
                settled.len(),
                units::duration(middle)
            ),
            command: evidence.command.events(
                "",
                &[Some(format!("pid = {pid}")), command::is("dst_addr", evidence.raw(dst))],
            ),
        });
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.connects));
    findings.truncate(3);
    findings
}
