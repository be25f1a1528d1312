//! Refused connects: a server that was away for a while, one of several that
//! does not listen, a port where nothing ever did, or a firewall.

use super::evidence::Event;
use super::finding::{self, Class, Finding};
use super::incident::Incident;
use super::incidents::{incidents, remainder};
use super::material::{Family, Material};
use super::ranks::{ascending, rank};
use super::scope::{Dimension, is_link_local};
use super::symptom::Symptom;
use super::thresholds::T;
use super::when::Pattern;
use super::words;
use crate::units;

/// How many times fewer runs of refusals there must be than chance would make.
const FEWER_RUNS: f64 = 3.0;

/// Everything about refusals.
pub fn findings(material: &mut Material<'_>) -> Vec<Finding> {
    let (mut found, left) = incidents(material, Family::Refused);
    found.extend(remainder(material, Family::Refused, &left));
    let mut findings = Vec::new();
    for incident in found {
        let Some(finding) = describe(material, &incident) else { continue };
        for row in &incident.bad {
            material.claimed[*row as usize] = true;
        }
        if finding.kind == "refused_late" {
            claim_waiting(material, &incident);
        }
        findings.push(finding);
    }
    findings
}

fn describe(material: &Material<'_>, incident: &Incident) -> Option<Finding> {
    let refused = material.weight(&incident.bad);
    let mostly = incident.rate() >= 0.5;
    let fewest = if mostly { T.failures } else { T.misfortunes };
    if refused < fewest || incident.rate() < T.share {
        return None;
    }
    if incident.everything() && !mostly {
        // Stray refusals here and there.
        return None;
    }
    let late = incident
        .bad
        .iter()
        .filter(|row| material.symptom(**row) == Some(Symptom::RefusedLate))
        .count();
    if late * 10 >= incident.bad.len() * 7 {
        return Some(reset_late(material, incident));
    }
    let who = words::who(material, incident);
    let clock = words::Clock::of(material);
    let linked = || {
        let mut events = material.events(&incident.bad).into_iter();
        events.any(|event| is_link_local(material.evidence.raw(event.dst)))
    };
    let (kind, text) = match incident.when.pattern {
        _ if who.origin.is_some() => by_origin(material, incident, &who),
        Pattern::Always => always(material, incident, &who),
        Pattern::Scattered if linked() => mixed_links(material, incident, &who),
        Pattern::Scattered if incident.spells == 1 && !in_runs(material, incident) => {
            now_and_then(material, incident, &who)
        }
        Pattern::Interval if !is_one_spell(incident) && !in_runs(material, incident) => {
            now_and_then(material, incident, &who)
        }
        _ => {
            let place = who.place.unwrap_or_else(|| "everything".to_owned());
            let around = around(incident);
            let when = match incident.spells {
                _ if is_one_spell(incident) => clock.when(&incident.when),
                _ => {
                    let (first, last) = (incident.when.first, incident.when.last);
                    format!("in several spells from {} to {}", clock.at(first), clock.at(last))
                }
            };
            let text = format!(
                "{place} refused {}{} {when}; {around}",
                words::share(
                    material,
                    refused,
                    refused.saturating_add(material.weight(&incident.good))
                ),
                words::callers(material, &incident.bad),
            );
            ("refused_burst", text)
        }
    };
    let mut finding = finding::of(material, Family::Refused, incident, kind);
    if kind == "closed_port" {
        finding.class = Class::Standing;
    }
    finding.alternatives = match kind {
        "refused" => vec!["policy", "firewall"],
        "closed_port" => vec!["nothing_listens", "firewall"],
        "one_bad_server" => vec!["one_of_several_servers", "full_queue"],
        "refused_often" => vec!["two_neighbours", "one_of_several_servers"],
        _ => vec!["restart", "firewall"],
    };
    finding.text = text;
    Some(finding)
}

/// Connects that were given up, or in flight, before the reset that the others
/// got would have come.
fn claim_waiting(material: &mut Material<'_>, incident: &Incident) {
    let latest = material.events(&incident.bad).iter().map(|event| event.latency_ns).max();
    let latest = latest.unwrap_or(0);
    let inside = material.space.inside_any(&incident.scopes);
    let waits = |row: &u32| {
        let waits = matches!(material.symptom(*row), Some(Symptom::NoAnswer | Symptom::GivenUp));
        waits && material.event(*row).latency_ns <= latest + latest / 10
    };
    let rows = 0..material.verdicts.len() as u32;
    let waiting: Vec<u32> = rows.filter(|row| waits(row) && inside.holds(*row)).collect();
    for row in waiting {
        material.claimed[row as usize] = true;
    }
}

/// Whether hardly anything was accepted from its beginning to its end.
fn is_one_spell(incident: &Incident) -> bool {
    let single = incident.spells == 1 && incident.when.pattern != Pattern::Scattered;
    single && incident.rate() >= 0.8
}

fn around(incident: &Incident) -> &'static str {
    let when = &incident.when;
    if !is_one_spell(incident) {
        return "it answered between: servers restart, again and again or one after the other";
    }
    match (when.began, when.ended) {
        (Some(_), Some(_)) => "it answered before and after: the server restarted, or was rejected",
        (Some(_), None) => "it had answered before: the server stopped, or a firewall rejects",
        (None, Some(_)) => "it answered afterwards: the server was starting",
        (None, None) => "it did not answer in between",
    }
}

fn always(
    material: &Material<'_>,
    incident: &Incident,
    who: &words::Who,
) -> (&'static str, String) {
    let place = who.place.clone().unwrap_or_else(|| "everything".to_owned());
    let text = format!(
        "{place} refused {} ({}{}) from the first on: nothing listens there, or \
         a firewall rejects",
        if material.evidence.one_in > 1 { "what was recorded" } else { "every connect" },
        units::counted(material.weight(&incident.bad), "connect"),
        words::callers(material, &incident.bad),
    );
    ("closed_port", text)
}

fn by_origin(
    material: &Material<'_>,
    incident: &Incident,
    who: &words::Who,
) -> (&'static str, String) {
    let clock = words::Clock::of(material);
    let origin = who.origin.clone().unwrap_or_default();
    let refused = material.weight(&incident.bad);
    let of = refused.saturating_add(material.weight(&incident.good));
    let many = words::share(material, refused, of);
    let others = (incident.outside.all - incident.outside.bad).max(0.0) as u64;
    let others = units::count_u64(others);
    let when = clock.when(&incident.when);
    let dimension = |condition: &u32| material.space.dimension(*condition);
    let network =
        |condition: &u32| matches!(dimension(condition), Dimension::Netns | Dimension::Host);
    // Another namespace or machine is another world: its port may be closed.
    if incident.scopes.iter().flatten().any(network) {
        let examples = words::examples(material, incident);
        let place = match (&who.place, examples.as_slice()) {
            (Some(place), _) => place.clone(),
            (None, [one]) => one.clone(),
            (None, _) => format!("{} destinations", examples.len()),
        };
        let kind = match incident.when.pattern {
            Pattern::Always => "closed_port",
            Pattern::Interval => "refused_burst",
            _ => "refused",
        };
        let text = format!(
            "{place} refused {many} of {origin} {when}: nothing listens there as seen from it, or a \
             firewall rejects; {others} were accepted elsewhere"
        );
        return (kind, text);
    }
    let place = who
        .place
        .as_ref()
        .map_or_else(|| "by every destination".to_owned(), |place| format!("by {place}"));
    let text = format!(
        "{origin} is refused {place}: {many} {when}; {others} of others were accepted: a policy or \
         firewall for it, not a stopped server"
    );
    ("refused", text)
}

fn now_and_then(
    material: &Material<'_>,
    incident: &Incident,
    who: &words::Who,
) -> (&'static str, String) {
    let refused = material.weight(&incident.bad);
    let of = refused.saturating_add(material.weight(&incident.good));
    let place = who.place.clone().unwrap_or_else(|| "everything".to_owned());
    let share = words::share(material, refused, of);
    let rate = units::percent(refused as f64 / of.max(1) as f64);
    let place_only = |condition: &u32| {
        let dimension = material.space.dimension(*condition);
        matches!(dimension, Dimension::Service | Dimension::Address)
    };
    let one = incident.scopes.len() == 1
        && incident.scopes[0].iter().any(place_only)
        && incident.rate() >= T.mode_share;
    let kind = if one { "one_bad_server" } else { "refused_often" };
    let text = format!(
        "{place} refused {share} ({rate}){}, now and then and whoever asked: {}",
        words::callers(material, &incident.bad),
        if one {
            "as if one of several servers behind it did not listen, or a queue overflowed"
        } else {
            "servers or a firewall refuse, or queues overflow"
        }
    );
    (kind, text)
}

/// The same link-local address may be two neighbours.
fn mixed_links(
    material: &Material<'_>,
    incident: &Incident,
    who: &words::Who,
) -> (&'static str, String) {
    let refused = material.weight(&incident.bad);
    let of = refused.saturating_add(material.weight(&incident.good));
    let place = who.place.clone().unwrap_or_default();
    let text = format!(
        "{place} refused {}; the address is link-local and the link is not recorded, so these may \
         be two neighbours",
        words::share(material, refused, of)
    );
    ("refused_often", text)
}

fn reset_late(material: &Material<'_>, incident: &Incident) -> Finding {
    let mut finding = finding::of(material, Family::Refused, incident, "refused_late");
    let clock = words::Clock::of(material);
    let events = material.events(&incident.bad);
    let waits = ascending(events.iter().map(|event| event.latency_ns));
    let usual = events
        .first()
        .and_then(|event| material.usual.service(event).or_else(|| material.usual.network(event)));
    let usual = usual.map_or_else(String::new, |usual| {
        format!(", where an answer takes {}", units::duration(usual.p50))
    });
    let place = words::who(material, incident).connects();
    finding.cause = Some("firewall");
    finding.alternatives = vec!["firewall", "middlebox"];
    finding.text = format!(
        "{}{place} were reset only after {}{usual}, {}: a firewall or another box between, not a \
         stopped server{}",
        words::share(material, finding.connects, finding.of),
        units::duration(rank(&waits, 0.5).unwrap_or(0)),
        clock.when(&incident.when),
        words::cost(finding.waited_ns),
    );
    finding
}

/// Whether refusals of each destination come in fewer runs than chance would
/// make.
fn in_runs(material: &Material<'_>, incident: &Incident) -> bool {
    let mut rows: Vec<(&Event, bool)> =
        incident.bad.iter().map(|row| (material.event(*row), true)).collect();
    rows.extend(incident.good.iter().map(|row| (material.event(*row), false)));
    rows.sort_by_key(|(event, _)| (event.dst, event.dst_port, event.time, event.start_ns));
    let (mut runs, mut chance) = (0.0, 0.0);
    let place = |row: &(&Event, bool)| (row.0.dst, row.0.dst_port);
    for rows in rows.chunk_by(|a, b| place(a) == place(b)) {
        let starts = rows.windows(2).filter(|pair| !pair[0].1 && pair[1].1).count();
        let refused = rows.iter().filter(|row| row.1).count() as f64;
        runs += starts as f64 + if rows[0].1 { 1.0 } else { 0.0 };
        chance += refused * (rows.len() as f64 - refused + 1.0) / rows.len() as f64;
    }
    runs * FEWER_RUNS <= chance
}
