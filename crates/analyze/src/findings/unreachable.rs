//! Places of which a router or the kernel says that they cannot be reached.

use std::collections::HashSet;

use super::evidence::{group, weight};
use super::finding::{self, Finding};
use super::incident::Incident;
use super::incidents::{incidents, remainder};
use super::material::{Family, Material};
use super::symptom::Symptom;
use super::thresholds::T;
use super::words;
use crate::units;

/// Everything that ended with an ICMP or routing error.
pub fn findings(material: &mut Material<'_>) -> Vec<Finding> {
    let (mut found, left) = incidents(material, Family::Unreachable);
    found.extend(remainder(material, Family::Unreachable, &left));
    let mut findings = Vec::new();
    for mut incident in found {
        let told = incident.bad.clone();
        let mostly = incident.rate() >= 0.5;
        let fewest = if mostly { T.failures } else { T.misfortunes };
        if material.weight(&told) < fewest || incident.rate() < T.share {
            continue;
        }
        let silent = with_silent(material, &mut incident);
        findings.push(describe(material, &incident, &told, silent));
        for row in &incident.bad {
            material.claimed[*row as usize] = true;
        }
    }
    findings
}

/// Routers limit how many ICMP errors they send: other attempts get no answer
/// at all. Those of the same scope and time are counted with them.
fn with_silent(material: &Material<'_>, incident: &mut Incident) -> u64 {
    let known: HashSet<u32> = incident.bad.iter().copied().collect();
    let (first, last) = (incident.when.first, incident.when.last);
    let to = if incident.when.ongoing() { i64::MAX } else { last };
    let inside = material.space.inside_any(&incident.scopes);
    let silent: Vec<u32> = (0..material.verdicts.len() as u32)
        .filter(|row| !known.contains(row) && !material.claimed[*row as usize])
        .filter(|row| {
            let symptom = material.symptom(*row);
            matches!(symptom, Some(Symptom::NoAnswer | Symptom::GivenUp))
        })
        .filter(|row| (first..=to).contains(&material.event(*row).time))
        .filter(|row| inside.holds(*row))
        .collect();
    incident.bad.extend(&silent);
    incident.bad.sort_unstable();
    let latest = incident.bad.iter().map(|row| material.event(*row).time).max();
    incident.when.last = latest.unwrap_or(last);
    material.weight(&silent)
}

fn describe(material: &Material<'_>, incident: &Incident, told: &[u32], silent: u64) -> Finding {
    let mut finding = finding::of(material, Family::Unreachable, incident, "unreachable");
    let clock = words::Clock::of(material);
    let events = material.events(told);
    let errors = group(events.iter().copied(), |event| event.errno);
    let error = errors.iter().max_by_key(|(_, events)| events.len());
    let error =
        error.and_then(|(errno, _)| crate::errno::name((*errno)?.into())).unwrap_or("no errno");
    let who = words::who(material, incident);
    let head = match (&who.place, &who.origin) {
        (Some(place), None) => format!("{place} cannot be reached"),
        (Some(place), Some(origin)) => format!("{place} cannot be reached by {origin}"),
        (None, Some(origin)) => format!("{origin} cannot reach any destination"),
        (None, None) => "nothing can be reached".to_owned(),
    };
    let silent = match silent {
        0 => String::new(),
        count => {
            let count = units::count_u64(count);
            format!(", {count} more without an answer (routers limit such errors)")
        }
    };
    finding.cause = Some("unreachable");
    finding.text = format!(
        "{head}: {}{} ended with {error}{silent}, {}{}",
        units::counted(weight(events.iter().copied()), "connect"),
        words::callers(material, &incident.bad),
        clock.when(&incident.when),
        words::contrast(material, incident, "were answered"),
    );
    finding
}
