//! Programs that try again and again after failures.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use connlat_schema::Outcome;

use super::behaviour::{Caller, behaviour, by_caller, place_fields};
use super::command;
use super::evidence::{Event, TextId, weight};
use super::finding::Finding;
use super::material::Material;
use super::ranks::rank;
use super::thresholds::T;
use crate::units;

/// How many times faster than otherwise a storm is, if there are so many others.
const STORM_RATE: f64 = 3.0;
const OTHERS_ENOUGH: u64 = 5;
/// Without others: pauses that differ by no more than this are even, those
/// that shrink by no more than this back off, and shorter ones are alike, ns.
const EVEN: f64 = 2.5;
const BACKS_OFF: f64 = 0.8;
const SHORTEST_PAUSE: i64 = 10_000_000;
/// Tries a second of many callers at once.
const CROWD_RATE: f64 = 50.0;

/// Failures to one destination in quick succession, faster than otherwise or
/// paced by the failures.
pub fn storms(material: &Material<'_>) -> Vec<Finding> {
    let evidence = material.evidence;
    // A sample has gaps of its own.
    if evidence.thinned {
        return Vec::new();
    }
    let recorded = evidence.span().map_or(0, |(first, last)| last.saturating_sub(first));
    let tried = evidence.events.iter().filter(|event| !event.raced);
    let mut storms: BTreeMap<_, Vec<(Vec<&Event>, Caller)>> = BTreeMap::new();
    for (caller, events) in by_caller(tried) {
        let storm = longest_storm(&events);
        let settled = events.iter().copied().filter(|e| e.outcome == Outcome::Established);
        let all = weight(events.iter().copied());
        let others = match weight(settled) {
            OTHERS_ENOUGH.. => all - weight(storm.iter().map(|(event, _)| *event)),
            _ => 0,
        };
        if (storm.len() as u64) < T.storm || !is_paced_by_failure(&storm, others, recorded) {
            continue;
        }
        let storm = storm.into_iter().map(|(event, _)| event).collect();
        storms.entry((caller.0, caller.2, caller.4, caller.5)).or_default().push((storm, caller));
    }
    let mut findings: Vec<Finding> =
        storms.into_values().map(|storms| storm_finding(material, &storms)).collect();
    findings.sort_by_key(|finding| Reverse(finding.connects));
    findings.truncate(2);
    findings
}

fn storm_finding(material: &Material<'_>, storms: &[(Vec<&Event>, Caller)]) -> Finding {
    let evidence = material.evidence;
    let mut events: Vec<&Event> = storms.iter().flat_map(|(events, _)| events.clone()).collect();
    events.sort_by_key(|event| event.start_ns);
    let pids: BTreeSet<(TextId, i32)> = events.iter().map(|e| (e.machine, e.pid)).collect();
    let first = events[0];
    let last = events.iter().map(|event| event.end_ns()).max().unwrap_or(0);
    let took = last.saturating_sub(first.start_ns);
    let (who, of_pid) = match (pids.len(), storms) {
        (1, _) => (format!("({})", first.pid), Some(format!("pid = {}", first.pid))),
        (count, _) => {
            (format!("({count} processes)"), command::is("comm", evidence.raw(first.comm)))
        }
    };
    let running: usize = most_at_once(&events);
    let at_once = if running > 1 { format!(", up to {running} at once") } else { String::new() };
    let text = format!(
        "{} {who} failed {} times in {} to connect to {}{at_once}, each try soon after a failure: \
         retries, not as many needs",
        evidence.text(first.comm),
        units::count_u64(events.len() as u64),
        units::duration(took),
        evidence.place(first.dst, first.dst_port)
    );
    let command = evidence.command.events(
        "--failed",
        &[
            of_pid,
            command::is("dst_addr", evidence.raw(first.dst)),
            Some(format!("dst_port = {}", first.dst_port)),
        ],
    );
    behaviour(evidence, "retry_storm", &events, place_fields(material, first), text, command)
}

fn most_at_once(events: &[&Event]) -> usize {
    let mut changes: Vec<(i64, i64)> =
        events.iter().flat_map(|event| [(event.start_ns, 1), (event.end_ns(), -1)]).collect();
    changes.sort_unstable();
    let (mut running, mut most) = (0_i64, 0_i64);
    for (_, change) in changes {
        running += change;
        most = most.max(running);
    }
    usize::try_from(most).unwrap_or(0)
}

/// Attempts, each with the pause after the failure that it followed, ns, or -1.
type Row<'a> = Vec<(&'a Event, i64)>;

/// The longest row of failures, each of which started soon after one before it
/// had ended, with these pauses: several callers each follow their own.
fn longest_storm<'a>(events: &[&'a Event]) -> Row<'a> {
    let mut events = events.to_vec();
    events.sort_by_key(|event| event.start_ns);
    let (mut best, mut current): (Row<'_>, Row<'_>) = Default::default();
    let mut ends: VecDeque<i64> = VecDeque::new();
    let mut running: BinaryHeap<Reverse<i64>> = BinaryHeap::new();
    for event in events {
        while let Some(Reverse(end)) = running.peek().filter(|end| end.0 <= event.start_ns) {
            ends.push_back(*end);
            running.pop();
        }
        while ends.front().is_some_and(|end| event.start_ns - end > T.storm_pause) {
            ends.pop_front();
        }
        let failed = event.outcome.is_failure() && event.outcome != Outcome::LocalError;
        let after = ends.pop_front();
        if !failed || (after.is_none() && !current.is_empty() && running.is_empty()) {
            if current.len() > best.len() {
                best = std::mem::take(&mut current);
            }
            current.clear();
            ends.clear();
            running.clear();
        }
        if failed {
            // The first attempts of callers at the same time follow no failure.
            current.push((event, after.map_or(-1, |end| event.start_ns - end)));
            running.push(Reverse(event.end_ns()));
        }
    }
    if current.len() > best.len() { current } else { best }
}

/// Whether tries follow from failures, and are not work that happens to fail:
/// there are more than otherwise, or they are evenly spaced, or ever further
/// apart.
fn is_paced_by_failure(storm: &[(&Event, i64)], others: u64, recorded: i64) -> bool {
    let (Some((first, _)), Some((last, _))) = (storm.first(), storm.last()) else { return false };
    let mut pauses: Vec<i64> =
        storm.iter().map(|(_, pause)| *pause).filter(|pause| *pause >= 0).collect();
    if (pauses.len() * 2) < storm.len() {
        return false;
    }
    if others >= OTHERS_ENOUGH {
        let took = last.time.saturating_sub(first.time).max(1) as f64;
        let rest = (recorded as f64 - took).max(1.0);
        let (tries, expected) = (storm.len() as f64, others as f64 * took / rest);
        let ratio = tries * (tries / expected).ln() - (tries - expected);
        return tries >= STORM_RATE * expected && ratio > T.clear;
    }
    // Many callers of one process take their turns: that spreads the pauses.
    let events: Vec<&Event> = storm.iter().map(|(event, _)| *event).collect();
    let took = last.time.saturating_sub(first.time).max(1) as f64 / 1e6;
    let crowd = most_at_once(&events) >= 3 && storm.len() as f64 >= CROWD_RATE * took;
    let shortest = if crowd { 3 * SHORTEST_PAUSE } else { SHORTEST_PAUSE };
    for pause in &mut pauses {
        *pause = (*pause).max(shortest);
    }
    let backs_off = pauses.windows(2).all(|pair| pair[1] as f64 >= pair[0] as f64 * BACKS_OFF);
    pauses.sort_unstable();
    let (low, high) = (rank(&pauses, 0.1).unwrap_or(0), rank(&pauses, 0.9).unwrap_or(0));
    backs_off || high as f64 <= low as f64 * EVEN
}
