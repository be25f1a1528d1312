//! How latencies are spread: counts by latency, and by latency and time.

use std::collections::BTreeMap;

use connlat_schema::capture::columns::{LATENCY_NS, TIME};
use polars::prelude::*;

use super::by::By;
use super::figures::{Key, key_columns};
use super::parts::counted;

/// Steps of a decade: each is about 1.5 times the one before.
const STEPS: [i64; 6] = [10, 15, 20, 30, 50, 70];

/// Connects with latencies from `low` to below `high`, ns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bin {
    /// The group's keys.
    pub keys: Vec<Key>,
    /// Smallest latency of the bin.
    pub low: i64,
    /// Smallest latency above it.
    pub high: i64,
    /// Start of the interval, µs since 1970 UTC; 0 without intervals.
    pub time: i64,
    /// Rows.
    pub connects: i64,
}

/// Bounds of all bins, ascending: 0, then round numbers from 1 µs to 1000 s.
fn bounds() -> Vec<i64> {
    let decades = (2..=11).flat_map(|power| {
        let unit = 10_i64.pow(power);
        STEPS.map(|step| step * unit)
    });
    std::iter::once(0).chain(decades).collect()
}

/// Counts by latency. Bins between the first and the last that hold something
/// are all given, so that gaps show.
pub fn histogram(frame: &LazyFrame, by: &[By]) -> PolarsResult<Vec<Bin>> {
    let bounds = bounds();
    let mut groups: BTreeMap<Vec<Key>, BTreeMap<i64, Bin>> = BTreeMap::new();
    for bin in counts(frame, by, None)? {
        groups.entry(bin.keys.clone()).or_default().insert(bin.low, bin);
    }
    for (keys, bins) in &mut groups {
        let ends = bins.keys().next().copied().zip(bins.keys().next_back().copied());
        let Some((first, last)) = ends else { continue };
        for low in bounds.iter().filter(|low| (first..=last).contains(*low)) {
            let empty = || Bin { keys: keys.clone(), ..bin(&bounds, *low, 0, 0) };
            bins.entry(*low).or_insert_with(empty);
        }
    }
    Ok(groups.into_values().flat_map(BTreeMap::into_values).collect())
}

/// Counts by latency and interval of `every` µs; only those that hold something.
pub fn heatmap(frame: &LazyFrame, every: i64) -> PolarsResult<Vec<Bin>> {
    counts(frame, &[], Some(every))
}

fn bin(bounds: &[i64], low: i64, time: i64, connects: i64) -> Bin {
    let high = bounds.iter().copied().find(|bound| *bound > low).unwrap_or(i64::MAX);
    Bin { keys: Vec::new(), low, high, time, connects }
}

fn counts(frame: &LazyFrame, by: &[By], every: Option<i64>) -> PolarsResult<Vec<Bin>> {
    const LOW: &str = "figure low";
    const START: &str = "figure start";
    const COUNT: &str = "figure count";
    let bounds = bounds();
    let place = bounds.clone();
    let low = col(LATENCY_NS).map(
        move |latencies| {
            let latencies = latencies.i64()?;
            let low = |latency: i64| {
                let after = place.partition_point(|bound| *bound <= latency);
                place[after.saturating_sub(1)]
            };
            Ok(latencies.apply_values(low).into_column())
        },
        |_, field| Ok(field.clone()),
    );
    let time = || col(TIME).cast(DataType::Int64);
    let start = every
        .map_or_else(|| lit(0_i64).cast(DataType::Int64), |every| time() - time() % lit(every));
    let names: Vec<String> = by.iter().map(|by| by.name()).collect();
    let mut keys = vec![low.alias(LOW), start.alias(START)];
    keys.extend(by.iter().map(|by| by.expr()));
    let mut all_names = vec![LOW.to_owned(), START.to_owned()];
    all_names.extend(names.iter().cloned());
    let answer = counted(frame, &keys, &all_names, COUNT)?;
    let number = |name: &str| answer.column(name)?.i64();
    let (lows, starts, counts) = (number(LOW)?, number(START)?, number(COUNT)?);
    let keys = key_columns(&answer, &names)?;
    Ok((0..answer.height())
        .map(|row| {
            let get = |column: &Int64Chunked| column.get(row).unwrap_or(0);
            let keys = keys.iter().map(|column| column[row].clone()).collect();
            Bin { keys, ..bin(&bounds, get(lows), get(starts), get(counts)) }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_round_and_grow_evenly() {
        let bounds = bounds();
        assert_eq!(bounds[..4], [0, 1_000, 1_500, 2_000]);
        for pair in bounds[1..].windows(2) {
            let ratio = pair[1] as f64 / pair[0] as f64;
            assert!((1.3..1.7).contains(&ratio), "{pair:?}");
        }
    }
}
