//! How connects ended, by interval.

use std::collections::BTreeMap;

use connlat_schema::Outcome;
use connlat_schema::capture::columns::OUTCOME;

use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::commands::timeseries::TimeSeries;
use crate::scan::counted::Counted;
use crate::scan::{Part, Rows, Scan, Texts, Value};
use crate::units;

/// Outcomes that this version does not know.
const OTHER: &str = "other";

/// Counts by interval of so many µs and by outcome.
pub fn accumulator(scan: &Scan<'_>, every: i64) -> Counted {
    let parts = vec![Part::Interval(every), Part::Text(OUTCOME)];
    Counted::new(parts, Rows::default(), scan.hasher.clone())
}

/// One row for each interval of the series, one column for each outcome that
/// occurred.
pub fn table(counted: &Counted, texts: &Texts, series: &TimeSeries) -> AnswerTable<'static> {
    let mut counts: BTreeMap<(usize, i64), i64> = BTreeMap::new();
    for (values, connects) in counted.groups(texts) {
        let [Value::Word(start), Value::Text(word)] = &values[..] else { continue };
        let place = Outcome::from_word(word).map_or(Outcome::COUNT, |outcome| outcome as usize);
        let count = counts.entry((place, *start as i64)).or_default();
        *count = count.saturating_add(i64::try_from(connects).unwrap_or(i64::MAX));
    }
    let mut places: Vec<usize> = counts.keys().map(|(place, _)| *place).collect();
    places.dedup();
    let decimals = units::decimals_for(series.every);
    let mut columns = vec![Column::new("time", "time (UTC)", Kind::Time(decimals), 0)];
    columns.extend(places.iter().map(|place| {
        let word = Outcome::ALL.get(*place).map_or(OTHER, |outcome| outcome.as_str());
        Column::new(word, word, Kind::Count, 0)
    }));
    let rows = series.buckets.iter().map(|(start, ..)| {
        let count = |place: &usize| counts.get(&(*place, *start)).copied().unwrap_or(0);
        let cells = places.iter().map(|place| Cell::Integer(count(place)));
        std::iter::once(Cell::Integer(*start)).chain(cells).collect()
    });
    AnswerTable::of(columns, rows.collect())
}
