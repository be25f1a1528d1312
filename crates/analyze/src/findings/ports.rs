//! Connects that failed on this host before a SYN left: no local port was
//! free, or a route or policy forbade them.

use std::collections::BTreeSet;

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group, weight};
use super::{Class, Finding, command};
use crate::units;

/// errno of a connect for which no port is free.
const EADDRNOTAVAIL: i64 = 99;
/// Failed connects that make a finding.
const FEWEST: usize = 3;
/// How long a port stays taken after a close: TIME_WAIT, s.
const TIME_WAIT_S: i64 = 60;

/// Local errors by destination or, if they have nothing to do with ports, by
/// network.
pub fn local_errors(evidence: &Evidence) -> Vec<Finding> {
    let failed = evidence.events.iter().filter(|event| event.outcome == Outcome::LocalError);
    // Each network namespace of each host has ports of its own.
    let key = |event: &Event| (event.host, event.netns, event.dst, event.dst_port);
    let mut findings = Vec::new();
    let mut other: Vec<&Event> = Vec::new();
    let made = group(&evidence.events, key);
    let hosts: BTreeSet<usize> = made.keys().map(|(host, ..)| *host).collect();
    let networks: BTreeSet<(usize, i64)> =
        made.keys().map(|(host, netns, ..)| (*host, *netns)).collect();
    let several = Several { hosts: hosts.len() > 1, networks: networks.len() > hosts.len() };
    for (place, events) in group(failed, key) {
        let known = events.iter().find_map(|event| event.errno);
        let used: BTreeSet<i64> = made[&place]
            .iter()
            .filter(|event| event.outcome == Outcome::Established)
            .map(|event| event.src_port)
            .filter(|port| *port > 0)
            .collect();
        if known.is_some_and(|errno| errno != EADDRNOTAVAIL) || used.is_empty() {
            other.extend(events);
        } else if events.len() >= FEWEST {
            let sparse = evidence.one_in > 1 || evidence.partial;
            let range = if sparse { None } else { range(evidence, &made[&place], used.len()) };
            let error = known.map_or_else(String::new, |_| format!(" ({})", name(known)));
            let reason = format!("no local port was free{error}{}", range.unwrap_or_default());
            findings.push(finding(evidence, "port_exhaustion", &events, &reason, several));
        }
    }
    for events in group(other, |event| (event.host, event.netns, event.net, event.errno)).values() {
        if events.len() < FEWEST {
            continue;
        }
        let errno = events[0].errno;
        let reason = match errno {
            Some(1 | 13) => "a route, firewall or policy of this host forbids it",
            Some(100 | 101 | 113) => "this host has no route there",
            Some(EADDRNOTAVAIL) | None => "most likely no local port was free",
            _ => "this host refused",
        };
        let reason = format!("{reason} ({})", name(errno));
        findings.push(finding(evidence, "local_error", events, &reason, several));
    }
    findings
}

fn name(errno: Option<i64>) -> &'static str {
    match errno {
        Some(errno) => crate::errno::name(errno).unwrap_or("an unusual errno"),
        None => "no errno",
    }
}

/// How many ports there were, and how fast they were taken.
fn range(evidence: &Evidence, made: &[&Event], used: usize) -> Option<String> {
    let range = evidence.setting(made.first()?, "net.ipv4.ip_local_port_range")?;
    let mut ends = range.split_whitespace().map(str::parse::<i64>);
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    let size = high.saturating_sub(low).saturating_add(1).max(0);
    let took: Vec<&&Event> =
        made.iter().filter(|event| event.outcome == Outcome::Established).collect();
    let (first, last) = (took.first()?.time, took.last()?.time);
    let seconds = (last.saturating_sub(first) as f64 / 1e6).max(1.0);
    Some(format!(
        "; {} of the {} ports from {low} to {high} were used, at {:.1} connects/s where {:.1} can \
         last",
        units::count(i64::try_from(used).unwrap_or(i64::MAX)),
        units::count(size),
        took.len() as f64 / seconds,
        size as f64 / TIME_WAIT_S as f64
    ))
}

/// Whether events come from several places that have ports of their own.
#[derive(Clone, Copy)]
struct Several {
    hosts: bool,
    networks: bool,
}

/// Of one host or network namespace among `several` it is said which.
fn finding(
    evidence: &Evidence,
    kind: &'static str,
    events: &[&Event],
    reason: &str,
    several: Several,
) -> Finding {
    let count = weight(events.iter().copied());
    let places = group(events.iter().copied(), |event| (event.dst, event.dst_port));
    let (place, conditions) = match (events.first(), places.len()) {
        (Some(event), 1) => (
            evidence.dst(event.dst, event.dst_port),
            vec![
                command::is("dst_addr", evidence.raw(event.dst)),
                Some(format!("dst_port = {}", event.dst_port)),
            ],
        ),
        (Some(event), _) => {
            (evidence.text(event.net), vec![evidence.in_network(event.net, events)])
        }
        (None, _) => (String::new(), Vec::new()),
    };
    let mut of_kind = vec![Some("outcome = 'local_error'".to_owned())];
    // The events of a finding have one origin.
    let origin = events.first().map(|event| (event.host, event.netns));
    let host = origin.map(|(host, _)| host).filter(|_| several.hosts);
    let netns = origin.map(|(_, netns)| netns).filter(|_| several.networks);
    of_kind.extend(host.map(|host| command::is("host", evidence.raw(host))));
    of_kind.extend(netns.map(|netns| Some(format!("netns = {netns}"))));
    let mut from = host.map_or_else(String::new, |host| format!(" from {}", evidence.text(host)));
    if let Some(netns) = netns {
        from.push_str(&format!(" in network namespace {netns}"));
    }
    Finding {
        kind,
        class: Class::Cause,
        connects: count,
        text: format!(
            "{}{from} to {place} failed before a SYN left: {reason}",
            units::counted(count, "connect")
        ),
        command: evidence.command.events("", &[of_kind, conditions].concat()),
    }
}
