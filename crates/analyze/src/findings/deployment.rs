//! A change of deployment: destinations of a port that were left for others,
//! and what the new ones cost.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Event, TextId, weight};
use super::finding::{Class, Confidence, Finding};
use super::material::Material;
use super::picture::Picture;
use super::ranks::{ascending, rank};
use super::scope::Value;
use super::thresholds::T;
use super::{command, words};
use crate::units;

/// Connects to old and to new destinations that make a change.
const FEWEST: usize = 8;

/// Programs that left some destinations for slower ones.
pub fn findings(material: &Material<'_>) -> Vec<Finding> {
    if material.evidence.partial || material.evidence.one_in > 1 {
        return Vec::new();
    }
    let mut by_program: BTreeMap<(TextId, i64, i64, TextId), Vec<&Event>> = BTreeMap::new();
    for event in &material.evidence.events {
        let key = (event.machine, event.netns, event.dst_port, event.comm);
        by_program.entry(key).or_default().push(event);
    }
    let moves: Vec<Move<'_>> = by_program.values().filter_map(|events| moved(events)).collect();
    let mut by_port: BTreeMap<(BTreeSet<TextId>, i64), Vec<Move<'_>>> = BTreeMap::new();
    for one in moves {
        by_port.entry((one.nets(), one.new[0].dst_port)).or_default().push(one);
    }
    by_port.into_values().filter_map(|moves| describe(material, &moves)).collect()
}

/// One program's connects before and after.
struct Move<'a> {
    at: i64,
    old: Vec<&'a Event>,
    new: Vec<&'a Event>,
}

impl Move<'_> {
    fn nets(&self) -> BTreeSet<TextId> {
        self.new.iter().map(|event| event.net).collect()
    }
}

/// The moment from which on a program connects to other addresses only.
fn moved<'a>(events: &[&'a Event]) -> Option<Move<'a>> {
    let mut seen: BTreeMap<TextId, (usize, usize)> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let span = seen.entry(event.dst).or_insert((place, place));
        span.1 = place;
    }
    // Between the last use of the old ones and the first of the new ones.
    let mut spans: Vec<(usize, usize)> = seen.into_values().collect();
    spans.sort_unstable();
    let mut last = 0;
    for pair in 0..spans.len().saturating_sub(1) {
        last = last.max(spans[pair].1);
        let next = spans[pair + 1].0;
        let enough = next >= FEWEST && events.len() - next >= FEWEST;
        if last < next && enough {
            let (old, new) = events.split_at(next);
            return Some(Move { at: new[0].time, old: old.to_vec(), new: new.to_vec() });
        }
    }
    None
}

fn p50(events: &[&Event]) -> Option<i64> {
    let measured = events.iter().filter(|event| event.measured && event.retransmits == 0);
    let sorted = ascending(measured.map(|event| event.latency_ns));
    if sorted.len() < FEWEST { None } else { rank(&sorted, 0.5) }
}

fn describe(material: &Material<'_>, moves: &[Move<'_>]) -> Option<Finding> {
    let evidence = material.evidence;
    let old: Vec<&Event> = moves.iter().flat_map(|one| one.old.iter().copied()).collect();
    let new: Vec<&Event> = moves.iter().flat_map(|one| one.new.iter().copied()).collect();
    let (before, after) = (p50(&old)?, p50(&new)?);
    let slower = after as f64 >= T.slow_times * before as f64 && after - before >= T.slow_more;
    if !slower {
        return None;
    }
    let at = moves.iter().map(|one| one.at).min()?;
    let addresses =
        |events: &[&Event]| -> BTreeSet<TextId> { events.iter().map(|event| event.dst).collect() };
    let (of_old, of_new) = (addresses(&old), addresses(&new));
    let port = new.first()?.dst_port;
    let movers: BTreeSet<TextId> = new.iter().map(|event| event.comm).collect();
    let stay: BTreeSet<TextId> = evidence
        .events
        .iter()
        .filter(|event| event.time >= at && event.dst_port == port && of_old.contains(&event.dst))
        .map(|event| event.comm)
        .filter(|comm| !movers.contains(comm))
        .collect();
    let stay = match (stay.first(), stay.len()) {
        (Some(one), 1) => format!("; {} keeps the old ones", evidence.text(*one)),
        (Some(_), count) => format!("; {count} programs keep the old ones"),
        (None, _) => String::new(),
    };
    let names: Vec<String> = movers.iter().take(2).map(|comm| evidence.text(*comm)).collect();
    let clock = words::Clock::of(material);
    let nets: BTreeSet<TextId> = new.iter().map(|event| event.net).collect();
    let place = |set: &BTreeSet<TextId>, nets: BTreeSet<TextId>| match (set.first(), nets.first()) {
        (Some(one), _) if set.len() == 1 => evidence.place(*one, port),
        (_, Some(net)) if nets.len() == 1 => {
            format!("{} (port {port}, {} hosts)", evidence.text(*net), set.len())
        }
        _ => format!("{} hosts (port {port})", set.len()),
    };
    let old_nets = old.iter().map(|event| event.net).collect();
    let count = weight(new.iter().copied());
    let waited = (after - before).saturating_mul(i64::try_from(count).unwrap_or(1));
    let mut scope = vec![("dst_port", Value::Number(port))];
    if let (Some(net), 1) = (nets.first(), nets.len()) {
        scope.insert(0, ("dst_network", Value::Text(evidence.raw(*net).to_owned())));
    }
    let examples = of_new.iter().take(5).map(|dst| evidence.dst(*dst, port)).collect();
    let listed = new.iter().map(|event| evidence.raw(event.dst)).collect();
    let in_new = match nets.first() {
        Some(net) if nets.len() == 1 => command::in_network(evidence.raw(*net), &listed),
        _ => command::in_network("", &listed),
    };
    Some(Finding {
        kind: "deployment",
        class: Class::Cause,
        symptom: Some("slow"),
        cause: Some("moved"),
        alternatives: Vec::new(),
        scope,
        examples,
        began: Some(at),
        ended: None,
        ongoing: true,
        pattern: "interval",
        connects: count,
        of: count,
        good: 0,
        waited_ns: waited,
        confidence: Confidence::High,
        text: format!(
            "{} moved from {} to {} at {}, and now waits longer: {} took {} (p50) there, {} \
             before{stay}",
            names.join(" and "),
            place(&of_old, old_nets),
            place(&of_new, nets),
            clock.at(at),
            units::counted(count, "connect"),
            units::duration(after),
            units::duration(before),
        ),
        command: evidence.command.events("", &[in_new, Some(format!("dst_port = {port}"))]),
        picture: Picture::of(evidence, &new),
    })
}
