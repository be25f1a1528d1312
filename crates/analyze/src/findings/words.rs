//! Parts of sentences that all findings share.

use std::collections::BTreeMap;

use super::evidence::{Event, TextId, weight};
use super::incident::Incident;
use super::material::Material;
use super::scope::{Dimension, Field};
use super::when::{Pattern, When};
use crate::units;

/// Destinations named at most.
const EXAMPLES: usize = 5;
/// Recordings above this length need dates, µs.
const DAY: i64 = 86_400_000_000;
/// Times of shorter ones have fractions of a second, µs.
const SHORT: i64 = 600_000_000;

/// Time that a bad row's connects lost, ns.
pub fn lost(material: &Material<'_>, row: u32) -> i64 {
    material.lost(row).saturating_mul(times(material.event(row)))
}

fn times(event: &Event) -> i64 {
    event.weight.into()
}

/// The most frequent symptom.
pub fn symptom(material: &Material<'_>, incident: &Incident) -> Option<&'static str> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for symptom in incident.bad.iter().filter_map(|row| material.symptom(*row)) {
        *counts.entry(symptom.name()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name)
}

/// The scope as fields; of several places what holds for all of them.
pub fn fields(material: &Material<'_>, incident: &Incident) -> Vec<Field> {
    let Some(sample) = incident.bad.first() else { return Vec::new() };
    let (sample, evidence) = (material.event(*sample), material.evidence);
    if let [scope] = &incident.scopes[..] {
        let fields = scope.iter().flat_map(|c| material.space.fields(*c, sample, evidence));
        let mut fields: Vec<Field> = fields.collect();
        for condition in same_origin(material, incident, scope) {
            fields.extend(material.space.fields(condition, sample, evidence));
        }
        fields.sort_by_key(|(name, _)| *name);
        fields.dedup();
        return fields;
    }
    let mut shared: Vec<u32> = incident
        .bad
        .first()
        .map(|row| material.space.met_by(*row as usize).to_vec())
        .unwrap_or_default();
    for row in &incident.bad {
        let met = material.space.met_by(*row as usize);
        shared.retain(|condition| met.contains(condition));
    }
    let kind = |condition: &u32| material.space.dimension(*condition);
    let address = shared.iter().find(|c| kind(c) == Dimension::Address);
    let network = shared
        .iter()
        .filter(|c| matches!(kind(c), Dimension::Network(_)))
        .max_by_key(|c| bits(material.space.network(**c)));
    let family = shared.iter().find(|c| kind(c) == Dimension::Family);
    let port = shared.iter().find(|c| kind(c) == Dimension::Port);
    let kept = [address.or(network).or(family), port];
    let kept = kept.into_iter().flatten();
    kept.flat_map(|c| material.space.fields(*c, sample, evidence)).collect()
}

/// Other names of an origin: conditions that exactly the same connects meet.
fn same_origin(material: &Material<'_>, incident: &Incident, scope: &[u32]) -> Vec<u32> {
    let ([origin], Some(first)) = (scope, incident.bad.first()) else { return Vec::new() };
    if material.space.dimension(*origin).is_place() {
        return Vec::new();
    }
    let met = material.space.met_by(*first as usize).iter().copied();
    let mut same: Vec<u32> =
        met.filter(|c| c != origin && !material.space.dimension(*c).is_place()).collect();
    for cell in 0..material.space.cell_count() as u32 {
        let inside = material.space.cell_holds(scope, cell);
        same.retain(|condition| material.space.cell_holds(&[*condition], cell) == inside);
    }
    same
}

fn bits(network: Option<&str>) -> u8 {
    network.and_then(|n| n.rsplit_once('/')?.1.parse().ok()).unwrap_or(0)
}

/// Destinations by bad connects, the most first.
fn destinations<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<((TextId, i64), u64)> {
    let mut counts: BTreeMap<(TextId, i64), u64> = BTreeMap::new();
    for event in events {
        *counts.entry((event.dst, event.dst_port)).or_default() += u64::from(event.weight);
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// The most affected destinations.
pub fn examples(material: &Material<'_>, incident: &Incident) -> Vec<String> {
    let counts = destinations(material.events(&incident.bad));
    let named = counts.into_iter().take(EXAMPLES);
    named.map(|((dst, port), _)| material.evidence.dst(dst, port)).collect()
}

/// Whom it concerns, in words: where connects go, and whose they are.
pub struct Who {
    /// `10.0.0.1:443`, `10.60.14.0/24 (5 hosts)`, `port 443 (3 hosts)`; none if
    /// it is any destination.
    pub place: Option<String>,
    /// `web`, `host db-1`; none if it is anyone.
    pub origin: Option<String>,
}

impl Who {
    /// As it follows "connects": ` to 10.0.0.1:443 of web`.
    pub fn connects(&self) -> String {
        let place = self.place.as_ref().map_or_else(String::new, |place| format!(" to {place}"));
        let origin = self.origin.as_ref().map_or_else(String::new, |who| format!(" of {who}"));
        format!("{place}{origin}")
    }
}

/// Whom an incident concerns.
pub fn who(material: &Material<'_>, incident: &Incident) -> Who {
    let events = material.events(&incident.bad);
    if incident.scopes.len() > 1 {
        let named = destinations(events);
        let first: Vec<String> = named
            .iter()
            .take(3)
            .map(|((dst, port), _)| material.evidence.place(*dst, *port))
            .collect();
        let more = match named.len() - first.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        return Who { place: Some(format!("{}{more}", first.join(", "))), origin: None };
    }
    let (mut places, mut origins) = (Vec::new(), Vec::new());
    let Some(sample) = events.first() else { return Who { place: None, origin: None } };
    for condition in incident.scopes.first().into_iter().flatten() {
        let dimension = material.space.dimension(*condition);
        let said = material.space.words(*condition, sample, material.evidence);
        if dimension.is_place() {
            let several = !matches!(dimension, Dimension::Service | Dimension::Address);
            places.push(if several { format!("{said}{}", hosts(&events)) } else { said });
        } else {
            origins.push(said);
        }
    }
    let joined = |parts: Vec<String>| (!parts.is_empty()).then(|| parts.join(", "));
    Who { place: joined(places), origin: joined(origins) }
}

fn hosts(events: &[&Event]) -> String {
    let mut hosts: Vec<TextId> = events.iter().map(|event| event.dst).collect();
    hosts.sort_unstable();
    hosts.dedup();
    match hosts.len() {
        1 => String::new(),
        count => format!(" ({count} hosts)"),
    }
}

/// Moments of a recording, as short as they can be told apart.
pub struct Clock {
    length: i64,
}

impl Clock {
    pub fn of(material: &Material<'_>) -> Self {
        let span = material.evidence.span();
        Self { length: span.map_or(0, |(first, last)| last.saturating_sub(first)) }
    }

    pub fn at(&self, us: i64) -> String {
        let decimals = if self.length < SHORT { 3 } else { 0 };
        if self.length > DAY { units::time(us, 0) } else { units::clock(us, decimals) }
    }

    /// When it was, as it follows a count: ` from 12:00:01 on, not ended`.
    pub fn when(&self, when: &When) -> String {
        let (first, last) = (when.first, when.last);
        match (when.pattern, when.began, when.ended) {
            (Pattern::Always, ..) => "all the time recorded".to_owned(),
            (Pattern::Periodic(every), ..) => format!("every {}", units::span(every)),
            (Pattern::Scattered, ..) => "throughout".to_owned(),
            (Pattern::Interval, Some(_), Some(_)) => {
                let length = units::span(last.saturating_sub(first));
                format!("from {} to {} ({length})", self.at(first), self.at(last))
            }
            (Pattern::Interval, Some(_), None) => format!("since {}, not ended", self.at(first)),
            (Pattern::Interval, None, _) => {
                format!("from the start of the recording to {}", self.at(last))
            }
        }
    }
}

/// ` by web and cart`: the programs with most bad connects.
pub fn callers(material: &Material<'_>, rows: &[u32]) -> String {
    let mut counts: BTreeMap<TextId, u64> = BTreeMap::new();
    for event in material.events(rows) {
        *counts.entry(event.comm).or_default() += u64::from(event.weight);
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(comm, count)| (std::cmp::Reverse(*count), *comm));
    let name = |place: usize| material.evidence.text(counts[place].0);
    match counts.len() {
        0 => String::new(),
        1 => format!(" by {}", name(0)),
        2 => format!(" by {} and {}", name(0), name(1)),
        more => format!(" by {} and {} others", name(0), more - 1),
    }
}

/// `3 of 40 connects`, or `all 40 connects`; of a sample it is not known that
/// they were all.
pub fn share(material: &Material<'_>, bad: u64, all: u64) -> String {
    let sampled = material.evidence.one_in > 1;
    match all {
        all if all <= bad && sampled => units::counted(bad, "connect"),
        all if all <= bad => format!("all {}", units::counted(bad, "connect")),
        all => {
            let about = if sampled { "about " } else { "" };
            format!("{} of {about}{}", units::count_u64(bad), units::counted(all, "connect"))
        }
    }
}

/// Time lost, as it ends a sentence.
pub fn cost(waited_ns: i64) -> String {
    match waited_ns {
        ..1_000_000_000 => String::new(),
        ns => format!("; {} waited in all", units::span(ns / 1_000)),
    }
}

/// Good connects of the same scope at other times, and elsewhere.
pub fn contrast(material: &Material<'_>, incident: &Incident, verb: &str) -> String {
    if material.evidence.partial {
        return String::new();
    }
    let elsewhere = (incident.outside.all - incident.outside.bad).max(0.0) as u64;
    match (incident.good_else, elsewhere) {
        (0, 0) => "; there is nothing to compare with".to_owned(),
        (0, count) => format!("; {} {verb} elsewhere", units::count_u64(count)),
        (count, _) => format!("; {} {verb} at other times", units::count_u64(count)),
    }
}

/// Connects that events stand for.
pub fn total(events: &[&Event]) -> u64 {
    weight(events.iter().copied())
}
