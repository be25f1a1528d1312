//! Causes on this host: no local port left, or a process that is held up.

use std::collections::BTreeSet;

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group, quantile, weight};
use super::{Class, Finding, command};
use crate::units;

/// errno of a connect for which no port is free.
const EADDRNOTAVAIL: i64 = 99;
/// Failed connects that make a finding.
const FEWEST_FAILED: usize = 3;
/// Measured connects of a process that carry a comparison.
const FEWEST: usize = 20;
/// The same, to one destination.
const FEWEST_EACH: usize = 5;
/// How many times slower makes a finding …
const TIMES_SLOWER: f64 = 5.0;
/// … and by how much at least, ns.
const AT_LEAST: i64 = 1_000_000;
/// What is compared: a starved process is held up now and then, not always.
const QUANTILE: f64 = 0.95;
/// How long a port stays taken after a close: TIME_WAIT, s.
const TIME_WAIT_S: i64 = 60;

/// Connects that failed before a SYN left, by source and destination.
pub fn no_ports(evidence: &Evidence) -> Vec<Finding> {
    let failed = evidence.events.iter().filter(|event| event.outcome == Outcome::LocalError);
    let key = |event: &Event| (event.dst, event.dst_port);
    let mut findings = Vec::new();
    for ((dst, port), events) in group(failed, key) {
        if events.len() < FEWEST_FAILED {
            continue;
        }
        let count = weight(events.iter().copied());
        let place = evidence.dst(dst, port);
        let known = events.iter().find_map(|event| event.errno);
        let same: Vec<&Event> =
            evidence.events.iter().filter(|event| key(event) == (dst, port)).collect();
        let made = || same.iter().copied().filter(|event| event.outcome == Outcome::Established);
        let used: BTreeSet<i64> =
            made().map(|event| event.src_port).filter(|port| *port > 0).collect();
        let exhausted = known.is_none_or(|errno| errno == EADDRNOTAVAIL);
        let range = evidence.sysctls.get("net.ipv4.ip_local_port_range").and_then(|range| {
            let mut ends = range.split_whitespace().map(str::parse::<i64>);
            Some((ends.next()?.ok()?, ends.next()?.ok()?))
        });
        let error = match known {
            Some(errno) => crate::question::errno_name(errno).unwrap_or("an unusual errno"),
            None => "no errno",
        };
        let (kind, reason) = if exhausted && !used.is_empty() {
            let range = range.map_or_else(String::new, |(low, high)| {
                let size = high.saturating_sub(low).saturating_add(1).max(0);
                let seconds = evidence.span().map_or(0, |(first, last)| (last - first) / 1_000_000);
                let rate = weight(made()) as f64 / seconds.max(1) as f64;
                let most = size as f64 / TIME_WAIT_S as f64;
                format!(
                    "; {} of the {} ports from {low} to {high} were used, at {rate:.1} connects/s \
                     where {most:.1} can last",
                    units::count(i64::try_from(used.len()).unwrap_or(i64::MAX)),
                    units::count(size)
                )
            });
            ("port_exhaustion", format!("no local port was free ({error}){range}"))
        } else {
            ("local_error", format!("the kernel refused them here ({error})"))
        };
        findings.push(Finding {
            kind,
            class: Class::Cause,
            connects: count,
            text: format!(
                "{} to {place} failed before a SYN left: {reason}",
                units::counted(count, "connect")
            ),
            command: evidence.command.events(
                "--failed",
                &[
                    Some("outcome = 'local_error'".to_owned()),
                    command::is("dst_addr", evidence.raw(dst)),
                    Some(format!("dst_port = {port}")),
                ],
            ),
        });
    }
    findings
}

/// Processes that are slow wherever they connect.
pub struct HeldUp {
    pub findings: Vec<Finding>,
    /// (comm, cgroup).
    pub who: BTreeSet<(usize, usize)>,
}

/// Who is slow where others are not, or slower than the network.
pub fn held_up(evidence: &Evidence) -> HeldUp {
    // What sent a SYN again is slow because of that.
    let plain: Vec<&Event> =
        evidence.events.iter().filter(|event| event.measured && event.retransmits == 0).collect();
    let mut held_up = HeldUp { findings: Vec::new(), who: BTreeSet::new() };
    let by_who = group(plain.iter().copied(), |event| (event.comm, event.cgroup));
    let by_place = group(plain.iter().copied(), |event| (event.dst, event.dst_port));
    for (who, events) in &by_who {
        if events.len() < FEWEST {
            continue;
        }
        let own = quantile(events.iter().copied(), QUANTILE);
        let compared = compare(*who, events, &by_place);
        let network = beside_the_network(events);
        let by_others = compared.places > 0 && compared.slow == compared.places;
        let by_network = compared.places == 0 && network.is_some();
        if !by_others && !by_network {
            continue;
        }
        held_up.who.insert(*who);
        let name = evidence.text(who.0);
        let cgroup = match evidence.text(who.1) {
            empty if empty.is_empty() => String::new(),
            path => format!(" in {path}"),
        };
        let others = if by_others {
            format!(
                "; others connect to the same {} in {}",
                if compared.places == 1 { "place" } else { "places" },
                units::duration(compared.others)
            )
        } else {
            String::new()
        };
        let network = network.map_or_else(String::new, |rtt| {
            format!("; the network took {} of the slowest", units::duration(rtt))
        });
        held_up.findings.push(Finding {
            kind: "local_delay",
            class: Class::Cause,
            connects: weight(events.iter().copied()),
            text: format!(
                "{name}{cgroup} is held up on this host: 5 % of its {} take {} or more{others}{network}",
                units::counted(weight(events.iter().copied()), "connect"),
                units::duration(own)
            ),
            command: evidence.command.events(
                "",
                &[
                    command::is("comm", evidence.raw(who.0)),
                    command::is("cgroup", evidence.raw(who.1)),
                    Some(format!("latency_ns >= {own}")),
                ],
            ),
        });
    }
    held_up
}

struct Compared {
    /// Destinations it shares with others.
    places: usize,
    /// Those where it is slow and others are not.
    slow: usize,
    /// What others take at most.
    others: i64,
}

type Places<'a> = std::collections::BTreeMap<(usize, i64), Vec<&'a Event>>;

fn compare(who: (usize, usize), events: &[&Event], by_place: &Places<'_>) -> Compared {
    let mut compared = Compared { places: 0, slow: 0, others: 0 };
    for (place, own) in group(events.iter().copied(), |event| (event.dst, event.dst_port)) {
        let all = by_place.get(&place).map_or(&[][..], Vec::as_slice);
        let others = || all.iter().copied().filter(|event| (event.comm, event.cgroup) != who);
        if own.len() < FEWEST_EACH || others().count() < FEWEST_EACH {
            continue;
        }
        let (own, others) = (quantile(own, QUANTILE), quantile(others(), QUANTILE));
        compared.places += 1;
        compared.slow += usize::from(much_slower(own, others));
        compared.others = compared.others.max(others);
    }
    compared
}

fn much_slower(own: i64, other: i64) -> bool {
    own as f64 >= TIMES_SLOWER * other as f64 && own.saturating_sub(other) >= AT_LEAST
}

/// The round trip of the slowest connects, ns, if it is a small part of them:
/// the kernel measures it from the SYN to its answer, without what comes before.
fn beside_the_network(events: &[&Event]) -> Option<i64> {
    let slow = quantile(events.iter().copied(), QUANTILE);
    let slowest = events.iter().filter(|event| event.latency_ns >= slow);
    let mut round_trips: Vec<i64> =
        slowest.filter_map(|event| event.rtt_us).map(|us| us.saturating_mul(1_000)).collect();
    round_trips.sort_unstable();
    let rtt = super::evidence::rank(&round_trips, 0.5)?;
    much_slower(slow, rtt).then_some(rtt)
}
