//! Bins of a histogram for people: round numbers, each about 1.5 times the one
//! before.

use std::sync::LazyLock;

/// Steps of a decade.
const STEPS: [i64; 6] = [10, 15, 20, 30, 50, 70];

/// Lower bounds of all bins, ns, ascending: 0, then from 1 µs to 1000 s.
pub fn bounds() -> &'static [i64] {
    static BOUNDS: LazyLock<Vec<i64>> = LazyLock::new(|| {
        let decades = (2..=11).flat_map(|power| {
            let unit = 10_i64.pow(power);
            STEPS.map(|step| step * unit)
        });
        std::iter::once(0).chain(decades).collect()
    });
    &BOUNDS
}

/// The lower bound of the bin of a latency, ns.
pub fn low_of(latency: i64) -> i64 {
    let bounds = bounds();
    let after = bounds.partition_point(|bound| *bound <= latency);
    bounds[after.saturating_sub(1)]
}

/// The smallest latency above the bin that begins at `low`, ns.
pub fn high_of(low: i64) -> i64 {
    bounds().iter().copied().find(|bound| *bound > low).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_round_and_grow_evenly() {
        assert_eq!(bounds()[..4], [0, 1_000, 1_500, 2_000]);
        for pair in bounds()[1..].windows(2) {
            let ratio = pair[1] as f64 / pair[0] as f64;
            assert!((1.3..1.7).contains(&ratio), "{pair:?}");
        }
    }

    #[test]
    fn each_latency_lies_in_its_bin() {
        for latency in [0, 999, 1_000, 1_499, 1_500, 123_456_789, i64::MAX - 1] {
            let low = low_of(latency);
            assert!((low..high_of(low)).contains(&latency), "{latency}");
        }
        assert_eq!(low_of(i64::MIN), 0);
    }
}
