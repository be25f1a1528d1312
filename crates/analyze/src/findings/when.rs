//! When trouble began, whether it ended, and whether it comes back.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use super::thresholds::T;

/// How bad connects lie in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pattern {
    /// From the first connect of the scope to the last.
    Always,
    /// From one moment to another, or to the end.
    Interval,
    /// Again and again, evenly: µs from one to the next.
    Periodic(i64),
    /// Now and then.
    Scattered,
}

impl Pattern {
    /// Stable name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Interval => "interval",
            Self::Periodic(_) => "periodic",
            Self::Scattered => "scattered",
        }
    }
}

/// When bad connects were made, µs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct When {
    /// First bad start; none if it was there when the recording began.
    pub began: Option<i64>,
    /// Last bad start, if good ones follow.
    pub ended: Option<i64>,
    /// First and last bad start.
    pub first: i64,
    pub last: i64,
    pub pattern: Pattern,
}

impl When {
    /// Whether nothing says that it is over.
    pub fn ongoing(&self) -> bool {
        self.ended.is_none()
    }
}

/// Rows of a scope in order of time, each with whether it is bad; of these the
/// bad ones from one moment to another, if not all.
pub fn when(rows: &[(i64, bool)], span: Option<(i64, i64)>) -> Option<When> {
    let bad = |row: &(i64, bool)| row.1;
    let (from, to) = match span {
        Some(span) => span,
        None => (rows.iter().find(|row| bad(row))?.0, rows.iter().rfind(|row| bad(row))?.0),
    };
    // Bad ones just before and after belong to it.
    let begin = rows.partition_point(|row| row.0 < from);
    let end = rows.partition_point(|row| row.0 <= to);
    let before = rows[..begin].iter().rev().take_while(|row| bad(row)).count();
    let after = rows[end..].iter().take_while(|row| bad(row)).count();
    let (begin, end) = (begin - before, end + after);
    let inside = &rows[begin..end];
    let (first, last) = (inside.iter().find(|r| bad(r))?.0, inside.iter().rfind(|r| bad(r))?.0);
    let count = inside.iter().filter(|row| bad(row)).count();
    let rate = count as f64 / inside.len().max(1) as f64;
    // So many good ones in a row would be chance once in a hundred times.
    let enough = if rate >= 0.99 { 2.0 } else { (0.01_f64.ln() / (1.0 - rate).ln()).max(2.0) };
    let calm_before = begin as f64 >= enough;
    let calm_after = (rows.len() - end) as f64 >= enough;
    let pattern = match (span, calm_before, calm_after) {
        (None, ..) if rate < 0.8 => Pattern::Scattered,
        (_, false, false) => Pattern::Always,
        _ => Pattern::Interval,
    };
    let scattered = pattern == Pattern::Scattered;
    Some(When {
        began: (calm_before && !scattered).then_some(first),
        ended: (calm_after && !scattered).then_some(last),
        first,
        last,
        pattern,
    })
}

/// A fault that comes back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Period {
    /// From one to the next, µs.
    pub every: i64,
    /// Start of the first, µs.
    pub first: i64,
    /// From the first bad start of one to its last, µs.
    pub length: i64,
    pub cycles: u64,
}

impl Period {
    /// Whether a moment lies in the bad part of its cycle.
    pub fn covers(&self, time: i64) -> bool {
        let slack = self.every / 50;
        (time - self.first + slack).rem_euclid(self.every) <= self.length + 2 * slack
    }
}

/// Steps of the search for a period, as a part of it.
const STEP: f64 = 0.004;
/// Bad starts that a period is looked for in.
const SEARCHED: usize = 600;
/// Shortest period, µs.
const SHORTEST: f64 = 400_000.0;
/// Loss, as a part of the largest, below which a connect marks no moment.
const NEXT_TO_NOTHING: f64 = 0.08;
/// Longest part of a cycle that may be bad.
const PART: f64 = 0.35;

/// The period of bad starts (µs, ascending, each with the time it lost), if
/// they have one: what lost little counts little.
pub fn period(starts: &[(i64, f64)]) -> Option<Period> {
    // Steps fine enough for a few cycles; all of them then say how long one is.
    let few = search(&starts[..starts.len().min(SEARCHED)])?;
    if starts.len() > SEARCHED { verified(starts, few.every as f64) } else { Some(few) }
}

fn search(starts: &[(i64, f64)]) -> Option<Period> {
    let (first, last) = (starts.first()?.0, starts.last()?.0);
    let length = last.saturating_sub(first) as f64;
    let sample: Vec<(f64, f64)> =
        starts.iter().map(|(at, lost)| ((at - first) as f64, *lost)).collect();
    let lost: f64 = sample.iter().map(|(_, lost)| lost).sum();
    let squares: f64 = sample.iter().map(|(_, lost)| lost * lost).sum();
    let longest = length / (T.cycles as f64 - 1.0) * 1.1;
    let mut best: Option<(f64, f64)> = None;
    let mut every = SHORTEST;
    while every <= longest && starts.len() >= 3 * T.cycles as usize && lost > 0.0 {
        let (sine, cosine) = sample.iter().fold((0.0, 0.0), |(s, c), (at, lost)| {
            let (sine, cosine) = (at / every * TAU).sin_cos();
            (s + sine * lost, c + cosine * lost)
        });
        let resultant = f64::hypot(sine, cosine) / lost;
        // Parts of the period fit as well; the longest of about equals counts.
        if best.is_none_or(|(known, _)| resultant >= known * 0.98) {
            best = Some((best.map_or(resultant, |(known, _)| known.max(resultant)), every));
        }
        every *= 1.0 + STEP;
    }
    let (resultant, every) = best?;
    if resultant < T.regular || lost * lost / squares * resultant.powi(2) < 12.0 {
        return None;
    }
    verified(starts, every)
}

/// Almost every cycle has its bad part, at the same time in it; strays at other
/// times are few.
fn verified(starts: &[(i64, f64)], every: f64) -> Option<Period> {
    let first = starts.first()?.0;
    let turn = |time: i64| (time - first) as f64 / every * TAU;
    let sine: f64 = starts.iter().map(|(at, lost)| turn(*at).sin() * lost).sum();
    let cosine: f64 = starts.iter().map(|(at, lost)| turn(*at).cos() * lost).sum();
    let middle = sine.atan2(cosine) / TAU * every;
    // What lost next to nothing says nothing about beginnings and ends.
    let most = starts.iter().map(|(_, lost)| *lost).fold(0.0, f64::max);
    let mut cycles: BTreeMap<i64, (i64, i64, usize)> = BTreeMap::new();
    let (mut strays, mut all) = (0.0, 0.0);
    for (time, lost) in starts {
        all += lost;
        let at = ((time - first) as f64 - middle) / every;
        if (at - at.round()).abs() > PART / 2.0 {
            strays += lost;
            continue;
        }
        if *lost < most * NEXT_TO_NOTHING {
            continue;
        }
        let cycle = cycles.entry(at.round() as i64).or_insert((*time, *time, 0));
        (cycle.1, cycle.2) = (*time, cycle.2 + 1);
    }
    let usual = cycles.values().map(|cycle| cycle.2).max()?;
    cycles.retain(|_, cycle| cycle.2 * 5 >= usual);
    let (begin, end) = (cycles.first_key_value()?, cycles.last_key_value()?);
    let turns = end.0 - begin.0;
    let mean = (end.1.0 - begin.1.0) as f64 / turns.max(1) as f64;
    let even = cycles.iter().filter(|(turn, cycle)| {
        let expected = begin.1.0 as f64 + (*turn - begin.0) as f64 * mean;
        (cycle.0 as f64 - expected).abs() < every * 0.1
    });
    let length = cycles.values().map(|cycle| cycle.1 - cycle.0).max()?;
    let count = cycles.len() as i64;
    let enough = count >= T.cycles as i64 && even.count() as i64 * 5 >= (turns + 1) * 4;
    (enough && strays * 4.0 <= all && (length as f64) < every * PART).then(|| Period {
        every: mean.round() as i64,
        first: begin.1.0,
        length,
        cycles: count.unsigned_abs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn rows(bad: impl Fn(i64) -> bool) -> Vec<(i64, bool)> {
        (0..60).map(|n| (n * S, bad(n))).collect()
    }

    #[test]
    fn beginnings_and_ends() {
        let always = when(&rows(|_| true), None).expect("bad ones");
        assert_eq!((always.began, always.ended), (None, None));
        assert_eq!(always.pattern, Pattern::Always);
        let spell = when(&rows(|n| (20..30).contains(&n)), Some((21 * S, 25 * S))).expect("some");
        assert_eq!((spell.began, spell.ended), (Some(20 * S), Some(29 * S)));
        let stays = when(&rows(|n| n >= 40), Some((40 * S, 59 * S))).expect("some");
        assert_eq!((stays.began, stays.ongoing()), (Some(40 * S), true));
        let rare = when(&rows(|n| n % 9 == 0), None).expect("some");
        assert_eq!((rare.pattern, rare.began), (Pattern::Scattered, None));
    }

    #[test]
    fn periods_are_found_and_not_invented() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut stalls: Vec<i64> =
            (0..6).flat_map(|n| (0..8).map(move |k| n * 3 * S + k * 35_000)).collect();
        let even = |times: &[i64]| period(&times.iter().map(|at| (*at, 1.0)).collect::<Vec<_>>());
        let found = even(&stalls).expect("a period");
        assert!((found.every - 3 * S).abs() < S / 20, "{found:?}");
        assert_eq!((found.cycles, found.length), (6, 245_000));
        assert!(found.covers(6 * S + 100_000) && !found.covers(7 * S));
        // A few strays do not hide it.
        stalls.extend([S, 7 * S + S / 2]);
        stalls.sort_unstable();
        assert!(even(&stalls).is_some());
        for _ in 0..200 {
            let count = random.usize(9..60);
            let mut times: Vec<i64> = (0..count).map(|_| random.i64(0..15 * S)).collect();
            times.sort_unstable();
            assert_eq!(even(&times), None, "{times:?}");
        }
        // Three spells at uneven distances.
        let uneven: Vec<i64> =
            [0, 4, 6].into_iter().flat_map(|n| (0..8).map(move |k| n * S + k * 9_000)).collect();
        assert_eq!(even(&uneven), None);
    }
}
