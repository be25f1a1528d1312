//! When it began and ended: the stretch of time in which connects went worse
//! than before and after, more clearly than chance would have it.

use std::collections::BTreeMap;

use super::evidence::{Event, Evidence, group, weight};
use super::ranks::{rank, sorted};
use super::{Class, Finding};
use crate::units;

/// Intervals the recording is divided into.
const INTERVALS: usize = 60;
/// Bad connects that make a finding.
const FEWEST: f64 = 10.0;
/// How much worse than the rest it must be.
const TIMES_THE_REST: f64 = 4.0;
/// Share of all that went wrong that it must hold.
const SHARE: f64 = 0.5;
/// Log-likelihood ratio that makes a stretch more than chance, with all the
/// stretches that were tried in mind.
const CLEAR: f64 = 15.0;
/// A latency so many times that of the fastest tenth to the same place, and
/// longer by so much, is bad; the fastest of so many say what is usual.
const SLOW_TIMES: i64 = 5;
const SLOW_NS: i64 = 1_000_000;
const ENOUGH: usize = 10;
/// Connects to the same place that make a time before or after.
const FEWEST_AROUND: usize = 3;

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

/// What is bad: a far host is not slow because others are near.
struct Limits {
    ports: BTreeMap<(usize, i64), i64>,
    nets: BTreeMap<usize, i64>,
}

impl Limits {
    fn of(evidence: &Evidence) -> Self {
        let plain = || evidence.events.iter().filter(|e| e.measured && e.retransmits == 0);
        let limit = |events: Vec<&Event>| {
            let usual = rank(&sorted(events.iter().copied()), 0.1)?;
            (events.len() >= ENOUGH).then(|| usual.saturating_mul(SLOW_TIMES) + SLOW_NS)
        };
        let ports = group(plain(), |event| (event.dst, event.dst_port)).into_iter();
        let nets = group(plain(), |event| event.net).into_iter();
        Self {
            ports: ports.filter_map(|(key, events)| Some((key, limit(events)?))).collect(),
            nets: nets.filter_map(|(key, events)| Some((key, limit(events)?))).collect(),
        }
    }

    fn slow(&self, event: &Event) -> bool {
        let limit = self.ports.get(&(event.dst, event.dst_port));
        let limit = limit.or_else(|| self.nets.get(&event.net));
        event.measured && limit.is_some_and(|limit| event.latency_ns > *limit)
    }

    fn bad(&self, event: &Event) -> bool {
        !event.raced && (event.outcome.is_failure() || event.retransmits > 0 || self.slow(event))
    }
}

/// What went wrong in the stretch.
struct Stretch<'a> {
    begin: &'a Event,
    end: &'a Event,
    /// Connects to the same places before and after.
    before: usize,
    after: usize,
}

impl<'a> Stretch<'a> {
    /// Of what went wrong within the intervals, all connects to the places that
    /// have a part in it: those just before and after may belong to it, too.
    fn of(wrong: &[&'a Event], evidence: &'a Evidence, limits: &Limits) -> Option<Self> {
        let mut places = group(wrong.iter().copied(), |event| (event.dst, event.dst_port));
        // Stray ones are not the first to move, unless all are.
        let part = |events: &Vec<&Event>| events.len() * 10 >= wrong.len();
        if places.values().any(part) {
            places.retain(|_, events| part(events));
        }
        let to_them = evidence.events.iter().filter(|e| places.contains_key(&(e.dst, e.dst_port)));
        let mut stretches = Vec::new();
        for (place, all) in group(to_them, |event| (event.dst, event.dst_port)) {
            let wrong = &places[&place];
            let at = |event: &Event| all.iter().position(|other| std::ptr::eq(*other, event));
            let (first, last) = (at(wrong.first()?)?, at(wrong.last()?)?);
            let bad = |event: &&&Event| limits.bad(event);
            let before = first - all[..first].iter().rev().take_while(bad).count();
            let last = last + all[last + 1..].iter().take_while(bad).count();
            let after = all.len() - last - 1;
            stretches.push(Self { begin: all[before], end: all[last], before, after });
        }
        let first = stretches.iter().min_by_key(|stretch| stretch.begin.time)?;
        let last = stretches.iter().max_by_key(|stretch| stretch.end.time)?;
        Some(Self { begin: first.begin, end: last.end, before: first.before, after: last.after })
    }
}

/// The stretch, if there is one.
pub fn onset(evidence: &Evidence) -> Vec<Finding> {
    let limits = Limits::of(evidence);
    let wrong = clearest(evidence, &limits);
    let Some(stretch) = Stretch::of(&wrong, evidence, &limits) else { return Vec::new() };
    let (begin, end) = (stretch.begin, stretch.end);
    let inside: Vec<&Event> = evidence
        .events
        .iter()
        .filter(|event| (begin.time..=end.time).contains(&event.time))
        .collect();
    let wrong: Vec<&Event> = inside.iter().copied().filter(|event| limits.bad(event)).collect();
    let at = |event: &Event| units::clock(event.time, 3);
    let span = match (stretch.before >= FEWEST_AROUND, stretch.after >= FEWEST_AROUND) {
        (true, true) => format!("began at {} and ended at {}", at(begin), at(end)),
        (true, false) => format!("began at {} and went on to the end", at(begin)),
        (false, true) => format!("was there from the start and ended at {}", at(end)),
        (false, false) => format!("was seen from {} to {}", at(begin), at(end)),
    };
    let mover =
        format!("; first to move was {} at {}", evidence.dst(begin.dst, begin.dst_port), at(begin));
    let share = |bad: u64, all: u64| units::percent(bad as f64 / all.max(1) as f64);
    let (bad, all) = (weight(wrong.iter().copied()), weight(inside.iter().copied()));
    let all_bad = weight(evidence.events.iter().filter(|event| limits.bad(event)));
    let window = |us: i64| units::rfc3339(us, 3);
    vec![Finding {
        kind: "onset",
        class: Class::Context,
        connects: bad,
        text: format!(
            "the trouble {span}: {} of {} {}; {} at other times{mover}",
            share(bad, all),
            units::counted(all, "connect"),
            how(&limits, &wrong),
            share(all_bad - bad, weight(&evidence.events) - all)
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

/// What went wrong in the intervals where most did.
fn clearest<'a>(evidence: &'a Evidence, limits: &Limits) -> Vec<&'a Event> {
    let Some((first, last)) = evidence.span() else { return Vec::new() };
    let length = i128::from(last) - i128::from(first) + 1;
    let interval = |event: &Event| {
        let interval = (i128::from(event.time) - i128::from(first)) * INTERVALS as i128 / length;
        usize::try_from(interval).unwrap_or(0).min(INTERVALS - 1)
    };
    let mut sums = vec![Count::default(); INTERVALS + 1];
    for event in &evidence.events {
        let count = &mut sums[interval(event) + 1];
        count.all += event.weight as f64;
        count.bad += if limits.bad(event) { event.weight as f64 } else { 0.0 };
    }
    for index in 1..sums.len() {
        sums[index].all += sums[index - 1].all;
        sums[index].bad += sums[index - 1].bad;
    }
    let Some((from, to)) = worst(&sums) else { return Vec::new() };
    let inside = evidence.events.iter().filter(|event| (from..to).contains(&interval(event)));
    inside.filter(|event| limits.bad(event)).collect()
}

/// The clearest stretch: from one interval to before another.
fn worst(sums: &[Count]) -> Option<(usize, usize)> {
    let total = *sums.last()?;
    let mut best: Option<(f64, usize, usize)> = None;
    for from in 0..INTERVALS {
        for to in from + 1..=INTERVALS {
            let inside =
                Count { bad: sums[to].bad - sums[from].bad, all: sums[to].all - sums[from].all };
            let outside = Count { bad: total.bad - inside.bad, all: total.all - inside.all };
            if inside.bad < FEWEST.max(SHARE * total.bad)
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
    best.map(|(_, from, to)| (from, to))
}

/// What became of those that went wrong, leaving out what few did.
fn how(limits: &Limits, wrong: &[&Event]) -> String {
    let share = |is: &dyn Fn(&Event) -> bool| {
        wrong.iter().filter(|event| is(event)).count() * 20 >= wrong.len()
    };
    let mut words = Vec::new();
    if share(&|event| event.outcome.is_failure()) {
        words.push("failed".to_owned());
    }
    if share(&|event| event.retransmits > 0 && !event.outcome.is_failure()) {
        words.push("sent a SYN again".to_owned());
    }
    let slow = |event: &Event| event.retransmits == 0 && limits.slow(event);
    if share(&slow) {
        let latencies = sorted(wrong.iter().copied().filter(|event| slow(event)));
        words.push(format!(
            "took over {SLOW_TIMES} times the usual (p50 of those {})",
            units::duration(rank(&latencies, 0.5).unwrap_or(0))
        ));
    }
    words.join(" or ")
}
