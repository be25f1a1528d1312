//! The command that shows the rows of an incident: the fewest conditions that
//! select exactly those.

use std::collections::{BTreeMap, HashSet};

use connlat_schema::Outcome;
use foldhash::fast::RandomState;

use super::evidence::Event;
use super::incident::Incident;
use super::material::{Family, Material};
use super::scope::Value;
use super::words;
use crate::units;

/// Addresses listed at most.
const LISTED: usize = 20;

/// `analyze events` for the bad rows of an incident.
pub fn command(material: &Material<'_>, family: Family, incident: &Incident) -> String {
    let events = material.events(&incident.bad);
    let evidence = material.evidence;
    let bad: HashSet<u32, RandomState> = incident.bad.iter().copied().collect();
    let (scope, in_scope) = of_scope(material, incident);
    let others: Vec<&Event> = in_scope
        .into_iter()
        .filter(|row| !bad.contains(row))
        .map(|row| material.event(row))
        .collect();
    let mut limits: BTreeMap<&'static str, (i64, bool, i64)> = BTreeMap::new();
    for event in &events {
        let limit = limits.entry(event.outcome.as_str()).or_insert((i64::MAX, true, 0));
        limit.0 = limit.0.min(event.latency_ns);
        limit.1 &= event.retransmits > 0;
        limit.2 = limit.2.max(event.latency_ns);
    }
    let mut plain: Vec<&str> = Vec::new();
    let mut limited: Vec<String> = Vec::new();
    // A span is said only if there is more outside of it.
    let (first, last) = (incident.when.first, incident.when.last);
    let mut outside = false;
    for (outcome, (least, again, _)) in &limits {
        let same = |event: &&Event| event.outcome.as_str() == *outcome;
        let repeated = *again && *outcome == Outcome::Established.as_str();
        let met = |event: &&Event, limit: bool| {
            same(event)
                && (!repeated || event.retransmits > 0)
                && (!limit || event.latency_ns >= *least)
        };
        let needs_limit = others.iter().any(|event| met(event, false));
        let retransmits = if repeated { " AND syn_retransmits > 0" } else { "" };
        match (needs_limit, repeated) {
            (false, false) => plain.push(outcome),
            (false, true) => limited.push(format!("outcome = '{outcome}'{retransmits}")),
            (true, _) => {
                let least = least.to_string();
                limited
                    .push(format!("outcome = '{outcome}'{retransmits} AND latency_ns >= {least}"));
            }
        }
        let mut more = others.iter().filter(|event| met(event, needs_limit));
        outside = outside || more.any(|event| !(first..=last).contains(&event.time));
    }
    match plain.as_slice() {
        [] => {}
        [one] => limited.insert(0, format!("outcome = '{one}'")),
        many => limited.insert(0, format!("outcome IN ('{}')", many.join("', '"))),
    }
    let mut conditions = scope;
    conditions.push(match limited.as_slice() {
        [one] => Some(one.clone()),
        many => Some(format!("({})", many.join(" OR "))),
    });
    let errno = events.first().and_then(|event| event.errno);
    let same = events.iter().all(|event| event.errno == errno);
    if let (Family::Local(_), Some(errno), true) = (family, errno, same) {
        conditions.push(Some(format!("errno = {errno}")));
    }
    let span = if outside {
        let to = last.saturating_add(1_000);
        format!("--from {} --to {}", units::rfc3339(first, 3), units::rfc3339(to, 3))
    } else {
        String::new()
    };
    evidence.command.events(&span, &conditions)
}

/// Conditions of the scopes, and the rows that meet them.
fn of_scope(material: &Material<'_>, incident: &Incident) -> (Vec<Option<String>>, Vec<u32>) {
    let events = material.events(&incident.bad);
    let evidence = material.evidence;
    let inside = material.space.inside_any(&incident.scopes);
    let rows = (0..evidence.events.len() as u32).filter(|row| inside.holds(*row)).collect();
    if let [scope] = &incident.scopes[..] {
        let conditions =
            scope.iter().flat_map(|condition| material.space.sql(*condition, &events, evidence));
        return (conditions.collect(), rows);
    }
    let mut addresses: Vec<&str> = events.iter().map(|event| evidence.raw(event.dst)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let plain =
        |address: &&&str| address.chars().all(|c| c.is_ascii_hexdigit() || ".:".contains(c));
    let listed: Vec<String> =
        addresses.iter().filter(plain).take(LISTED).map(|a| format!("'{a}'")).collect();
    let ports = words::fields(material, incident);
    let port = ports.iter().find(|(name, _)| *name == "dst_port").map(|(_, value)| value);
    let port = match port {
        Some(Value::Number(port)) => Some(format!("dst_port = {port}")),
        _ => None,
    };
    (vec![Some(format!("dst_addr IN ({})", listed.join(", "))), port], rows)
}
