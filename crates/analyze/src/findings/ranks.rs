//! Latencies at quantiles, nearest rank, of events and of all but some: what
//! is compared with the rest must not cost a pass over the rest.

use super::evidence::Event;

/// Latencies in ascending order.
pub fn sorted<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<i64> {
    let mut latencies: Vec<i64> = events.into_iter().map(|event| event.latency_ns).collect();
    latencies.sort_unstable();
    latencies
}

/// The latency at a quantile of events; 0 of none.
pub fn quantile<'a>(events: impl IntoIterator<Item = &'a Event>, q: f64) -> i64 {
    rank(&sorted(events), q).unwrap_or(0)
}

/// The value at a quantile of sorted values.
pub fn rank(sorted: &[i64], q: f64) -> Option<i64> {
    sorted.get(position(sorted.len(), q)?).copied()
}

/// The value at a quantile of sorted values without some of them.
pub fn rank_without(all: &[i64], some: &[i64], q: f64) -> Option<i64> {
    let wanted = position(all.len().checked_sub(some.len())?, q)?;
    let left = |value: i64| {
        let up_to = |sorted: &[i64]| sorted.partition_point(|other| *other <= value);
        up_to(all).saturating_sub(up_to(some))
    };
    let (mut low, mut high) = (0, all.len());
    while low < high {
        let middle = low.midpoint(high);
        if left(all[middle]) > wanted {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    all.get(low).copied()
}

fn position(length: usize, q: f64) -> Option<usize> {
    let rank = (length as f64 * q).ceil() as usize;
    (length > 0).then(|| rank.clamp(1, length) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_some_is_as_if_they_were_not_there() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..300 {
            let mut values = |most: usize| -> Vec<i64> {
                let count = random.usize(0..most);
                (0..count).map(|_| random.i64(0..20)).collect()
            };
            let (mut some, mut rest) = (values(9), values(30));
            let mut all = [some.clone(), rest.clone()].concat();
            for list in [&mut some, &mut rest, &mut all] {
                list.sort_unstable();
            }
            for q in [0.0, 0.1, 0.5, 0.9, 0.95, 1.0] {
                assert_eq!(rank_without(&all, &some, q), rank(&rest, q), "{all:?} {some:?} {q}");
            }
        }
    }
}
