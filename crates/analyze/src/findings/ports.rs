//! Connects that failed on this host before a SYN left: no local port was
//! free, the bound one was taken, or a route or policy forbade them.

use std::collections::BTreeSet;

use connlat_schema::Outcome;

use super::evidence::{Event, TextId};
use super::finding::{self, Finding};
use super::incident::Incident;
use super::incidents::{incidents, remainder};
use super::material::{Family, Material};
use super::thresholds::T;
use super::words;
use crate::units;

const EADDRINUSE: i32 = 98;
const EADDRNOTAVAIL: i32 = 99;
/// How long a port stays taken after a close: TIME_WAIT, s.
const TIME_WAIT_S: i64 = 60;

fn no_port(event: &Event) -> bool {
    matches!(event.errno, None | Some(EADDRNOTAVAIL)) && event.src_port == 0
}

/// The program chose the source port itself.
fn bound(event: &Event) -> bool {
    matches!(event.errno, None | Some(EADDRINUSE | EADDRNOTAVAIL)) && event.src_port != 0
}

fn forbidden(event: &Event) -> bool {
    matches!(event.errno, Some(1 | 13))
}

fn no_route(event: &Event) -> bool {
    matches!(event.errno, Some(100 | 101 | 113))
}

fn other(event: &Event) -> bool {
    !no_port(event) && !bound(event) && !forbidden(event) && !no_route(event)
}

/// Everything that failed before a SYN left.
pub fn findings(material: &Material<'_>) -> Vec<Finding> {
    let classes: [fn(&Event) -> bool; 5] = [no_port, bound, forbidden, no_route, other];
    let mut findings = Vec::new();
    for class in classes {
        let family = Family::Local(class);
        let (mut found, left) = incidents(material, family);
        if left.len() as u64 >= T.failures {
            found.extend(remainder(material, family, &left));
        }
        for incident in found {
            if material.weight(&incident.bad) >= T.failures {
                findings.push(describe(material, family, &incident));
            }
        }
    }
    findings
}

fn describe(material: &Material<'_>, family: Family, incident: &Incident) -> Finding {
    let events = material.events(&incident.bad);
    let first = events.first().copied();
    let errno = first.and_then(|event| event.errno);
    let is = |class: fn(&Event) -> bool| first.is_some_and(class);
    let origins: BTreeSet<(TextId, i64)> = events.iter().map(|e| (e.machine, e.netns)).collect();
    let (kind, cause, reason) = if is(no_port) {
        let used = used_ports(material, &origins, &events);
        let range = range(material, &origins, &events, &used);
        if used.is_empty() {
            let reason = "most likely no local port was free, or no source address fits".to_owned();
            ("local_error", None, reason)
        } else {
            let reason = format!("no local port was free{}", range.unwrap_or_default());
            ("port_exhaustion", Some("no_local_port"), reason)
        }
    } else if is(bound) {
        let ports: BTreeSet<i32> = events.iter().map(|event| event.src_port).collect();
        let port = match (ports.first(), ports.len()) {
            (Some(port), 1) => format!("source port {port}, which the program bound itself,"),
            _ => format!("{} source ports, which the program bound itself,", ports.len()),
        };
        ("local_error", Some("source_port_in_use"), format!("{port} was in use"))
    } else if is(forbidden) {
        let reason = "a route, firewall or policy of this host forbids it".to_owned();
        ("local_error", Some("forbidden"), reason)
    } else if is(no_route) {
        ("local_error", Some("no_route"), "this host has no route there".to_owned())
    } else {
        ("local_error", None, "this host refused".to_owned())
    };
    let name = errno.map_or_else(String::new, |errno| {
        format!(" ({})", crate::errno::name(errno.into()).unwrap_or("an unusual errno"))
    });
    let mut finding = finding::of(material, family, incident, kind);
    finding.cause = cause;
    if is(bound) {
        let ports: BTreeSet<i32> = events.iter().map(|event| event.src_port).collect();
        if let (Some(port), 1) = (ports.first(), ports.len()) {
            finding.scope.push(("src_port", super::scope::Value::Number((*port).into())));
        }
    }
    let who = words::who(material, incident).connects();
    let clock = words::Clock::of(material);
    finding.text = format!(
        "{}{who}{} failed before a SYN left, {}: {reason}{name}",
        words::share(material, finding.connects, finding.of),
        if who.contains(" of ") { String::new() } else { words::callers(material, &incident.bad) },
        clock.when(&incident.when),
    );
    finding
}

/// Ports that connects from the same places to the same destinations have.
fn used_ports(
    material: &Material<'_>,
    origins: &BTreeSet<(TextId, i64)>,
    events: &[&Event],
) -> BTreeSet<i64> {
    established(material, origins, events)
        .map(|event| event.src_port.into())
        .filter(|p| *p > 0)
        .collect()
}

fn established<'a>(
    material: &Material<'a>,
    origins: &BTreeSet<(TextId, i64)>,
    events: &[&Event],
) -> impl Iterator<Item = &'a Event> {
    let places: BTreeSet<(TextId, i64)> = events.iter().map(|e| (e.dst, e.dst_port)).collect();
    let origins = origins.clone();
    material
        .evidence
        .events
        .iter()
        .filter(|event| event.outcome == Outcome::Established)
        .filter(move |event| origins.contains(&(event.machine, event.netns)))
        .filter(move |event| places.contains(&(event.dst, event.dst_port)))
}

/// How many ports there were, and how fast they were taken: of one namespace,
/// whose setting is known.
fn range(
    material: &Material<'_>,
    origins: &BTreeSet<(TextId, i64)>,
    events: &[&Event],
    used: &BTreeSet<i64>,
) -> Option<String> {
    let evidence = material.evidence;
    if origins.len() != 1 || evidence.one_in > 1 || evidence.partial {
        return None;
    }
    let range = evidence.setting(events.first()?, "net.ipv4.ip_local_port_range")?;
    let mut ends = range.split_whitespace().map(str::parse::<i64>);
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    let size = high.saturating_sub(low).saturating_add(1).max(0);
    let took: Vec<&Event> = established(material, origins, events).collect();
    let (first, last) = (took.first()?.time, took.last()?.time);
    let seconds = (last.saturating_sub(first) as f64 / 1e6).max(1.0);
    Some(format!(
        ": {} of the {} ports from {low} to {high} were used, at {:.1} connects/s where {:.1} can \
         last",
        units::count_u64(used.len() as u64),
        units::count(size),
        took.len() as f64 / seconds,
        size as f64 / TIME_WAIT_S as f64
    ))
}
