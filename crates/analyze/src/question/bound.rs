//! The value behind which the first so many rows lie, in an order by one
//! column: found by counting in ever narrower ranges, so that only those rows
//! need to be held and sorted.

use polars::prelude::*;

use crate::source::collect;

/// Rows that may be sorted at a time.
pub const FEW: i64 = 100_000;
/// Ranges that are counted at a time.
const RANGES: i128 = 2_048;

/// A value that at least `k` rows do not lie beyond, and as few more as may be.
pub struct Bound {
    /// The value.
    pub value: i64,
    /// Rows strictly before it, at most.
    pub before: i64,
    /// Rows before it and at it.
    pub within: i64,
}

/// The bound of the first `k` rows by `key`, an integer that is never null;
/// none if there are not as many rows.
pub fn bound(
    frame: &LazyFrame,
    key: &Expr,
    descending: bool,
    k: i64,
) -> PolarsResult<Option<Bound>> {
    const KEY: &str = "bound key";
    const RANGE: &str = "bound range";
    const COUNT: &str = "bound count";
    const LOW: &str = "bound low";
    const HIGH: &str = "bound high";
    let (mut low, mut high) = (i64::MIN, i64::MAX);
    let mut before = 0;
    loop {
        let span = i128::from(high) - i128::from(low) + 1;
        let width = i64::try_from(span / RANGES).unwrap_or(i64::MAX).max(1);
        let options = SortMultipleOptions::default().with_order_descending(descending);
        let counted = frame
            .clone()
            .select([key.clone().alias(KEY)])
            .filter(col(KEY).gt_eq(lit(low)).and(col(KEY).lt_eq(lit(high))))
            .group_by([col(KEY).floor_div(lit(width)).alias(RANGE)])
            .agg([
                len().cast(DataType::Int64).alias(COUNT),
                col(KEY).min().alias(LOW),
                col(KEY).max().alias(HIGH),
            ])
            .sort([RANGE], options);
        let counted = collect(counted)?;
        let number = |name: &str| counted.column(name)?.i64();
        let (counts, lows, highs) = (number(COUNT)?, number(LOW)?, number(HIGH)?);
        let mut found = None;
        for row in 0..counted.height() {
            let count = counts.get(row).unwrap_or(0);
            if before + count >= k {
                found = lows.get(row).zip(highs.get(row)).map(|ends| (ends, count));
                break;
            }
            before += count;
        }
        let Some((ends, count)) = found else { return Ok(None) };
        (low, high) = ends;
        if low == high || before + count <= FEW {
            let value = if descending { low } else { high };
            return Ok(Some(Bound { value, before, within: before + count }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_that_of_the_sorted_values() {
        let mut random = fastrand::Rng::with_seed(12);
        for range in [3, 1 << 20, i64::MAX] {
            let mut values: Vec<i64> = (0..300_000).map(|_| random.i64(-range..range)).collect();
            values.extend([i64::MIN, i64::MAX, i64::MAX]);
            let column = Column::new("x".into(), &values);
            let frame = DataFrame::new(values.len(), vec![column]).expect("a frame").lazy();
            values.sort_unstable();
            for (k, descending) in [(1, false), (20, true), (150_000, false), (300_003, true)] {
                let found = bound(&frame, &col("x"), descending, k).expect("an answer");
                let found = found.expect("enough rows");
                let within = |value: i64| match descending {
                    true => value >= found.value,
                    false => value <= found.value,
                };
                let count = values.iter().filter(|value| within(**value)).count() as i64;
                assert_eq!(count, found.within, "{range} {k}");
                assert!(count >= k && found.before < k, "{range} {k}");
                let at = values.iter().filter(|value| **value == found.value).count() as i64;
                assert!(count <= FEW || count - at < k, "{range} {k}: {count}");
            }
            assert!(bound(&frame, &col("x"), true, 300_004).expect("an answer").is_none());
        }
    }
}
