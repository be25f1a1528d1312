//! What programs do: what such findings share, and those that give up at a
//! limit of their own.

use std::collections::BTreeMap;

use connlat_schema::Outcome;

use super::command;
use super::evidence::{Event, Evidence, TextId, group, weight};
use super::finding::{Class, Confidence, Finding};
use super::material::Material;
use super::picture::Picture;
use super::ranks::{ascending, rank};
use super::scope::{Field, Value};
use super::thresholds::T;
use crate::units;

pub(super) fn behaviour(
    evidence: &Evidence,
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
        picture: Picture::of(evidence, events),
    }
}

pub(super) fn place_fields(material: &Material<'_>, event: &Event) -> Vec<Field> {
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
            evidence.place(place.0, place.1)
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
        let mut finding = behaviour(evidence, "abandoned", &inside, scope, text, command);
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

/// Attempts of a process at most that make it a short-lived one.
const SHORT_LIVED: usize = 2;
/// A row of attempts of one process, or of one name and cgroup whose processes
/// live for an attempt or two.
pub(super) type Caller = (TextId, Option<i32>, TextId, TextId, TextId, i64);

/// Attempts by caller and destination.
pub(super) fn by_caller<'a>(
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
