//! SYNs that get lost or dropped on the way, some and not all.

use std::collections::BTreeMap;

use connlat_schema::Outcome;

use super::super::evidence::{Event, group};
use super::super::finding::{self, Finding};
use super::super::incident::Incident;
use super::super::material::{Family, Material};
use super::super::ranks::{ascending, rank};
use super::super::scope::is_loopback;
use super::super::when::Pattern;
use super::super::{load, timers, words};
use super::{Kinds, of_a_port};
use crate::units;

pub(super) fn lost(material: &Material<'_>, incident: &Incident, kinds: &Kinds) -> Finding {
    let events = material.events(&incident.bad);
    let always = incident.rate() >= 0.95 && kinds.got_through == kinds.all();
    let who = words::who(material, incident);
    let place = who.connects();
    let clock = words::Clock::of(material);
    if always && incident.good_else == 0 {
        let mut finding = finding::of(material, Family::Unanswered, incident, "slow");
        let waits = ascending(events.iter().map(|event| event.latency_ns));
        let (low, high) = (rank(&waits, 0.1).unwrap_or(0), rank(&waits, 0.9).unwrap_or(0));
        finding.alternatives = vec!["round_trip_above_timer", "first_syn_dropped"];
        finding.text = format!(
            "{}{place} took {} to {}, past the retry timer: a round trip longer than the timer, or \
             something that never passes the first SYN; the rows cannot tell",
            words::share(material, finding.connects, finding.of),
            units::duration(low),
            units::duration(high)
        );
        return finding;
    }
    let mut finding = finding::of(material, Family::Unanswered, incident, "syn_loss");
    let here = events
        .iter()
        .all(|event| event.src == event.dst || is_loopback(material.evidence.raw(event.dst)));
    let port = of_a_port(material, incident);
    let (alternatives, why) = match (here, port) {
        (true, _) => (
            vec!["listen_queue", "rate_limiter"],
            "; no network lies between: a full listen queue, or a rate limit",
        ),
        (false, true) => (
            vec!["listen_queue", "rate_limiter", "packet_loss"],
            "; a full listen queue, a rate limit or loss",
        ),
        (false, false) => (vec!["packet_loss", "connection_table_full", "rate_limiter"], ""),
    };
    finding.alternatives = alternatives;
    let subject = if incident.everything() { " to everywhere".to_owned() } else { place };
    let failed = match kinds.in_vain + kinds.given_up {
        0 => String::new(),
        count => format!(", {} in vain", units::count_u64(count)),
    };
    finding.text = format!(
        "SYNs{subject} get lost or dropped: {} sent one again ({}){failed}{}, {}{}{why}{}",
        words::share(material, finding.connects, finding.of),
        units::percent(incident.rate()),
        steps(material, &events),
        clock.when(&incident.when),
        elsewhere(material, incident),
        words::cost(finding.waited_ns),
    );
    // More connects just before: they make the queue that drops them.
    let spell = incident.when.pattern == Pattern::Interval;
    if let Some(spike) = load::spike(material, incident).filter(|_| spell) {
        finding.kind = "load_spike";
        finding.cause = Some("load");
        finding.text.push_str(&spike.text);
    }
    finding
}

fn elsewhere(material: &Material<'_>, incident: &Incident) -> String {
    let (bad, all) = (incident.outside.bad as u64, incident.outside.all as u64);
    match all {
        _ if material.evidence.partial || incident.everything() => String::new(),
        0 => "; there is nothing to compare with".to_owned(),
        all => format!("; {} of {} elsewhere", units::count_u64(bad), units::count_u64(all)),
    }
}

/// Where the latencies of those that got through lie: on the retry timer.
pub(super) fn steps(material: &Material<'_>, events: &[&Event]) -> String {
    let mut counted: BTreeMap<i64, u64> = BTreeMap::new();
    for events in group(events.iter().copied(), |event| (event.machine, event.netns)).values() {
        let Some(first) = events.first() else { continue };
        let times = timers::retry_times(timers::linear(material.evidence, first));
        for event in events.iter().filter(|event| event.outcome == Outcome::Established) {
            if let Some(at) = timers::step(event, &times) {
                *counted.entry(at / 1_000_000_000).or_default() += u64::from(event.weight);
            }
        }
    }
    if counted.is_empty() {
        return String::new();
    }
    let steps: Vec<String> =
        counted.iter().take(3).map(|(at, count)| format!("{count} after {at} s")).collect();
    format!(", answered {}", steps.join(", "))
}
