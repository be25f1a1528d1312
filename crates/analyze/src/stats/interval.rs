//! Intervals of time that an answer is divided into, µs.

/// More intervals than anyone reads; the guard against `--every 1us` on a day.
pub const MAX_BUCKETS: u64 = 100_000;

/// Widths that are chosen when none is asked for, µs: round numbers, each at
/// most 2.5 times the one before.
const ROUND_WIDTHS: [i64; 27] = {
    const MS: i64 = 1_000;
    const S: i64 = 1_000 * MS;
    const MIN: i64 = 60 * S;
    const H: i64 = 60 * MIN;
    const D: i64 = 24 * H;
    [
        MS,
        2 * MS,
        5 * MS,
        10 * MS,
        20 * MS,
        50 * MS,
        100 * MS,
        200 * MS,
        500 * MS,
        S,
        2 * S,
        5 * S,
        10 * S,
        15 * S,
        30 * S,
        MIN,
        2 * MIN,
        5 * MIN,
        10 * MIN,
        15 * MIN,
        30 * MIN,
        H,
        2 * H,
        4 * H,
        8 * H,
        D,
        2 * D,
    ]
};

/// Most intervals a chosen width gives.
const CHOSEN_BUCKETS: i64 = 20;

/// The span holds too many intervals of this width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{buckets} intervals, at most {MAX_BUCKETS} can be shown; use a longer --every")]
pub struct TooManyBuckets {
    buckets: u128,
}

/// First and last microsecond the series covers.
pub type Span = Option<(i64, i64)>;

/// A round width that divides the span into at most 20 intervals, and into
/// at least 8 or so where there is a choice.
pub fn every_for(span: Span) -> i64 {
    every_for_at_most(span, CHOSEN_BUCKETS)
}

/// A round width that divides the span into at most `most` intervals.
pub fn every_for_at_most(span: Span, most: i64) -> i64 {
    let Some((first, last)) = span else {
        return 1_000_000;
    };
    let fits = |every: i64| last.div_euclid(every).saturating_sub(first.div_euclid(every)) < most;
    let days = |count: i64| count * 86_400_000_000;
    let long = [days(7), days(28), days(364), days(3_640), days(36_400), days(3_640_000)];
    ROUND_WIDTHS.into_iter().chain(long).find(|every| fits(*every)).unwrap_or(i64::MAX)
}

/// Whether a span holds no more intervals than anyone reads.
///
/// # Errors
/// When there are more than [`MAX_BUCKETS`].
pub fn check_buckets((first, last): (i64, i64), every: i64) -> Result<(), TooManyBuckets> {
    let buckets = last.div_euclid(every).abs_diff(first.div_euclid(every)) as u128 + 1;
    if buckets > u128::from(MAX_BUCKETS) { Err(TooManyBuckets { buckets }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn chosen_widths_are_round_and_give_few_intervals() {
        let cases = [(60, 5), (20, 1), (21, 2), (600, 30), (3_600, 300), (86_400, 7_200)];
        for (seconds, every) in cases {
            assert_eq!(every_for(Some((0, seconds * S - 1))), every * S, "{seconds} s");
        }
        assert_eq!(every_for(Some((7, 7))), 1_000);
        assert_eq!(every_for(None), S);
    }

    #[test]
    fn any_span_has_a_width() {
        for span in [(i64::MIN, i64::MAX), (0, i64::MAX), (i64::MIN, 0), (-1, 1)] {
            assert!(every_for(Some(span)) > 0);
        }
    }

    #[test]
    fn widths_grow_without_a_jump() {
        for pair in ROUND_WIDTHS.windows(2) {
            assert!(pair[0] < pair[1] && pair[1] <= 3 * pair[0], "{pair:?}");
        }
    }
}
