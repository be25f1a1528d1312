//! Values at quantiles, nearest rank.

/// Values in ascending order.
pub fn ascending(values: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut values: Vec<i64> = values.into_iter().collect();
    values.sort_unstable();
    values
}

/// The value at a quantile of sorted values.
pub fn rank(sorted: &[i64], q: f64) -> Option<i64> {
    sorted.get(position(sorted.len(), q)?).copied()
}

fn position(length: usize, q: f64) -> Option<usize> {
    let rank = (length as f64 * q).ceil() as usize;
    (length > 0).then(|| rank.clamp(1, length) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_values_that_were_there() {
        let values = ascending([5, 1, 4, 2, 3]);
        assert_eq!([0.0, 0.1, 0.5, 0.9, 1.0].map(|q| rank(&values, q)), [1, 1, 3, 5, 5].map(Some));
        assert_eq!(rank(&[], 0.5), None);
    }
}
