//! SYNs without an answer: places that are silent, and SYNs that get lost or
//! dropped on the way.

mod lost;

use std::collections::HashSet;

use connlat_schema::Outcome;

use super::evidence::{Event, TextId, group};
use super::finding::{self, Class, Finding};
use super::incident::Incident;
use super::incidents::{incidents, remainder};
use super::material::{Family, Material};
use super::ranks::{ascending, rank};
use super::scope::Dimension;
use super::symptom::Symptom;
use super::thresholds::T;
use super::when::Pattern;
use super::words;
use crate::units;
use lost::{lost, steps};

/// Everything about SYNs that were not answered.
pub fn findings(material: &mut Material<'_>) -> Vec<Finding> {
    let (found, left) = incidents(material, Family::Unanswered);
    let mut findings = Vec::new();
    let mut rest = left;
    for incident in found {
        match describe(material, &incident) {
            Some(finding) => {
                for row in &incident.bad {
                    material.claimed[*row as usize] = true;
                }
                findings.push(finding);
            }
            None => rest.extend(&incident.bad),
        }
    }
    rest.sort_unstable();
    if let Some(incident) = remainder(material, Family::Unanswered, &rest) {
        let finding = everywhere(material, &incident);
        if finding.is_some() {
            for row in &incident.bad {
                material.claimed[*row as usize] = true;
            }
        }
        findings.extend(finding);
    }
    findings
}

/// How many bad rows had which symptom.
struct Kinds {
    in_vain: u64,
    given_up: u64,
    got_through: u64,
}

impl Kinds {
    fn of(material: &Material<'_>, rows: &[u32]) -> Self {
        let count = |wanted: Symptom| {
            let rows = rows.iter().copied().filter(|row| material.symptom(*row) == Some(wanted));
            material.weight(&rows.collect::<Vec<_>>())
        };
        Self {
            in_vain: count(Symptom::NoAnswer),
            given_up: count(Symptom::GivenUp),
            got_through: count(Symptom::RepeatedSyn),
        }
    }

    fn all(&self) -> u64 {
        self.in_vain + self.given_up + self.got_through
    }
}

fn describe(material: &Material<'_>, incident: &Incident) -> Option<Finding> {
    let kinds = Kinds::of(material, &incident.bad);
    if kinds.in_vain < T.failures && kinds.all() < T.misfortunes {
        return None;
    }
    if incident.rate() < T.share {
        return None;
    }
    if is_silent(material, incident, &kinds) {
        return Some(silent(material, incident, &kinds));
    }
    if material.evidence.partial {
        return None;
    }
    if is_one_of_several(material, incident, &kinds) {
        return Some(one_of_several(material, incident, &kinds));
    }
    Some(lost(material, incident, &kinds))
}

/// Whether nothing was answered while it lasted: those that got through did so
/// when it was over.
fn is_silent(material: &Material<'_>, incident: &Incident, kinds: &Kinds) -> bool {
    let last = material.evidence.events.iter().map(Event::end_ns);
    let events = material.events(&incident.bad);
    let end = match incident.when.ended {
        Some(_) => events.iter().map(|event| event.start_ns).max().unwrap_or(0),
        None => last.max().unwrap_or(0),
    };
    let slack = 200_000_000;
    let meanwhile = events
        .iter()
        .filter(|event| event.outcome == Outcome::Established && event.end_ns() < end - slack);
    let meanwhile = words::total(&meanwhile.copied().collect::<Vec<_>>());
    let scattered = incident.when.pattern == Pattern::Scattered && incident.spells == 1;
    incident.rate() >= 0.8 && !scattered && meanwhile * 10 <= kinds.all()
}

fn silent(material: &Material<'_>, incident: &Incident, kinds: &Kinds) -> Finding {
    let mut finding = finding::of(material, Family::Unanswered, incident, "no_answer");
    let who = words::who(material, incident);
    let head = match (&who.place, &who.origin) {
        (None, None) => "nothing answers".to_owned(),
        (Some(place), None) => format!("{place} does not answer"),
        (None, Some(origin)) => format!("{origin} gets no answer, whatever the destination"),
        (Some(place), Some(origin)) => format!("{place} does not answer {origin}"),
    };
    let clock = words::Clock::of(material);
    let waits = ascending(material.events(&incident.bad).iter().map(|event| event.latency_ns));
    let longest = units::duration(rank(&waits, 1.0).unwrap_or(0));
    let through = match kinds.got_through {
        0 => String::new(),
        count => format!(", {} got through once it was over", units::count_u64(count)),
    };
    let how = if kinds.in_vain + kinds.got_through == 0 {
        format!("were given up within {longest}")
    } else {
        format!("waited up to {longest} in vain{through}")
    };
    finding.alternatives = match (&who.place, &who.origin) {
        (None, None) => vec!["network_outage", "firewall", "connection_table_full"],
        (_, Some(_)) => vec!["policy", "route"],
        _ if of_a_port(material, incident) => vec!["firewall", "listen_queue"],
        _ => vec!["host_down", "firewall", "route"],
    };
    finding.text = format!(
        "{head}: {}{} {how} {}{}{}{}",
        words::share(material, finding.connects, finding.of),
        words::callers(material, &incident.bad),
        clock.when(&incident.when),
        others(material, incident, &who),
        words::cost(finding.waited_ns),
        limit(material, incident),
    );
    finding
}

/// What answers beside a silent place.
fn others(material: &Material<'_>, incident: &Incident, who: &words::Who) -> String {
    if material.evidence.partial {
        return String::new();
    }
    if who.origin.is_some() {
        let others = (incident.outside.all - incident.outside.bad).max(0.0) as u64;
        return format!("; others were answered {} times", units::count_u64(others));
    }
    if of_a_port(material, incident) && incident.good_else == 0 {
        let hosts: HashSet<TextId> =
            material.events(&incident.bad).iter().map(|event| event.dst).collect();
        let ports: HashSet<i64> =
            material.events(&incident.bad).iter().map(|event| event.dst_port).collect();
        let beside = material.evidence.events.iter().filter(|event| {
            event.answered() && hosts.contains(&event.dst) && !ports.contains(&event.dst_port)
        });
        let beside = super::evidence::weight(beside);
        if beside > 0 {
            let times = units::count_u64(beside);
            return format!(
                "; other ports answered {times} times: a firewall, or a full listen queue"
            );
        }
    }
    match incident.good_else {
        0 if who.place.is_some() => "; nothing ever came back from it".to_owned(),
        0 => String::new(),
        count => format!("; {} were answered at other times", units::count_u64(count)),
    }
}

fn of_a_port(material: &Material<'_>, incident: &Incident) -> bool {
    let dimension = |condition: &u32| material.space.dimension(*condition);
    incident
        .scopes
        .iter()
        .flatten()
        .any(|condition| matches!(dimension(condition), Dimension::Service | Dimension::Port))
}

/// The limit of a program that gave up, if one explains most of those.
fn limit(material: &Material<'_>, incident: &Incident) -> String {
    let aborted: Vec<&Event> = material
        .events(&incident.bad)
        .into_iter()
        .filter(|event| event.outcome == Outcome::Aborted)
        .collect();
    let by_comm = group(aborted.iter().copied(), |event| event.comm);
    let Some((comm, events)) = by_comm.iter().max_by_key(|(_, events)| events.len()) else {
        return String::new();
    };
    let waits = ascending(events.iter().map(|event| event.latency_ns));
    let (low, middle, high) = (rank(&waits, 0.1), rank(&waits, 0.5), rank(&waits, 0.9));
    match (low, middle, high) {
        (Some(low), Some(middle), Some(high))
            if high as f64 <= low as f64 * T.same_wait && events.len() as u64 >= T.misfortunes =>
        {
            let name = material.evidence.text(*comm);
            format!("; {name} gives up after {}", units::duration(middle))
        }
        _ => String::new(),
    }
}

/// Whether connects to one place either get through at once or never: with
/// SYNs lost at random some would get through later.
fn is_one_of_several(material: &Material<'_>, incident: &Incident, kinds: &Kinds) -> bool {
    let one_place = incident.scopes.len() == 1
        && incident.scopes[0].len() == 1
        && matches!(
            material.space.dimension(incident.scopes[0][0]),
            Dimension::Service | Dimension::Address
        );
    let waited = material
        .events(&incident.bad)
        .into_iter()
        .filter(|event| event.outcome != Outcome::Established && event.retransmits >= 2);
    let waited = waited.count() as f64;
    let chance = 1.0 - incident.rate();
    one_place
        && incident.rate() >= T.mode_share
        && waited >= T.misfortunes as f64
        && (kinds.got_through as f64) < chance / 3.0 * (waited + kinds.got_through as f64)
}

fn one_of_several(material: &Material<'_>, incident: &Incident, kinds: &Kinds) -> Finding {
    let mut finding = finding::of(material, Family::Unanswered, incident, "one_bad_server");
    let clock = words::Clock::of(material);
    let place = words::who(material, incident).connects();
    finding.alternatives = vec!["server", "path", "firewall"];
    finding.text = format!(
        "{}{place} never got an answer, the others got one at once, {}: {} got through after a \
         retry, so it is not loss, but one of several servers or paths behind it{}",
        words::share(material, finding.connects, finding.of),
        clock.when(&incident.when),
        units::count_u64(kinds.got_through),
        words::cost(finding.waited_ns),
    );
    finding
}

/// SYNs lost here and there, to no place more than to others.
fn everywhere(material: &Material<'_>, incident: &Incident) -> Option<Finding> {
    let kinds = Kinds::of(material, &incident.bad);
    let rate = incident.rate();
    let none_answered = rate >= 0.8 && is_silent(material, incident, &kinds);
    if none_answered && (kinds.in_vain >= T.failures || kinds.all() >= T.misfortunes) {
        return Some(silent(material, incident, &kinds));
    }
    if material.evidence.partial || kinds.given_up * 2 > kinds.all() {
        return None;
    }
    if !incident.everything() && rate >= 0.05 {
        return describe(material, incident);
    }
    let enough = kinds.in_vain >= T.failures || kinds.all() >= T.misfortunes;
    if !enough || rate < T.background_share {
        return None;
    }
    if rate >= 0.03 && kinds.all() >= 2 * T.misfortunes {
        return Some(lost(material, incident, &kinds));
    }
    let mut finding = finding::of(material, Family::Unanswered, incident, "background_loss");
    finding.class = Class::Background;
    finding.alternatives = vec!["packet_loss"];
    let share = words::share(material, finding.connects, finding.of);
    let failed = match kinds.in_vain + kinds.given_up {
        0 => String::new(),
        count => format!(", {} of them in vain", units::count_u64(count)),
    };
    let everything = if incident.everything() && incident.ratio < 5.0 {
        ", to no place more than to others"
    } else {
        ""
    };
    let measured: Vec<i64> = material
        .events(&incident.bad)
        .iter()
        .chain(&material.events(&incident.good))
        .filter(|event| event.measured)
        .map(|event| event.latency_ns)
        .collect();
    let p99 = rank(&ascending(measured), 0.99).unwrap_or(0);
    let p99 = if p99 >= T.first_retry && rate >= 0.01 { "; p99 is that wait" } else { "" };
    finding.text = format!(
        "{share}{} needed a second SYN ({}){failed}{everything}{}{p99}",
        words::who(material, incident).connects(),
        units::percent(rate),
        steps(material, &material.events(&incident.bad)),
    );
    Some(finding)
}
