//! When it began and ended: the stretch of time in which connects went worse
//! than before and after, more clearly than chance would have it.

use super::evidence::{Event, Evidence, group, quantile, weight};
use super::{Class, Finding};
use crate::units;

/// Intervals the recording is divided into.
const INTERVALS: usize = 60;
/// Bad connects that make a finding.
const FEWEST: f64 = 10.0;
/// How much worse than the rest it must be.
const TIMES_THE_REST: f64 = 4.0;
/// Log-likelihood ratio that makes a stretch more than chance, with all the
/// stretches that were tried in mind.
const CLEAR: f64 = 15.0;
/// A latency so many times the median, and longer by so much, is bad.
const SLOW_TIMES: f64 = 5.0;
const SLOW_NS: i64 = 1_000_000;

#[derive(Clone, Copy, Default)]
struct Count {
    bad: f64,
    all: f64,
}

impl Count {
    fn rate(self) -> f64 {
        if self.all > 0.0 { self.bad / self.all } else { 0.0 }
    }

    /// Log-likelihood of the counts at their own rate.
    fn likelihood(self) -> f64 {
        let term = |count: f64, share: f64| if count > 0.0 { count * share.ln() } else { 0.0 };
        term(self.bad, self.rate()) + term(self.all - self.bad, 1.0 - self.rate())
    }
}

/// The stretch, if there is one.
pub fn onset(evidence: &Evidence) -> Vec<Finding> {
    let Some((first, last)) = evidence.span() else { return Vec::new() };
    let usual = quantile(evidence.events.iter().filter(|event| event.measured), 0.5);
    let limit = (usual as f64 * SLOW_TIMES) as i64 + SLOW_NS;
    let bad = |event: &Event| {
        event.outcome.is_failure()
            || event.retransmits > 0
            || (event.measured && event.latency_ns > limit)
    };
    let length = i128::from(last) - i128::from(first) + 1;
    let place = |event: &Event| {
        let place = (i128::from(event.time) - i128::from(first)) * INTERVALS as i128 / length;
        usize::try_from(place).unwrap_or(0).min(INTERVALS - 1)
    };
    let mut sums = vec![Count::default(); INTERVALS + 1];
    for event in &evidence.events {
        let count = &mut sums[place(event) + 1];
        count.all += event.weight as f64;
        count.bad += if bad(event) { event.weight as f64 } else { 0.0 };
    }
    for index in 1..sums.len() {
        sums[index].all += sums[index - 1].all;
        sums[index].bad += sums[index - 1].bad;
    }
    let total = sums[INTERVALS];
    let mut best: Option<(f64, usize, usize)> = None;
    for from in 0..INTERVALS {
        for to in from + 1..=INTERVALS {
            let inside =
                Count { bad: sums[to].bad - sums[from].bad, all: sums[to].all - sums[from].all };
            let outside = Count { bad: total.bad - inside.bad, all: total.all - inside.all };
            if inside.bad < FEWEST
                || outside.all < FEWEST
                || inside.rate() < TIMES_THE_REST * outside.rate()
            {
                continue;
            }
            let ratio = inside.likelihood() + outside.likelihood() - total.likelihood();
            if ratio > CLEAR && best.is_none_or(|(known, ..)| ratio > known) {
                best = Some((ratio, from, to));
            }
        }
    }
    let Some((_, from, to)) = best else { return Vec::new() };
    let inside: Vec<&Event> =
        evidence.events.iter().filter(|event| (from..to).contains(&place(event))).collect();
    let wrong: Vec<&Event> = inside.iter().copied().filter(|event| bad(event)).collect();
    let (Some(begin), Some(end)) = (wrong.first(), wrong.last()) else { return Vec::new() };
    let outside =
        weight(evidence.events.iter().filter(|event| bad(event))) - weight(wrong.iter().copied());
    let all_outside = weight(&evidence.events) - weight(inside.iter().copied());
    // Stray ones do not count as the first to move.
    let moved = group(wrong.iter().copied(), |event| (event.dst, event.dst_port));
    let mover = moved
        .iter()
        .filter(|(_, events)| events.len() * 10 >= wrong.len())
        .min_by_key(|(_, events)| events[0].time);
    let mover = mover.map_or_else(String::new, |((dst, port), events)| {
        let at = units::clock(events[0].time, 3);
        format!("; first to move was {} at {at}", evidence.dst(*dst, *port))
    });
    let span = if to == INTERVALS && from > 0 {
        format!("began at {} and went on to the end", units::clock(begin.time, 3))
    } else if from == 0 {
        format!("was there from the start and ended at {}", units::clock(end.time, 3))
    } else {
        format!(
            "began at {} and ended at {}",
            units::clock(begin.time, 3),
            units::clock(end.time, 3)
        )
    };
    let share = |bad: u64, all: u64| units::percent(bad as f64 / all.max(1) as f64);
    let window = |us: i64| units::rfc3339(us, 3);
    vec![Finding {
        kind: "onset",
        class: Class::Context,
        connects: weight(wrong.iter().copied()),
        text: format!(
            "the trouble {span}: {} of {} failed, sent a SYN again or took over {}; {} at other times{mover}",
            share(weight(wrong.iter().copied()), weight(inside.iter().copied())),
            units::counted(weight(inside.iter().copied()), "connect"),
            units::duration(limit),
            share(outside, all_outside)
        ),
        command: evidence.command.events(
            &format!(
                "--from {} --to {}",
                window(begin.time),
                window(end.time.saturating_add(1_000))
            ),
            &[],
        ),
    }]
}
