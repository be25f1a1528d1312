//! Happy Eyeballs (RFC 8305): attempts to several addresses of one service of
//! which the first to answer is taken. The losers look like failures and are
//! none, so they are marked before anything else is looked for.

use std::collections::BTreeMap;

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group};
use super::ranks::rank;
use super::{Class, Finding, command};
use crate::units;

/// Latest start of an attempt after the first of its race, ns: the standard
/// has 250 ms between one and the next.
const LATEST_START: i64 = 1_000_000_000;
/// How soon after the winner's answer the losers are given up, ns. Addresses
/// of one family could also be chance, and are only believed if it is prompt.
const GIVEN_UP: i64 = 20_000_000;
const GIVEN_UP_SAME_FAMILY: i64 = 5_000_000;
/// Pause before the next address when one has failed, ns.
const NEXT_ADDRESS: i64 = 5_000_000;
/// Races that make a pattern …
const FEWEST: usize = 5;
/// … and the share of the failures they must explain.
const EXPLAINED: f64 = 0.8;
/// Attempts looked at for the winner of one: bounds the work in a storm.
const NEAREST: usize = 64;
/// A wait this much longer is worth a word, ns.
const WORTH: i64 = 50_000_000;

/// Attempts of one program to one address that lost to another.
#[derive(Debug, Clone)]
pub struct Races {
    /// One that lost.
    pub loser: Event,
    /// The one that was taken instead of it.
    pub winner: Event,
    /// How many lost.
    pub lost: u64,
    /// Times from a start of the loser to that of the winner, ns, ascending.
    delays: Vec<i64>,
}

/// Marks the losers among events in order of time, and says who they were.
pub fn mark(events: &mut [Event], texts: &[String], one_in: u64) -> Vec<Races> {
    let six: Vec<bool> = texts.iter().map(|text| text.contains(':')).collect();
    let numbers = |event: &Event| (event.host, event.pid, event.dst_port);
    let mut callers: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        callers.entry(numbers(event)).or_default().push(index);
    }
    // By program, address and port, over all its processes.
    let mut pairs: BTreeMap<(usize, usize, i64), Vec<(usize, usize)>> = BTreeMap::new();
    for of_caller in callers.values() {
        for (loser, winner) in matched(events, of_caller, &six) {
            let event = &events[loser];
            pairs.entry((event.comm, event.dst, event.dst_port)).or_default().push((loser, winner));
        }
    }
    let mut failures: BTreeMap<(usize, usize, i64), Vec<usize>> = BTreeMap::new();
    for (index, event) in events.iter().enumerate().filter(|(_, event)| lost(event)) {
        let key = (event.comm, event.dst, event.dst_port);
        if pairs.contains_key(&key) {
            failures.entry(key).or_default().push(index);
        }
    }
    let mut races = Vec::new();
    for (key, pairs) in pairs {
        let of_key = failures.get(&key).map_or(&[][..], Vec::as_slice);
        let mut winners: BTreeMap<usize, usize> = BTreeMap::new();
        for (_, winner) in &pairs {
            *winners.entry(events[*winner].dst).or_default() += 1;
        }
        // In a sample most winners are missing.
        let explained = pairs.len() as f64 * one_in as f64 / of_key.len() as f64;
        let usual = winners.values().max().copied().unwrap_or(0) as f64 / pairs.len() as f64;
        if pairs.len() < FEWEST || explained < EXPLAINED || usual < EXPLAINED {
            continue;
        }
        let mut delays: Vec<i64> = pairs
            .iter()
            .map(|(l, w)| events[*w].start_ns.saturating_sub(events[*l].start_ns))
            .collect();
        delays.sort_unstable();
        let losers: Vec<usize> = match one_in {
            1 => pairs.iter().map(|(loser, _)| *loser).collect(),
            _ => of_key.to_vec(),
        };
        let (loser, winner) = (events[pairs[0].0], events[pairs[0].1]);
        races.push(Races { loser, winner, lost: losers.len() as u64, delays });
        for loser in losers {
            events[loser].raced = true;
        }
    }
    races
}

fn lost(event: &Event) -> bool {
    event.outcome.is_failure() && event.outcome != Outcome::LocalError
}

/// Losers of one process and port with their winners.
fn matched(events: &[Event], of_caller: &[usize], six: &[bool]) -> Vec<(usize, usize)> {
    let mut winners: Vec<usize> = of_caller
        .iter()
        .copied()
        .filter(|index| events[*index].outcome == Outcome::Established)
        .collect();
    winners.sort_by_key(|index| events[*index].end_ns());
    let mut taken: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut found = Vec::new();
    for loser in of_caller.iter().copied().filter(|index| lost(&events[*index])) {
        let event = &events[loser];
        // Those that answered last before it was given up, the nearest first;
        // or, if it failed by itself, first after that.
        let middle = winners.partition_point(|w| events[*w].end_ns() <= event.end_ns());
        let near: Vec<usize> = match event.outcome {
            Outcome::Aborted => winners[..middle].iter().rev().take(NEAREST).copied().collect(),
            _ => winners[middle..].iter().take(NEAREST).copied().collect(),
        };
        let winner = near.into_iter().find(|w| {
            let winner = &events[*w];
            let free = taken.get(w).is_none_or(|addresses| !addresses.contains(&event.dst));
            free && winner.dst != event.dst && one_race(event, winner, six)
        });
        if let Some(winner) = winner {
            taken.entry(winner).or_default().push(event.dst);
            found.push((loser, winner));
        }
    }
    found
}

fn one_race(loser: &Event, winner: &Event, six: &[bool]) -> bool {
    let families = six[loser.dst] != six[winner.dst];
    let started = winner.start_ns.saturating_sub(loser.start_ns);
    if started.saturating_abs() > LATEST_START {
        return false;
    }
    if loser.outcome == Outcome::Aborted {
        let limit = if families { GIVEN_UP } else { GIVEN_UP_SAME_FAMILY };
        return loser.end_ns().saturating_sub(winner.end_ns()) <= limit
            && winner.start_ns <= loser.end_ns()
            && loser.start_ns <= winner.end_ns();
    }
    families && started >= 0 && winner.start_ns <= loser.end_ns().saturating_add(NEXT_ADDRESS)
}

/// What the races cost, or that they cost nothing.
pub fn eyeballs(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_program: BTreeMap<usize, Vec<&Races>> = BTreeMap::new();
    for races in &evidence.races {
        by_program.entry(races.loser.comm).or_default().push(races);
    }
    let places = group(&evidence.events, |event| (event.dst, event.dst_port));
    for (comm, mut all) in by_program {
        all.sort_by_key(|races| std::cmp::Reverse(races.lost));
        let Some(most) = all.first() else { continue };
        let lost: u64 = all.iter().map(|races| races.lost).sum();
        let name = evidence.text(comm);
        let first = evidence.dst(most.loser.dst, most.loser.dst_port);
        let winner = evidence.dst(most.winner.dst, most.winner.dst_port);
        let more = match all.len() {
            1 => String::new(),
            more => format!(" and {} more", more - 1),
        };
        let delay = rank(&most.delays, 0.5).unwrap_or(0);
        let of_place = places.get(&(most.loser.dst, most.loser.dst_port));
        let answered = of_place.is_some_and(|events| events.iter().any(|e| e.answered()));
        let (class, text) = if delay >= WORTH {
            let text = format!(
                "{name} tries {first}{more} first, which {}: {} took {} longer each, until {winner} \
                 was tried and taken (Happy Eyeballs)",
                if answered { "often answers too late" } else { "never answers" },
                units::counted(lost, "connect"),
                units::duration(delay),
            );
            (Class::Cause, text)
        } else {
            let text = format!(
                "{} of {name} to {first}{more} failed and hurt nobody: it tried several addresses at \
                 once, and took {winner} (Happy Eyeballs)",
                units::counted(lost, "connect"),
            );
            (Class::Context, text)
        };
        findings.push(Finding {
            kind: "happy_eyeballs",
            class,
            connects: lost,
            text,
            command: evidence.command.events(
                "",
                &[
                    command::is("comm", evidence.raw(comm)),
                    Some(format!("dst_port = {}", most.loser.dst_port)),
                ],
            ),
        });
    }
    findings
}
