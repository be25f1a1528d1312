//! Aggregation of more rows than may be held: part by part in order of time,
//! each merged into what is known before the next is read.
//!
//! The streaming engine keeps the rows of all but the few thousand groups it
//! meets most until its end, some 50 bytes each; a part bounds how many.

use connlat_schema::capture::columns::TIME;
use polars::prelude::*;

use crate::source::{collect, moment};

/// Rows of a part.
const PART: i64 = 20_000_000;
/// Spans of time that rows are counted in to cut them into parts.
const SPANS: i64 = 512;

/// How the same figure of two parts becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// Added up.
    Sum,
    /// The smaller.
    Min,
    /// The larger.
    Max,
}

/// A figure, its expression named for it.
pub type Figure = (Expr, String, Merge);

/// The figures of each group of the keys, which are named as given; of all
/// rows if there are no keys.
pub fn aggregated(
    frame: &LazyFrame,
    keys: &[Expr],
    names: &[String],
    figures: &[Figure],
) -> PolarsResult<DataFrame> {
    match keys {
        // One group is never more than its figures.
        [] => at_once(frame.clone(), keys, figures),
        _ => in_parts(frame, PART, keys, names, figures),
    }
}

/// The same without parts, where there are too few groups to need them.
pub fn at_once(frame: LazyFrame, keys: &[Expr], figures: &[Figure]) -> PolarsResult<DataFrame> {
    let named = figures.iter().map(|(figure, name, _)| figure.clone().alias(name));
    ask(frame, keys, named.collect())
}

fn ask(frame: LazyFrame, keys: &[Expr], figures: Vec<Expr>) -> PolarsResult<DataFrame> {
    collect(match keys {
        [] => frame.select(figures),
        keys => frame.group_by(keys).agg(figures),
    })
}

/// The number of rows of each group, under a name of its own.
pub fn counted(
    frame: &LazyFrame,
    keys: &[Expr],
    names: &[String],
    count: &str,
) -> PolarsResult<DataFrame> {
    let figure = (len().cast(DataType::Int64), count.to_owned(), Merge::Sum);
    aggregated(frame, keys, names, &[figure])
}

fn in_parts(
    frame: &LazyFrame,
    part: i64,
    keys: &[Expr],
    names: &[String],
    figures: &[Figure],
) -> PolarsResult<DataFrame> {
    let again: Vec<Expr> = figures
        .iter()
        .map(|(_, name, merge)| match merge {
            Merge::Sum => col(name).sum(),
            Merge::Min => col(name).min(),
            Merge::Max => col(name).max(),
        })
        .collect();
    let named: Vec<Expr> = names.iter().map(col).collect();
    let mut known: Option<DataFrame> = None;
    for span in spans(frame, part)? {
        let rows = match span {
            Some((from, to)) => {
                let after = col(TIME).gt_eq(moment(from));
                frame.clone().filter(after.and(col(TIME).lt_eq(moment(to))))
            }
            None => frame.clone(),
        };
        let found = at_once(rows, keys, figures)?;
        known = Some(match known {
            None => found,
            Some(known) => ask(known.vstack(&found)?.lazy(), &named, again.clone())?,
        });
    }
    known.map_or_else(|| at_once(frame.clone(), keys, figures), Ok)
}

/// Spans of time that hold a part each, as far as rows that start together
/// allow; one of everything where there are few rows.
fn spans(frame: &LazyFrame, part: i64) -> PolarsResult<Vec<Option<(i64, i64)>>> {
    const SPAN: &str = "part span";
    const COUNT: &str = "part count";
    const FIRST: &str = "part first";
    const LAST: &str = "part last";
    let time = || col(TIME).cast(DataType::Int64);
    let count = || len().cast(DataType::Int64).alias(COUNT);
    let whole = collect(frame.clone().select([
        count(),
        time().min().alias(FIRST),
        time().max().alias(LAST),
    ]))?;
    let number = |name: &str| Ok::<_, PolarsError>(whole.column(name)?.i64()?.get(0).unwrap_or(0));
    let (all, first, last) = (number(COUNT)?, number(FIRST)?, number(LAST)?);
    if all <= part {
        return Ok(vec![None]);
    }
    let width = (i128::from(last) - i128::from(first)) / i128::from(SPANS) + 1;
    let width = i64::try_from(width).unwrap_or(i64::MAX);
    let counted = frame
        .clone()
        .select([time().floor_div(lit(width)).alias(SPAN)])
        .group_by([col(SPAN)])
        .agg([count()])
        .sort([SPAN], SortMultipleOptions::default());
    let counted = collect(counted)?;
    let (places, counts) = (counted.column(SPAN)?.i64()?, counted.column(COUNT)?.i64()?);
    let mut spans = Vec::new();
    let (mut from, mut held) = (i64::MIN, 0);
    for (place, count) in places.iter().zip(counts.iter()) {
        let (place, count) = (place.unwrap_or(0), count.unwrap_or(0));
        let start = place.saturating_mul(width);
        if held > 0 && held + count > part {
            spans.push(Some((from, start.saturating_sub(1))));
            (from, held) = (start, 0);
        }
        held += count;
    }
    spans.push(Some((from, i64::MAX)));
    Ok(spans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole() {
        let mut random = fastrand::Rng::with_seed(2);
        let count = 5_000;
        let mut integers = |range: std::ops::Range<i64>| -> Vec<i64> {
            (0..count).map(|_| random.i64(range.clone())).collect()
        };
        let (mut time, key, value) =
            (integers(-90_000..1 << 41), integers(0..400), integers(-50..50));
        time[7] = i64::MIN;
        time[8] = i64::MAX;
        // Many at once.
        time[2_000..3_000].fill(1 << 40);
        let time_type = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        let columns = vec![
            Column::new(TIME.into(), &time).cast(&time_type).expect("times"),
            Column::new("key".into(), &key),
            Column::new("value".into(), &value),
        ];
        let frame = DataFrame::new(count as usize, columns).expect("a frame").lazy();
        let figures = [
            (len().cast(DataType::Int64), "count".to_owned(), Merge::Sum),
            (col("value").sum(), "sum".to_owned(), Merge::Sum),
            (col("value").min(), "min".to_owned(), Merge::Min),
            (col("value").max(), "max".to_owned(), Merge::Max),
        ];
        for (keys, names) in [(vec![col("key")], vec!["key".to_owned()]), (vec![], vec![])] {
            let ask = |part| {
                let answer = in_parts(&frame, part, &keys, &names, &figures).expect("figures");
                match names.is_empty() {
                    true => answer,
                    false => answer.sort(["key"], SortMultipleOptions::default()).expect("sorted"),
                }
            };
            let whole = ask(i64::MAX);
            for part in [1, 300, 4_999, 5_000] {
                assert!(ask(part).equals(&whole), "{part}");
            }
        }
        assert_eq!(spans(&frame, 5_000).expect("spans"), [None]);
        assert!(spans(&frame, 300).expect("spans").len() > 2);
        let none = frame.filter(lit(false));
        let answer = in_parts(&none, 1, &[], &[], &figures).expect("figures");
        assert_eq!(answer.column("count").expect("it").i64().expect("it").get(0), Some(0));
    }
}
