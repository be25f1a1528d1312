//! Connects that take longer than their own destination usually does, and
//! what that hangs on: a place, a program, a moment, or one server of several.

use connlat_schema::Outcome;

use super::evidence::{Event, TextId};
use super::finding::{self, Class, Confidence, Finding};
use super::incident::Incident;
use super::incidents::incidents;
use super::material::{Family, Material};
use super::ranks::{ascending, rank};
use super::scope::Dimension;
use super::symptom::Symptom;
use super::thresholds::T;
use super::when::Pattern;
use super::{load, modes, words};
use crate::units;

/// Shortest time that is worth a word, µs.
const SHORTEST: i64 = 500_000;

/// What is slow.
pub fn findings(material: &mut Material<'_>) -> Vec<Finding> {
    let (found, _) = incidents(material, Family::Slow);
    let mut findings = Vec::new();
    for incident in found {
        let enough = material.weight(&incident.bad) >= 2 * T.misfortunes;
        if !enough || incident.rate() < 0.05 {
            continue;
        }
        let Some(finding) = describe(material, &incident) else { continue };
        findings.push(finding);
        for row in &incident.bad {
            material.claimed[*row as usize] = true;
        }
    }
    findings
}

fn describe(material: &Material<'_>, incident: &Incident) -> Option<Finding> {
    let dimensions: Vec<Dimension> = incident
        .scopes
        .iter()
        .flatten()
        .map(|condition| material.space.dimension(*condition))
        .collect();
    let by_origin = dimensions.iter().any(|d| !d.is_place());
    if by_program(material, incident) || (by_origin && incident.when.pattern != Pattern::Interval) {
        return held_up(material, incident);
    }
    if incident.when.pattern == Pattern::Interval {
        // A moment, or a part of the connects, is what any busy place has.
        let length = incident.when.last.saturating_sub(incident.when.first);
        if length < SHORTEST || incident.rate() < 0.5 {
            return None;
        }
        return Some(spell(material, incident));
    }
    // All along: only if the rows themselves say that it is not the distance,
    // nor a tail that it always has.
    let place = dimensions.iter().all(|d| matches!(d, Dimension::Service | Dimension::Address));
    let one_place = place && incident.scopes.len() == 1 && !incident.everything();
    if let Some(modes) = modes::two(material, incident).filter(|_| one_place) {
        return Some(one_of_several(material, incident, &modes));
    }
    standing(material, incident)
}

/// Latencies of a scope's connects, its bad and its good ones.
fn latencies(material: &Material<'_>, incident: &Incident) -> Vec<i64> {
    let rows = incident.bad.iter().chain(&incident.good);
    let events = rows.map(|row| material.event(*row)).filter(|event| event.measured);
    ascending(events.map(|event| event.latency_ns))
}

fn kind(material: &Material<'_>, incident: &Incident) -> &'static str {
    let dimension = |condition: &u32| material.space.dimension(*condition);
    match incident.scopes.as_slice() {
        [scope] if scope.len() == 1 => match dimension(&scope[0]) {
            Dimension::Service | Dimension::Address => "slow_destination",
            Dimension::Network(_) => "slow_subnet",
            _ => "slow",
        },
        _ => "slow",
    }
}

fn subject(material: &Material<'_>, incident: &Incident) -> String {
    let who = words::who(material, incident);
    match (who.place, who.origin) {
        (None, None) => "everything".to_owned(),
        (Some(place), None) => place,
        (None, Some(origin)) => format!("everything for {origin}"),
        (Some(place), Some(origin)) => format!("{place} for {origin}"),
    }
}

/// Slow from one moment to another, or since one.
fn spell(material: &Material<'_>, incident: &Incident) -> Finding {
    let mut finding = finding::of(material, Family::Slow, incident, kind(material, incident));
    let slow = ascending(
        material.events(&incident.bad).iter().filter(|e| e.measured).map(|event| event.latency_ns),
    );
    let usual = usual_p50(material, incident);
    let load = load::spike(material, incident);
    let because = match &load {
        Some(spike) => {
            finding.kind = "load_spike";
            finding.cause = Some("load");
            spike.text.clone()
        }
        None => {
            finding.alternatives = vec!["path", "server", "load"];
            String::new()
        }
    };
    let given_up = given_up(material, incident);
    finding.text = format!(
        "{} {}slow {}: {} took {} (p50) to {} (p90), where {} is usual{given_up}{because}{}",
        subject(material, incident),
        if incident.when.ongoing() { "is " } else { "was " },
        words::Clock::of(material).when(&incident.when),
        words::share(material, finding.connects, finding.of),
        units::duration(rank(&slow, 0.5).unwrap_or(0)),
        units::duration(rank(&slow, 0.9).unwrap_or(0)),
        units::duration(usual),
        words::cost(finding.waited_ns),
    );
    finding
}

fn given_up(material: &Material<'_>, incident: &Incident) -> String {
    let rows = incident.bad.iter().copied();
    let rows: Vec<u32> =
        rows.filter(|row| material.symptom(*row) == Some(Symptom::GivenUpSlow)).collect();
    match material.weight(&rows) {
        0 => String::new(),
        count => {
            format!(", {} given up{}", units::count_u64(count), words::callers(material, &rows))
        }
    }
}

fn usual_p50(material: &Material<'_>, incident: &Incident) -> i64 {
    let events = material.events(&incident.bad);
    let fast = events.iter().filter_map(|event| Some(material.usual.service(event)?.fastest));
    rank(&ascending(fast), 0.5).unwrap_or(0)
}

/// One program is slow where others are not.
fn held_up(material: &Material<'_>, incident: &Incident) -> Option<Finding> {
    let mut finding = finding::of(material, Family::Slow, incident, "local_delay");
    let who = words::who(material, incident);
    let events = material.events(&incident.bad);
    let waits = ascending(events.iter().map(|event| event.latency_ns));
    let usual = usual_p50(material, incident);
    finding.alternatives = vec!["starved_process", "shaping"];
    let origin = who.origin.clone().unwrap_or_default();
    let names = if by_program(material, incident) {
        String::new()
    } else {
        words::callers(material, &incident.bad)
    };
    let place = who.place.map_or_else(String::new, |place| format!(" to {place}"));
    finding.text = format!(
        "{origin} is held up: {}{names}{place} took {} or more {}, where others connect to the same places \
         in {}: this host or a rule for it, not the network{}",
        words::share(material, finding.connects, finding.of),
        units::duration(rank(&waits, 0.1).unwrap_or(0)),
        words::Clock::of(material).when(&incident.when),
        units::duration(usual),
        words::cost(finding.waited_ns),
    );
    shares_places(material, incident).then_some(finding)
}

/// Whether others reach the same destinations: else it may be these that are
/// slow.
fn shares_places(material: &Material<'_>, incident: &Incident) -> bool {
    let inside: std::collections::HashSet<u32> =
        incident.bad.iter().chain(&incident.good).copied().collect();
    let place = |event: &Event| (event.dst, event.dst_port);
    let places: std::collections::HashSet<_> =
        material.events(&incident.bad).into_iter().map(place).collect();
    let rows = material.rows(Family::Slow);
    let others = rows.iter().filter(|(row, bad)| {
        !bad && !inside.contains(row) && places.contains(&place(material.event(*row)))
    });
    // Who gives up what is slow looks faster than it is.
    let given_up = material.evidence.events.iter().enumerate().filter(|(row, event)| {
        event.outcome == Outcome::Aborted
            && !inside.contains(&(*row as u32))
            && places.contains(&place(event))
    });
    if given_up.count() * 20 > others.clone().count() {
        return false;
    }
    // A namespace of its own is another way to the same addresses: only what is
    // slow wherever it goes is its own.
    others.count() as u64 >= T.usual && (places.len() > 1 || by_program(material, incident))
}

fn by_program(material: &Material<'_>, incident: &Incident) -> bool {
    incident.scopes.iter().flatten().any(|condition| {
        let dimension = material.space.dimension(*condition);
        matches!(dimension, Dimension::Comm | Dimension::Cgroup | Dimension::Uid)
    })
}

fn one_of_several(material: &Material<'_>, incident: &Incident, modes: &modes::Modes) -> Finding {
    let mut finding = finding::of(material, Family::Slow, incident, "one_bad_server");
    finding.alternatives = vec!["server", "path"];
    finding.confidence = finding.confidence.min(Confidence::Medium);
    finding.text = format!(
        "{} has two speeds: {} took about {}, the others {}, mixed in time and whoever asked: as if \
         one of several servers or paths behind it were slow{}",
        subject(material, incident),
        words::share(material, finding.connects, finding.of),
        units::duration(modes.slow),
        units::duration(modes.fast),
        words::cost(finding.waited_ns),
    );
    finding
}

/// Slow all along: a network whose hosts all wait far longer than their own
/// fastest connects, or a place on which programs give up.
fn standing(material: &Material<'_>, incident: &Incident) -> Option<Finding> {
    let all = latencies(material, incident);
    let at = |q| rank(&all, q).unwrap_or(0);
    let fastest = at(0.02);
    let wide = at(0.5) as f64 >= T.spread * fastest as f64 && at(0.5) - fastest >= 4 * T.slow_more;
    let hosts = hosts(material, incident);
    let given_up = incident
        .bad
        .iter()
        .filter(|row| material.symptom(**row) == Some(Symptom::GivenUpSlow))
        .count() as u64;
    let network = !incident.everything() && hosts >= 2 && wide;
    if !network && given_up < T.misfortunes {
        return None;
    }
    let mut finding = finding::of(material, Family::Slow, incident, kind(material, incident));
    finding.class = Class::Cause;
    finding.confidence = finding.confidence.min(Confidence::Medium);
    finding.alternatives = vec!["path", "server"];
    let lost = self::given_up(material, incident);
    finding.text = format!(
        "{} is slow all the time: p50 {} and p90 {} of {}{lost}; its fastest take {}, so it is not \
             distance alone{}",
        subject(material, incident),
        units::duration(at(0.5)),
        units::duration(at(0.9)),
        units::counted(finding.of, "connect"),
        units::duration(fastest),
        words::cost(finding.waited_ns),
    );
    Some(finding)
}

fn hosts(material: &Material<'_>, incident: &Incident) -> usize {
    let mut hosts: Vec<TextId> =
        material.events(&incident.bad).iter().map(|event| event.dst).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.len()
}
