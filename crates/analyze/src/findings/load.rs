//! Whether connects became more before they became slow (load), or only after
//! (retries).

use std::collections::BTreeMap;

use super::evidence::{Event, TextId};
use super::incident::Incident;
use super::material::Material;
use super::thresholds::T;
use super::words;

/// Connects more than expected that make a spike.
const FEWEST: f64 = 20.0;
/// Parts that the time around the first slow connect is divided into, µs.
const PART: i64 = 250_000;

/// A rise of the connect rate.
pub struct Spike {
    /// What it adds to a sentence.
    pub text: String,
}

/// The rise that came before an incident of slow connects, if there was one.
pub fn spike(material: &Material<'_>, incident: &Incident) -> Option<Spike> {
    let first_slow = incident.when.began?;
    let (start, _) = material.evidence.span()?;
    let calm = first_slow.checked_sub(start).filter(|calm| *calm >= 4 * PART)?;
    let length = incident.when.last.saturating_sub(first_slow).max(PART);
    let mut by_program: BTreeMap<TextId, Vec<&Event>> = BTreeMap::new();
    for event in &material.evidence.events {
        by_program.entry(event.comm).or_default().push(event);
    }
    // The program whose connects rose most, from before the first slow one.
    let rise = |events: &Vec<&Event>| {
        let begin = rise_begins(events, first_slow, calm)?;
        let before = count(events, start, begin) / ((begin - start).max(1) as f64);
        let end = first_slow + length;
        let during = count(events, begin, end) / ((end - begin).max(1) as f64);
        let more = (during - before) * (end - begin) as f64;
        (more >= FEWEST && during >= T.spike * before).then_some((more, before, during, begin))
    };
    let (comm, (_, before, during, begin)) = by_program
        .iter()
        .filter_map(|(comm, events)| Some((*comm, rise(events)?)))
        .max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    // It must be a good part of all connects.
    let all: Vec<&Event> = material.evidence.events.iter().collect();
    let end = first_slow + length;
    let total_before = count(&all, start, begin) / ((begin - start).max(1) as f64);
    let total = count(&all, begin, end) / ((end - begin).max(1) as f64);
    if total < total_before * 1.3 {
        return None;
    }
    let rate = |per_us: f64| format!("{:.0}", per_us * 1e6);
    Some(Spike {
        text: format!(
            "; connects of {} rose from {} to {}/s at {}, before that: load",
            material.evidence.text(comm),
            rate(before),
            rate(during),
            words::Clock::of(material).at(begin)
        ),
    })
}

fn count(events: &[&Event], from: i64, to: i64) -> f64 {
    let inside = events.iter().filter(|event| (from..to).contains(&event.time));
    inside.map(|event| event.weight as f64).sum()
}

/// Start of the part of time from which on a program connects more often, at
/// most two seconds before the first slow connect.
fn rise_begins(events: &[&Event], first_slow: i64, calm: i64) -> Option<i64> {
    let start = first_slow - calm;
    let usual = count(events, start, first_slow - calm / 4) / (calm as f64 * 0.75) * PART as f64;
    let limit = (usual * T.spike).max(usual + 3.0);
    let mut begin = None;
    for part in (0..8).rev() {
        let from = first_slow - (part + 1) * PART;
        if from < start {
            continue;
        }
        let busy = count(events, from, from + PART) >= limit;
        match (busy, begin) {
            (true, None) => begin = Some(from),
            (false, Some(_)) if part > 0 => begin = None,
            _ => {}
        }
    }
    // The first slow connect may fall into the first busy moment.
    begin.or_else(|| (count(events, first_slow, first_slow + PART) >= limit).then_some(first_slow))
}
