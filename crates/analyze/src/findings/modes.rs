//! Two modes of latency in one destination, with hardly anything between: one
//! of several servers or paths. A heavy tail has no such gap.

use super::incident::Incident;
use super::material::Material;
use super::ranks::{ascending, rank};
use super::thresholds::T;

/// Largest share of the slower mode's size that may lie between the modes.
const BETWEEN: f64 = 0.1;
/// Largest width of the slower mode, as a part of its distance.
const WIDTH: f64 = 0.5;

/// Medians of both modes, ns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Modes {
    pub fast: i64,
    pub slow: i64,
}

/// The two modes of an incident's connects, the bad ones and the good ones.
pub fn two(material: &Material<'_>, incident: &Incident) -> Option<Modes> {
    let rows = incident.bad.iter().chain(&incident.good);
    let measured = rows.map(|row| material.event(*row)).filter(|event| event.measured);
    of(&ascending(measured.map(|event| event.latency_ns)))
}

fn of(sorted: &[i64]) -> Option<Modes> {
    // The widest gap, by which both sides keep enough.
    let least = ((sorted.len() as f64 * T.mode_share).ceil() as usize).max(T.misfortunes as usize);
    let last = sorted.len().checked_sub(least)?;
    // Strays between do not hide the gap: it is looked for some ranks apart.
    let apart = (sorted.len() / 50).max(1);
    let gap = |at: usize| sorted[(at + apart).min(sorted.len() - 1)] - sorted[at];
    let at = (least.saturating_sub(1)..last).max_by_key(|at| gap(*at))?;
    let (fast, slow) = sorted.split_at((at + apart.div_ceil(2)).clamp(1, sorted.len() - 1));
    let modes = Modes { fast: rank(fast, 0.5)?, slow: rank(slow, 0.5)? };
    let distance = modes.slow - modes.fast;
    let (low, high) = (modes.fast + distance / 4, modes.slow - distance / 4);
    let between = sorted.iter().filter(|ns| (low..high).contains(ns)).count() as f64;
    let width = (rank(slow, 0.9)? - rank(slow, 0.1)?) as f64;
    let far = distance >= T.slow_more && modes.slow as f64 >= T.slow_times * modes.fast as f64;
    let enough = slow.len() >= least && fast.len() >= least;
    let narrow = width <= WIDTH * distance as f64;
    (far && enough && narrow && between <= BETWEEN * slow.len() as f64).then_some(modes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: f64 = 1e6;

    fn sorted(mut value: impl FnMut(&mut fastrand::Rng) -> f64, seed: u64) -> Vec<i64> {
        let mut random = fastrand::Rng::with_seed(seed);
        ascending((0..200).map(|_| (value(&mut random) * MS) as i64))
    }

    #[test]
    fn a_heavy_tail_has_no_second_mode() {
        for seed in 0..50 {
            let two = sorted(|r| if r.u8(..4) == 0 { 90.0 + r.f64() } else { 1.0 + r.f64() }, seed);
            let modes = of(&two).expect("two modes");
            assert!((90..92).contains(&(modes.slow / 1_000_000)), "{modes:?}");
            for tail in [
                sorted(|r| -20.0 * (1.0 - r.f64()).ln(), seed),
                sorted(|r| (1.0 - r.f64()).powf(-0.8), seed),
                sorted(
                    |r| if r.u8(..10) == 0 { 5.0 + 55.0 * r.f64() } else { 1.0 + r.f64() },
                    seed,
                ),
                sorted(|r| 5.0 + 145.0 * r.f64(), seed),
                sorted(|r| 80.0 + 4.0 * r.f64(), seed),
            ] {
                assert_eq!(of(&tail), None);
            }
        }
        assert_eq!(of(&[]), None);
    }
}
