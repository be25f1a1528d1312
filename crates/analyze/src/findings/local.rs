//! A cause on this host: a process that is held up wherever it connects.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Event, Evidence, group, weight};
use super::ranks::{quantile, rank, rank_without, sorted};
use super::{Class, Finding, command};
use crate::units;

/// Measured connects of a process that carry a comparison.
const FEWEST: usize = 20;
/// The same, to one destination.
const FEWEST_EACH: usize = 5;
/// How many times slower makes a finding …
const TIMES_SLOWER: f64 = 5.0;
/// … and by how much at least, ns.
const AT_LEAST: i64 = 1_000_000;
/// Connects that must be so slow: one or two are no pattern.
const FEWEST_SLOW: usize = 5;
/// What is compared: a starved process is held up now and then, not always.
const QUANTILE: f64 = 0.95;
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
    let by_place: Places =
        by_place.into_iter().map(|(place, events)| (place, sorted(events))).collect();
    for (who, events) in &by_who {
        if events.len() < FEWEST {
            continue;
        }
        let own = quantile(events.iter().copied(), QUANTILE);
        let compared = compare(events, &by_place);
        let network = beside_the_network(events);
        let by_others = compared.places > 0
            && compared.slow == compared.places
            && compared.slow_connects >= FEWEST_SLOW;
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
    /// Connects there that are.
    slow_connects: usize,
    /// What others take at most.
    others: i64,
}

/// Latencies by destination, ascending.
type Places = BTreeMap<(usize, i64), Vec<i64>>;

fn compare(events: &[&Event], places: &Places) -> Compared {
    let mut compared = Compared { places: 0, slow: 0, slow_connects: 0, others: 0 };
    for (place, own) in group(events.iter().copied(), |event| (event.dst, event.dst_port)) {
        let all = places.get(&place).map_or(&[][..], Vec::as_slice);
        let own = sorted(own);
        if own.len() < FEWEST_EACH || all.len() < own.len() + FEWEST_EACH {
            continue;
        }
        let others = rank_without(all, &own, QUANTILE).unwrap_or(0);
        compared.places += 1;
        compared.slow_connects += own.iter().filter(|ns| much_slower(**ns, others)).count();
        compared.slow += usize::from(much_slower(rank(&own, QUANTILE).unwrap_or(0), others));
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
    if slowest.clone().count() < FEWEST_SLOW {
        return None;
    }
    let mut round_trips: Vec<i64> =
        slowest.filter_map(|event| event.rtt_us).map(|us| us.saturating_mul(1_000)).collect();
    round_trips.sort_unstable();
    let rtt = rank(&round_trips, 0.5)?;
    much_slower(slow, rtt).then_some(rtt)
}
