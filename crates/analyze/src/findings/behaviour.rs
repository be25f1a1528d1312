//! What programs do: give up at a limit of their own, try again and again, or
//! connect in a loop.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use connlat_schema::Outcome;

use super::command;
use super::evidence::{Event, group, weight};
use super::finding::{Class, Confidence, Finding};
use super::incident::Material;
use super::ranks::{ascending, rank};
use super::scope::{Field, Value};
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
/// Attempts of a process at most that make it a short-lived one.
const SHORT_LIVED: usize = 2;
/// Pauses between connects of a loop, ns, and how alike they are. A second and
/// more is what health checks have.
const LOOP_PAUSE: std::ops::RangeInclusive<i64> = 10_000_000..=900_000_000;
const LOOP_SPREAD: f64 = 1.25;
/// The longest pause in usual ones: bursts have longer ones between.
const LONGEST_LOOP: i64 = 5;
/// Share of all connects above which loops are how these programs work.
const USUAL_LOOPS: f64 = 0.5;

fn behaviour(
    kind: &'static str,
    events: &[&Event],
    scope: Vec<Field>,
    text: String,
    command: String,
) -> Finding {
    let connects = weight(events.iter().copied());
    let failed = events.iter().filter(|event| event.outcome.is_failure());
    Finding {
        kind,
        class: Class::Behaviour,
        symptom: None,
        cause: None,
        alternatives: Vec::new(),
        scope,
        examples: Vec::new(),
        began: events.first().map(|event| event.time),
        ended: events.last().map(|event| event.time),
        ongoing: false,
        pattern: "interval",
        connects,
        of: connects,
        good: 0,
        waited_ns: failed.map(|event| event.latency_ns).fold(0, i64::saturating_add),
        confidence: Confidence::Medium,
        text,
        command,
    }
}

fn place_fields(material: &Material<'_>, event: &Event) -> Vec<Field> {
    vec![
        ("comm", Value::Text(material.evidence.raw(event.comm).to_owned())),
        ("dst_addr", Value::Text(material.evidence.raw(event.dst).to_owned())),
        ("dst_port", Value::Number(event.dst_port)),
    ]
}

/// Connects their program gave up on, always after the same time, and that no
/// other finding explains.
pub fn abandoned(material: &Material<'_>) -> Vec<Finding> {
    let evidence = material.evidence;
    let rows = evidence.events.iter().enumerate();
    let aborted = rows
        .filter(|(row, event)| {
            event.outcome == Outcome::Aborted && !event.raced && !material.claimed[*row]
        })
        .map(|(_, event)| event);
    let mut findings = Vec::new();
    for (comm, events) in group(aborted, |event| event.comm) {
        let all = events.iter().map(|event| event.latency_ns);
        let waits = ascending(all.filter(|ns| *ns >= T.vain_more));
        let Some(cluster) = densest(&waits) else { continue };
        let part = cluster.len() * 10 >= events.len();
        if (cluster.len() as u64) < T.misfortunes || cluster.len() * 2 < waits.len() || !part {
            continue;
        }
        let (low, high) = (cluster[0], cluster[cluster.len() - 1]);
        let inside: Vec<&Event> =
            events.iter().copied().filter(|e| (low..=high).contains(&e.latency_ns)).collect();
        let places = group(inside.iter().copied(), |event| (event.dst, event.dst_port));
        let Some((place, _)) = places.iter().max_by_key(|(_, events)| events.len()) else {
            continue;
        };
        let others = match places.len() {
            1 => String::new(),
            several => format!(" and {} more", several - 1),
        };
        let count = weight(inside.iter().copied());
        let text = format!(
            "{} gives up after {}, a timeout of its own: {} of its {} ended then, to {}{others}",
            evidence.text(comm),
            units::duration(rank(cluster, 0.5).unwrap_or(low)),
            units::count_u64(count),
            units::counted(weight(events.iter().copied()), "abandoned connect"),
            evidence.dst(place.0, place.1)
        );
        let command = evidence.command.events(
            "",
            &[
                command::is("comm", evidence.raw(comm)),
                Some("outcome = 'aborted'".to_owned()),
                Some(format!("latency_ns BETWEEN {low} AND {high}")),
            ],
        );
        let scope = vec![("comm", Value::Text(evidence.raw(comm).to_owned()))];
        let mut finding = behaviour("abandoned", &inside, scope, text, command);
        finding.symptom = Some("given_up");
        findings.push(finding);
    }
    findings
}

/// The most values that lie within one factor of each other.
fn densest(sorted: &[i64]) -> Option<&[i64]> {
    let mut best: Option<&[i64]> = None;
    for (start, low) in sorted.iter().enumerate() {
        let end = sorted.partition_point(|value| *value as f64 <= *low as f64 * T.same_wait);
        if best.is_none_or(|best| end - start > best.len()) {
            best = Some(&sorted[start..end]);
        }
    }
    best
}

/// A row of attempts of one process, or of one name and cgroup whose processes
/// live for an attempt or two.
type Caller = (usize, Option<i64>, usize, usize, usize, i64);

/// Attempts by caller and destination.
fn by_caller<'a>(
    events: impl Iterator<Item = &'a Event> + Clone,
) -> BTreeMap<Caller, Vec<&'a Event>> {
    let alone = |e: &Event| (e.machine, Some(e.pid), e.comm, e.cgroup, e.dst, e.dst_port);
    let together = |e: &Event| (e.machine, None, e.comm, e.cgroup, e.dst, e.dst_port);
    let mut callers = group(events.clone(), alone);
    let mut short: BTreeMap<Caller, Vec<&Event>> = BTreeMap::new();
    callers.retain(|_, events| {
        let keep = events.len() > SHORT_LIVED;
        if let (false, Some(first)) = (keep, events.first()) {
            short.entry(together(first)).or_default().extend(events.iter().copied());
        }
        keep
    });
    for events in short.values_mut() {
        events.sort_by_key(|event| event.start_ns);
    }
    callers.extend(short);
    callers
}

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
    let pids: BTreeSet<(usize, i64)> = events.iter().map(|e| (e.machine, e.pid)).collect();
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
        evidence.dst(first.dst, first.dst_port)
    );
    let command = evidence.command.events(
        "--failed",
        &[
            of_pid,
            command::is("dst_addr", evidence.raw(first.dst)),
            Some(format!("dst_port = {}", first.dst_port)),
        ],
    );
    behaviour("retry_storm", &events, place_fields(material, first), text, command)
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

/// One process that connects to one place over and over, evenly.
pub fn loops(material: &Material<'_>) -> Vec<Finding> {
    let evidence = material.evidence;
    // A sample has gaps of its own.
    if evidence.one_in > 1 {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let settled = evidence.events.iter().filter(|e| e.outcome == Outcome::Established);
    let all = weight(settled.clone());
    for ((_, pid, comm, _, dst, port), settled) in by_caller(settled) {
        // A script that makes many processes is no loop of one.
        if pid.is_none() || (settled.len() as u64) < T.reconnects {
            continue;
        }
        let pauses =
            settled.windows(2).map(|pair| pair[1].start_ns.saturating_sub(pair[0].end_ns()));
        let pauses = ascending(pauses);
        let at = |q: f64| rank(&pauses, q).unwrap_or(0);
        let (low, middle, high) = (at(0.1), at(0.5), at(0.9));
        let even = high as f64 <= low as f64 * LOOP_SPREAD;
        if !LOOP_PAUSE.contains(&low) || !even || at(1.0) > low.saturating_mul(LONGEST_LOOP) {
            continue;
        }
        let first = settled[0];
        let text = format!(
            "{} ({}) connected to {} {} times, each time {} after the last: a loop of reconnects, or \
             polling",
            evidence.text(comm),
            first.pid,
            evidence.dst(dst, port),
            settled.len(),
            units::duration(middle)
        );
        let command = evidence.command.events(
            "",
            &[
                Some(format!("pid = {}", first.pid)),
                command::is("dst_addr", evidence.raw(dst)),
                Some(format!("dst_port = {port}")),
            ],
        );
        let scope = place_fields(material, first);
        findings.push(behaviour("reconnect_loop", &settled, scope, text, command));
    }
    let looping: u64 = findings.iter().map(|finding| finding.connects).sum();
    if looping as f64 > USUAL_LOOPS * all as f64 {
        return Vec::new();
    }
    findings.sort_by_key(|finding| Reverse(finding.connects));
    findings.truncate(2);
    findings
}
