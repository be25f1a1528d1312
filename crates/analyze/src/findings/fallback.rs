//! What it costs that the first of several addresses does not answer.

use std::collections::BTreeSet;

use super::evidence::{Event, Races, TextId};
use super::finding::{Class, Confidence, Finding};
use super::material::Material;
use super::picture::Picture;
use super::ranks::{ascending, rank};
use super::scope::{Value, is_six};
use super::thresholds::T;
use super::{command, words};
use crate::units;

/// Programs that wait for one address before they take another: one finding
/// for races, one for addresses tried in order.
pub fn findings(material: &Material<'_>) -> Vec<Finding> {
    let costly =
        |races: &&Races| races.mostly && rank(&races.delays, 0.5).unwrap_or(0) >= T.race_cost;
    let races = || material.evidence.races.iter().filter(costly);
    let (in_order, at_once): (Vec<&Races>, Vec<&Races>) = races().partition(|r| r.in_order);
    let mut findings = Vec::new();
    findings.extend(describe(material, "happy_eyeballs", &at_once));
    findings.extend(describe(material, "sequential_fallback", &in_order));
    findings
}

fn describe(material: &Material<'_>, kind: &'static str, all: &[&Races]) -> Option<Finding> {
    let evidence = material.evidence;
    let most = all.iter().max_by_key(|races| races.lost)?;
    let lost: u64 = all.iter().map(|races| races.lost).sum();
    let delays = ascending(all.iter().flat_map(|races| races.delays.iter().copied()));
    let delay = rank(&delays, 0.5)?;
    let places: BTreeSet<(TextId, i64)> =
        all.iter().map(|races| (races.loser.dst, races.loser.dst_port)).collect();
    let programs: BTreeSet<TextId> = all.iter().map(|races| races.loser.comm).collect();
    let mut losers: Vec<&Event> = evidence
        .events
        .iter()
        .filter(|event| event.raced && places.contains(&(event.dst, event.dst_port)))
        .collect();
    losers.sort_by_key(|event| event.time);
    let answered = evidence
        .events
        .iter()
        .any(|event| event.answered() && places.contains(&(event.dst, event.dst_port)));
    let six = |dst: TextId| is_six(evidence.raw(dst));
    let only_six = places.iter().all(|(dst, _)| six(*dst));
    let dead = only_six && !evidence.events.iter().any(|event| event.answered() && six(event.dst));
    let first = evidence.place(most.loser.dst, most.loser.dst_port);
    let winner = evidence.place(most.winner.dst, most.winner.dst_port);
    let names: Vec<String> = programs.iter().take(2).map(|comm| evidence.text(*comm)).collect();
    let who = match programs.len() {
        ..=2 => names.join(" and "),
        more => format!("{} and {} others", names[0], more - 1),
    };
    let tries = if programs.len() == 1 { "tries" } else { "try" };
    let how = match (kind, answered) {
        ("happy_eyeballs", false) => "which never answers",
        ("happy_eyeballs", true) => "which often answers too late",
        (_, false) => "and give it up unanswered",
        (_, true) => "and give it up before it answers",
    };
    let more = match places.len() {
        1 => String::new(),
        count if dead => format!(" and {} more, all IPv6,", count - 1),
        count => format!(" and {} more", count - 1),
    };
    let name = if kind == "happy_eyeballs" { " (Happy Eyeballs)" } else { ", one after the other" };
    let mut scope = Vec::new();
    let mut conditions = vec![Some(format!("dst_port = {}", most.loser.dst_port))];
    if places.len() == 1 {
        scope.push(("dst_addr", Value::Text(evidence.raw(most.loser.dst).to_owned())));
        scope.push(("dst_port", Value::Number(most.loser.dst_port)));
    } else if only_six {
        scope.push(("family", Value::Text("ipv6".to_owned())));
        conditions = vec![Some("ip_version = 6".to_owned())];
    } else if programs.len() == 1 {
        scope.push(("comm", Value::Text(evidence.raw(most.loser.comm).to_owned())));
    }
    if programs.len() == 1 {
        conditions.insert(0, command::is("comm", evidence.raw(most.loser.comm)));
    }
    let began = losers.first().map(|event| event.time);
    let earlier = evidence.events.iter().filter(|event| {
        event.answered()
            && places.contains(&(event.dst, event.dst_port))
            && began.is_some_and(|began| event.time < began)
    });
    let began = began.filter(|_| earlier.count() >= 3);
    let since = began
        .map_or_else(String::new, |at| format!(", since {}", words::Clock::of(material).at(at)));
    let waited = delay.saturating_mul(i64::try_from(lost).unwrap_or(1));
    let own: Vec<&Event> =
        losers.iter().copied().filter(|event| programs.contains(&event.comm)).collect();
    Some(Finding {
        kind,
        class: Class::Cause,
        symptom: Some("given_up"),
        cause: None,
        alternatives: if dead { vec!["no_ipv6", "firewall"] } else { vec!["path", "server"] },
        scope,
        examples: places.iter().take(5).map(|(dst, port)| evidence.dst(*dst, *port)).collect(),
        began,
        ended: None,
        ongoing: true,
        pattern: if began.is_some() { "interval" } else { "always" },
        connects: lost,
        of: lost,
        good: 0,
        waited_ns: waited,
        confidence: Confidence::High,
        text: format!(
            "{who} {tries} {first}{more} first, {how}: {} took {} longer each{since}, until \
             {winner} was tried and taken{name}",
            units::counted(lost, "connect"),
            units::duration(delay),
        ),
        command: evidence.command.events("", &conditions),
        picture: Picture::of(evidence, &own),
    })
}
