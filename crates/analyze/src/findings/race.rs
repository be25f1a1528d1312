//! Attempts that another one makes needless: Happy Eyeballs (RFC 8305), hedged
//! requests, and programs that try one address after the other. The losers
//! look like failures and are none, so they are marked before anything else is
//! looked for.

use std::collections::{BTreeMap, HashMap};

use connlat_schema::Outcome;
use foldhash::fast::RandomState;

use super::evidence::{Event, Races, TextId};
use super::scope::is_six;
use super::thresholds::T;

/// Latest start of an attempt after the first of its race, ns: the standard
/// has 250 ms between one and the next.
const LATEST_START: i64 = 1_000_000_000;
/// How soon after the winner's answer the losers are given up, ns. Addresses
/// of one family could also be chance, and are only believed if it is prompt.
const GIVEN_UP: i64 = 20_000_000;
const GIVEN_UP_SAME_FAMILY: i64 = 5_000_000;
/// Pause before the next address when one has failed, ns.
const NEXT_ADDRESS: i64 = 5_000_000;
/// Share of all matches that chance may make.
const CHANCE: f64 = 0.25;
/// Attempts looked at for the winner of one: bounds the work in a storm.
const NEAREST: usize = 64;
/// Addresses tried one after the other at most.
const IN_ORDER: usize = 8;

/// A loser, its winner, and whether one came after the other.
type Pair = (usize, usize, bool);
/// Program, address and port.
type Attempts = (TextId, TextId, i64);

/// Marks the losers among events in order of time, and says who they were.
pub fn mark(events: &mut [Event], texts: &[String], one_in: u64) -> Vec<Races> {
    let six: Vec<bool> = texts.iter().map(|text| is_six(text)).collect();
    // Hashed first: there are far more events than callers.
    let mut callers: HashMap<_, Vec<usize>, RandomState> = HashMap::default();
    for (index, event) in events.iter().enumerate() {
        callers.entry((event.machine, event.pid, event.dst_port)).or_default().push(index);
    }
    let callers: BTreeMap<_, Vec<usize>> = callers.into_iter().collect();
    let mut pairs: BTreeMap<Attempts, Vec<(Pair, f64)>> = BTreeMap::new();
    for of_caller in callers.values() {
        let matched = matched(events, of_caller, &six);
        if matched.is_empty() {
            continue;
        }
        let chance = chance(events, of_caller);
        for pair in matched {
            let event = &events[pair.0];
            let key = (event.comm, event.dst, event.dst_port);
            pairs.entry(key).or_default().push((pair, chance));
        }
    }
    let mut attempts: BTreeMap<Attempts, (Vec<usize>, u64)> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let key = (event.comm, event.dst, event.dst_port);
        if pairs.contains_key(&key) {
            let (failed, all) = attempts.entry(key).or_default();
            *all += u64::from(event.weight);
            if lost(event) {
                failed.push(index);
            }
        }
    }
    let mut races = Vec::new();
    for (key, pairs) in pairs {
        let Some((failed, all)) = attempts.get(&key) else { continue };
        let losers = race(events, &pairs, failed, one_in);
        let Some(losers) = losers else { continue };
        let mut delays: Vec<i64> = pairs
            .iter()
            .map(|((l, w, _), _)| events[*w].start_ns.saturating_sub(events[*l].start_ns))
            .collect();
        delays.sort_unstable();
        let in_order = pairs.iter().filter(|((.., in_order), _)| *in_order).count();
        let (loser, winner) = (events[pairs[0].0.0], events[pairs[0].0.1]);
        let lost = losers.iter().map(|loser| u64::from(events[*loser].weight)).sum::<u64>();
        let (in_order, mostly) = (in_order * 2 > pairs.len(), lost * 2 > *all);
        races.push(Races { loser, winner, lost, in_order, mostly, delays });
        for loser in losers {
            events[loser].raced = true;
        }
    }
    races
}

/// The losers, if races and not chance explain most of the failures.
fn race(
    events: &[Event],
    pairs: &[(Pair, f64)],
    failed: &[usize],
    one_in: u64,
) -> Option<Vec<usize>> {
    let mut winners: BTreeMap<TextId, usize> = BTreeMap::new();
    for ((_, winner, _), _) in pairs {
        *winners.entry(events[*winner].dst).or_default() += 1;
    }
    let count = pairs.len() as f64;
    // In a sample most winners are missing.
    let explained = count * one_in as f64 / failed.len().max(1) as f64;
    let usual = winners.values().max().copied().unwrap_or(0) as f64 / count;
    let chance = pairs.iter().map(|(_, chance)| chance).sum::<f64>() / count;
    let believed = usual >= T.explained || chance <= CHANCE;
    if (pairs.len() as u64) < T.races || explained < T.explained || !believed {
        return None;
    }
    Some(match one_in {
        1 => pairs.iter().map(|((loser, ..), _)| *loser).collect(),
        _ => failed.to_vec(),
    })
}

/// How likely it is that a moment has an answer to the same process so soon
/// before it by chance.
fn chance(events: &[Event], of_caller: &[usize]) -> f64 {
    let won =
        || of_caller.iter().map(|i| &events[*i]).filter(|e| e.outcome == Outcome::Established);
    let (first, last) = (won().map(Event::end_ns).min(), won().map(Event::end_ns).max());
    let (Some(first), Some(last)) = (first, last) else { return 1.0 };
    let rate = won().count() as f64 / (last.saturating_sub(first)).max(1) as f64;
    1.0 - (-rate * GIVEN_UP_SAME_FAMILY as f64).exp()
}

fn lost(event: &Event) -> bool {
    event.outcome.is_failure() && event.outcome != Outcome::LocalError
}

/// Losers of one process and port with their winners.
fn matched(events: &[Event], of_caller: &[usize], six: &[bool]) -> Vec<Pair> {
    let mut winners: Vec<usize> = of_caller
        .iter()
        .copied()
        .filter(|index| events[*index].outcome == Outcome::Established)
        .collect();
    winners.sort_by_key(|index| events[*index].end_ns());
    let mut taken: BTreeMap<usize, Vec<TextId>> = BTreeMap::new();
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
            let free = taken.get(w).is_none_or(|addresses| !addresses.contains(&event.dst));
            free && one_race(event, &events[*w], six)
        });
        let pair = match winner {
            Some(winner) => Some((loser, winner, false)),
            None => next(events, of_caller, loser).map(|winner| (loser, winner, true)),
        };
        if let Some(pair) = pair {
            taken.entry(pair.1).or_default().push(event.dst);
            found.push(pair);
        }
    }
    found
}

fn one_race(loser: &Event, winner: &Event, six: &[bool]) -> bool {
    let families = six[loser.dst as usize] != six[winner.dst as usize];
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

/// The attempt that was answered in the end, if each before it was followed at
/// once by one to another address.
fn next(events: &[Event], of_caller: &[usize], loser: usize) -> Option<usize> {
    if events[loser].outcome != Outcome::Aborted {
        return None;
    }
    let mut tried = vec![events[loser].dst];
    let mut current = loser;
    for _ in 0..IN_ORDER {
        let end = events[current].end_ns();
        let from = of_caller.partition_point(|index| events[*index].start_ns < end);
        let follower = of_caller[from..]
            .iter()
            .take(NEAREST)
            .copied()
            .take_while(|index| events[*index].start_ns <= end.saturating_add(NEXT_ADDRESS))
            .find(|index| !tried.contains(&events[*index].dst))?;
        match events[follower].outcome {
            Outcome::Established => return Some(follower),
            _ if lost(&events[follower]) => {
                tried.push(events[follower].dst);
                current = follower;
            }
            _ => return None,
        }
    }
    None
}
