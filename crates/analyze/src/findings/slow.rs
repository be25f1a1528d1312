//! Destinations that are slow while the rest is fine.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Event, Evidence, group, weight};
use super::ranks::{rank, rank_without, sorted};
use super::{Class, Finding, command};
use crate::units;

/// Measured connects that carry a comparison.
const FEWEST: usize = 20;
/// How many times slower than the rest …
const TIMES_SLOWER: f64 = 5.0;
/// … and by how much at least, ns.
const AT_LEAST: i64 = 5_000_000;
/// p90 against the fastest tenth: one that is only far away is always alike.
/// More, and more connects, if only the slower ones stand out.
const SPREAD: f64 = 3.0;
const SPREAD_P90: f64 = 5.0;
const FEWEST_P90: usize = 50;
/// Share of a network's hosts that makes it the network.
const MOST_HOSTS: f64 = 0.8;

/// Networks or destinations whose latency stands out.
pub fn destinations(evidence: &Evidence, held_up: &BTreeSet<(usize, usize)>) -> Vec<Finding> {
    // What sent a SYN again, and who is slow everywhere, is another finding.
    let plain = || {
        evidence.events.iter().filter(|event| {
            event.measured
                && event.retransmits == 0
                && !held_up.contains(&(event.comm, event.cgroup))
        })
    };
    let all = sorted(plain());
    let mut findings = Vec::new();
    for (net, events) in group(plain(), |event| event.net) {
        let hosts = group(events.iter().copied(), |event| event.dst);
        let own = sorted(events.iter().copied());
        let whole = Compared { own: &own, others: &own, all: &all };
        let slow = slow_hosts(&hosts, &whole);
        let enough = hosts.values().filter(|events| events.len() >= FEWEST).count();
        let most = slow.len() > 1 && slow.len() as f64 >= MOST_HOSTS * enough as f64;
        let scattered = enough == 0 && hosts.len() > 2;
        if most || (scattered && whole.stands_out()) {
            let place = evidence.text(net);
            let condition = evidence.in_network(net, &events);
            findings.push(finding(evidence, "slow_subnet", &place, &whole, &events, condition));
            continue;
        }
        for host in slow {
            let events = &hosts[&host];
            let ports: BTreeSet<i64> = events.iter().map(|event| event.dst_port).collect();
            let place = match ports.first() {
                Some(port) if ports.len() == 1 => evidence.dst(host, *port),
                _ => evidence.text(host),
            };
            let condition = command::is("dst_addr", evidence.raw(host));
            let own = sorted(events.iter().copied());
            let compared = Compared { own: &own, others: &own, all: &all };
            let kind = "slow_destination";
            findings.push(finding(evidence, kind, &place, &compared, events, condition));
        }
    }
    findings
}

fn slow_hosts(hosts: &BTreeMap<usize, Vec<&Event>>, net: &Compared<'_>) -> Vec<usize> {
    let slow = hosts.iter().filter(|(_, events)| {
        let own = sorted(events.iter().copied());
        // Its neighbours may be as slow, so others are those of other networks
        // if there are any.
        let others = if net.rest() >= FEWEST { net.own } else { &own };
        let compared = Compared { own: &own, others, all: net.all };
        compared.stands_out()
    });
    slow.map(|(host, _)| *host).collect()
}

/// Latencies of a place beside those of the rest, all in ascending order.
struct Compared<'a> {
    own: &'a [i64],
    /// What is not the rest.
    others: &'a [i64],
    all: &'a [i64],
}

impl Compared<'_> {
    fn rest(&self) -> usize {
        self.all.len() - self.others.len()
    }

    fn at(&self, q: f64) -> (i64, i64) {
        let rest = rank_without(self.all, self.others, q);
        (rank(self.own, q).unwrap_or(0), rest.unwrap_or(0))
    }

    fn stands_out(&self) -> bool {
        if self.own.len() < FEWEST || self.rest() < FEWEST {
            return false;
        }
        let slower = |q: f64| {
            let (own, rest) = self.at(q);
            own as f64 >= TIMES_SLOWER * rest as f64 && own.saturating_sub(rest) >= AT_LEAST
        };
        let spread = self.at(0.9).0 as f64 / self.at(0.1).0.max(1) as f64;
        (spread >= SPREAD && slower(0.5))
            || (spread >= SPREAD_P90 && self.own.len() >= FEWEST_P90 && slower(0.9))
    }
}

fn finding(
    evidence: &Evidence,
    kind: &'static str,
    place: &str,
    compared: &Compared<'_>,
    events: &[&Event],
    condition: Option<String>,
) -> Finding {
    let count = weight(events.iter().copied());
    let ((p50, rest_p50), (p90, rest_p90)) = (compared.at(0.5), compared.at(0.9));
    Finding {
        kind,
        class: Class::Cause,
        connects: count,
        text: format!(
            "{place} is slow: p50 {} and p90 {} of {}, where the rest has {} and {}; its fastest \
             tenth takes {}, so it is not distance alone",
            units::duration(p50),
            units::duration(p90),
            units::counted(count, "connect"),
            units::duration(rest_p50),
            units::duration(rest_p90),
            units::duration(compared.at(0.1).0)
        ),
        command: evidence.command.events("--established", &[condition]),
    }
}
