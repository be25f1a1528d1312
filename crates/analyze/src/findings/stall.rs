//! Delays whose place is known: everything at times, or this host.

use super::finding::{self, Finding};
use super::incidents::{incidents, periodic};
use super::material::{Family, Material};
use super::ranks::{ascending, rank};
use super::thresholds::T;
use super::words;
use crate::units;

/// Everything that stood still again and again: one finding, before its rows
/// are taken for anything else.
pub fn stalls(material: &mut Material<'_>) -> Vec<Finding> {
    let Some(incident) = periodic(material, Family::Late) else { return Vec::new() };
    let Some(period) = incident.period else { return Vec::new() };
    let mut finding = finding::of(material, Family::Late, &incident, "stall");
    let waits = ascending(material.events(&incident.bad).iter().map(|event| event.latency_ns));
    let longest = units::duration(rank(&waits, 0.95).unwrap_or(0));
    let who = words::who(material, &incident);
    let head = match (&who.place, &who.origin) {
        (None, None) => "everything stands still, whatever the destination,".to_owned(),
        _ => format!("connects{} stand still", who.connects()),
    };
    let clock = words::Clock::of(material);
    finding.alternatives = vec!["path", "this_host"];
    finding.text = format!(
        "{head} every {} for some {}: {} then took up to {longest}, {} times, the first at {}: the \
         path or this host, not one server{}",
        units::span(period.every),
        units::span(period.length),
        words::share(material, finding.connects, finding.of),
        period.cycles,
        clock.at(period.first),
        words::cost(finding.waited_ns),
    );
    for row in &incident.bad {
        material.claimed[*row as usize] = true;
    }
    vec![finding]
}

/// Connects whose delay lies in this host: far above the measured round trip.
pub fn local(material: &mut Material<'_>) -> Vec<Finding> {
    let (found, _) = incidents(material, Family::LocalDelay);
    let mut findings = Vec::new();
    for incident in found {
        if material.weight(&incident.bad) < T.misfortunes || incident.rate() < 0.2 {
            continue;
        }
        let mut finding = finding::of(material, Family::LocalDelay, &incident, "local_delay");
        let events = material.events(&incident.bad);
        let waits = ascending(events.iter().map(|event| event.latency_ns));
        let trips = ascending(events.iter().filter_map(|event| event.rtt_ns()));
        let who = words::who(material, &incident);
        let at_one_place = who.place.is_some() && who.origin.is_none();
        let why = if at_one_place {
            finding.alternatives = vec!["local_port_search", "host_firewall"];
            "before the SYN left, as when hardly any local port is free"
        } else {
            finding.alternatives = vec!["starved_process", "local_port_search"];
            "in this host, not in the network"
        };
        finding.cause = Some("this_host");
        finding.text = format!(
            "{}{} were held up on this host: p50 {} where the round trip took {}, {}: {why}{}",
            words::share(material, finding.connects, finding.of),
            who.connects(),
            units::duration(rank(&waits, 0.5).unwrap_or(0)),
            units::duration(rank(&trips, 0.5).unwrap_or(0)),
            words::Clock::of(material).when(&incident.when),
            words::cost(finding.waited_ns),
        );
        findings.push(finding);
        for row in &incident.bad {
            material.claimed[*row as usize] = true;
        }
    }
    findings
}
