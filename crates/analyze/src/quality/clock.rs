//! What the clock samples of a capture say about its wall-clock times.

use connlat_schema::capture::metadata::ClockSample;

/// Smallest jump between the clocks that is called a step, ns. NTP slews both
/// clocks alike, so their distance changes only when one is set; a few
/// milliseconds allow for a recorder descheduled between the readings.
const STEP_NS: i128 = 5_000_000;
/// `TIME_ERROR` of adjtimex(2): the clock is not synchronised.
const TIME_ERROR: i32 = 5;

/// The samples, judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// Number of samples.
    pub samples: usize,
    /// Largest step of the wall clock between two samples, ns, with its sign.
    pub step_ns: Option<i64>,
    /// Whether the kernel called it synchronised in every sample; none if it
    /// never said.
    pub synchronised: Option<bool>,
    /// Largest bound the kernel gave on its error, µs.
    pub max_error_us: Option<i64>,
}

impl Clock {
    /// Judges samples, which are in the order they were taken.
    pub fn judge(samples: &[ClockSample]) -> Self {
        let step = samples
            .windows(2)
            .filter_map(|pair| step_between(&pair[0], &pair[1]))
            .max_by_key(|step| step.unsigned_abs());
        let states = || samples.iter().filter_map(|sample| sample.adjtimex_state);
        Self {
            samples: samples.len(),
            step_ns: step,
            synchronised: states().next().map(|_| states().all(|state| state < TIME_ERROR)),
            max_error_us: samples.iter().filter_map(|sample| sample.max_error_us).max(),
        }
    }
}

fn step_between(before: &ClockSample, after: &ClockSample) -> Option<i64> {
    // Wider than the fields: a forged sample must not overflow.
    let offset =
        |sample: &ClockSample| i128::from(sample.realtime_ns) - i128::from(sample.monotonic_ns);
    let step = offset(after) - offset(before);
    let reading_error = i128::from(before.bracket_ns) + i128::from(after.bracket_ns);
    let stepped = step.abs() > STEP_NS + reading_error.abs();
    stepped.then(|| i64::try_from(step).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(monotonic_ns: i64, realtime_ns: i64) -> ClockSample {
        ClockSample {
            monotonic_ns,
            realtime_ns,
            bracket_ns: 100,
            adjtimex_state: Some(0),
            max_error_us: Some(250),
        }
    }

    #[test]
    fn steps_are_found_with_their_sign() {
        let steady = [sample(0, 1_000), sample(10, 1_010), sample(20, 5_000_020)];
        assert_eq!(Clock::judge(&steady).step_ns, None);
        let back = [sample(0, 0), sample(10, 6_000_010), sample(20, -3_000_000_000)];
        assert_eq!(Clock::judge(&back).step_ns, Some(-3_006_000_020));
        let forged = [sample(i64::MIN, i64::MAX), sample(i64::MAX, i64::MIN)];
        assert_eq!(Clock::judge(&forged).step_ns, Some(i64::MAX));
    }

    #[test]
    fn no_samples_say_nothing() {
        assert_eq!(Clock::judge(&[]), Clock::default());
    }

    #[test]
    fn one_unsynchronised_sample_is_enough() {
        let mut samples = [sample(0, 0), sample(1, 1)];
        assert_eq!(Clock::judge(&samples).synchronised, Some(true));
        samples[1].adjtimex_state = Some(5);
        assert_eq!(Clock::judge(&samples).synchronised, Some(false));
    }
}
