//! Destinations that are slow while the rest is fine.

use std::collections::BTreeSet;

use super::evidence::{Event, Evidence, group, quantile, weight};
use super::{Class, Finding, command};
use crate::units;

/// Measured connects that carry a comparison.
const FEWEST: usize = 20;
/// How many times slower than the rest …
const TIMES_SLOWER: f64 = 5.0;
/// … and by how much at least, ns.
const AT_LEAST: i64 = 5_000_000;
/// p90 against the fastest tenth: one that is only far away is always alike.
const SPREAD: f64 = 2.0;
/// Share of a destination's connects from held-up processes that explains it.
const EXPLAINED: f64 = 0.8;

/// Networks or destinations whose latency stands out.
pub fn destinations(evidence: &Evidence, held_up: &BTreeSet<(usize, usize)>) -> Vec<Finding> {
    // What sent a SYN again is another finding.
    let plain: Vec<&Event> =
        evidence.events.iter().filter(|event| event.measured && event.retransmits == 0).collect();
    let nets = group(plain.iter().copied(), |event| event.net);
    let mut findings = Vec::new();
    for (net, events) in &nets {
        let rest: Vec<&Event> = plain.iter().copied().filter(|event| event.net != *net).collect();
        let hosts = group(events.iter().copied(), |event| event.dst);
        let enough = hosts.values().filter(|events| events.len() >= FEWEST).count();
        let slow_hosts: Vec<usize> = hosts
            .iter()
            .filter(|(host, events)| {
                let others: Vec<&Event> =
                    plain.iter().copied().filter(|event| event.dst != **host).collect();
                stands_out(events, &others) && !explained(events, held_up)
            })
            .map(|(host, _)| *host)
            .collect();
        if enough > 1 && stands_out(events, &rest) && !explained(events, held_up) {
            findings.push(finding(
                evidence,
                "slow_subnet",
                &evidence.text(*net),
                events,
                &rest,
                command::in_network(evidence.raw(*net)),
            ));
            continue;
        }
        for host in slow_hosts {
            let events = &hosts[&host];
            let rest: Vec<&Event> = plain.iter().copied().filter(|e| e.dst != host).collect();
            let ports: BTreeSet<i64> = events.iter().map(|event| event.dst_port).collect();
            let place = match ports.first() {
                Some(port) if ports.len() == 1 => evidence.dst(host, *port),
                _ => evidence.text(host),
            };
            let condition = command::is("dst_addr", evidence.raw(host));
            findings.push(finding(evidence, "slow_destination", &place, events, &rest, condition));
        }
    }
    findings
}

fn stands_out(events: &[&Event], rest: &[&Event]) -> bool {
    if events.len() < FEWEST || rest.len() < FEWEST {
        return false;
    }
    let own = quantile(events.iter().copied(), 0.5);
    let other = quantile(rest.iter().copied(), 0.5);
    let (fast, slow) =
        (quantile(events.iter().copied(), 0.1), quantile(events.iter().copied(), 0.9));
    own as f64 >= TIMES_SLOWER * other as f64
        && own.saturating_sub(other) >= AT_LEAST
        && slow as f64 >= SPREAD * fast as f64
}

fn explained(events: &[&Event], held_up: &BTreeSet<(usize, usize)>) -> bool {
    let theirs =
        events.iter().filter(|event| held_up.contains(&(event.comm, event.cgroup))).count();
    theirs as f64 >= EXPLAINED * events.len() as f64
}

fn finding(
    evidence: &Evidence,
    kind: &'static str,
    place: &str,
    events: &[&Event],
    rest: &[&Event],
    condition: Option<String>,
) -> Finding {
    let of = |events: &[&Event], q: f64| units::duration(quantile(events.iter().copied(), q));
    let count = weight(events.iter().copied());
    Finding {
        kind,
        class: Class::Cause,
        connects: count,
        text: format!(
            "{place} is slow: p50 {} and p90 {} of {}, where the rest has {} and {}; its fastest \
             tenth takes {}, so it is not distance alone",
            of(events, 0.5),
            of(events, 0.9),
            units::counted(count, "connect"),
            of(rest, 0.5),
            of(rest, 0.9),
            of(events, 0.1)
        ),
        command: evidence.command.events("--established", &[condition]),
    }
}
