//! The charts over time, with what is said of them in words.

use minijinja::Value;
use serde::Serialize;

use super::charts::ChartError;
use super::charts::ink::Ink;
use super::charts::stacked::{self, Drawn, OverTime};
use crate::answer::{AnswerTable, Cell};
use crate::units;

/// The charts.
#[derive(Debug, Serialize)]
pub struct Charts {
    pub svg: Value,
    pub drawn: Drawn,
    /// What a screen reader says.
    pub text: String,
    pub intervals: usize,
    /// What is drawn how.
    pub legend: Vec<Entry>,
    /// The cells of the heatmap, for the script: interval, bin and connects.
    pub cells: String,
    /// Smallest latencies of the bins, ns.
    pub bins: String,
}

/// One entry of a legend.
#[derive(Debug, Serialize)]
pub struct Entry {
    pub class: String,
    /// What is drawn: data of a path in 16 by 10.
    pub shape: &'static str,
    pub name: String,
}

impl Entry {
    /// An area.
    pub fn area(ink: Ink, name: &str) -> Self {
        let shape = "M2 0h12v10h-12z";
        Self { class: format!("f-{}", ink.class()), shape, name: name.to_owned() }
    }

    /// A line.
    pub fn line(ink: Ink, name: &str) -> Self {
        let shape = "M0 5h16";
        Self { class: format!("l-{}", ink.class()), shape, name: name.to_owned() }
    }

    fn dot(ink: Ink, name: &str) -> Self {
        let shape = "M5 5a3 3 0 1 0 6 0a3 3 0 1 0-6 0z";
        Self { class: format!("f-{}", ink.class()), shape, name: name.to_owned() }
    }
}

/// Draws the tables of intervals; none if there are none.
///
/// # Errors
/// [`ChartError`].
pub fn of(
    series: &AnswerTable,
    outcomes: &AnswerTable,
    heatmap: &AnswerTable,
) -> Result<Option<Charts>, ChartError> {
    if series.rows.is_empty() {
        return Ok(None);
    }
    let data = data(series, outcomes, heatmap);
    let drawn = stacked::draw(&data)?;
    let mut bins: Vec<i64> = data.cells.iter().map(|cell| cell.1).collect();
    bins.sort_unstable();
    bins.dedup();
    let cell = |(at, low, _, count): &(usize, i64, i64, i64)| {
        format!("{at},{},{count}", bins.binary_search(low).unwrap_or(0))
    };
    Ok(Some(Charts {
        svg: Value::from_safe_string(drawn.inside.clone()),
        text: text(&data),
        intervals: data.starts.len(),
        legend: legend(&data),
        cells: data.cells.iter().map(cell).collect::<Vec<_>>().join(" "),
        bins: bins.iter().map(i64::to_string).collect::<Vec<_>>().join(","),
        drawn,
    }))
}

fn data(series: &AnswerTable, outcomes: &AnswerTable, heatmap: &AnswerTable) -> OverTime {
    let starts: Vec<i64> = series.integers("time").map(Option::unwrap_or_default).collect();
    let counts = |table: &AnswerTable, name: &str| -> Vec<i64> {
        table.integers(name).map(Option::unwrap_or_default).collect()
    };
    let latencies = |name: &str| -> Vec<Option<i64>> { series.integers(name).collect() };
    let names = outcomes.columns.iter().map(|column| column.name.as_str());
    let others = names.filter(|name| !["time", "established"].contains(name));
    let cells = heatmap.rows.held().iter().filter_map(|row| match row[..] {
        [Cell::Integer(time), Cell::Integer(low), Cell::Integer(high), Cell::Integer(count)] => {
            Some((starts.binary_search(&time).ok()?, low, high, count))
        }
        _ => None,
    });
    OverTime {
        every: series.every.unwrap_or(1),
        connects: counts(series, "connects"),
        outcomes: others.map(|name| (name.to_owned(), counts(outcomes, name))).collect(),
        p50: latencies("p50_ns"),
        p99: latencies("p99_ns"),
        max: latencies("max_ns"),
        cells: cells.collect(),
        starts,
    }
}

fn legend(data: &OverTime) -> Vec<Entry> {
    let mut legend = vec![Entry::area(Ink::ALL, "all connects")];
    for (word, _) in &data.outcomes {
        legend.push(Entry::area(Ink::of_outcome(word), word));
    }
    for (ink, name, values) in [(Ink::P50, "p50", &data.p50), (Ink::P99, "p99", &data.p99)] {
        if values.iter().any(Option::is_some) {
            legend.push(Entry::line(ink, name));
        }
    }
    if data.max.iter().any(Option::is_some) {
        legend.push(Entry::dot(Ink::MAX, "longest"));
    }
    let most = data.cells.iter().map(|cell| cell.3).max().unwrap_or(0);
    if most > 0 {
        let many = format!("up to {}", units::counted(most.unsigned_abs(), "connect"));
        let one = Ink::shade(stacked::shade(1, most));
        legend.push(Entry::area(one, "1 connect"));
        legend.push(Entry::area(Ink::shade(Ink::SHADES - 1), &many));
    }
    legend
}

/// The charts in a few sentences.
fn text(data: &OverTime) -> String {
    let at = |place: usize| units::time(data.starts[place], units::decimals_for(data.every));
    let most = |values: &[i64]| {
        values
            .iter()
            .copied()
            .enumerate()
            .max_by_key(|(at, value)| (*value, std::cmp::Reverse(*at)))
    };
    let mut text = format!(
        "From {} on, {} of {}.",
        at(0),
        units::counted(data.starts.len() as u64, "interval"),
        units::interval(data.every)
    );
    if let Some((place, connects)) = most(&data.connects) {
        text.push_str(&format!(
            " At most {} in one, from {}.",
            units::counted(connects.unsigned_abs(), "connect"),
            at(place)
        ));
    }
    for (word, counts) in &data.outcomes {
        if let Some((place, count)) = most(counts).filter(|(_, count)| *count > 0) {
            text.push_str(&format!(
                " {word}: at most {}, from {}.",
                units::count(count),
                at(place)
            ));
        }
    }
    for (name, values) in [("p50", &data.p50), ("p99", &data.p99), ("The longest", &data.max)] {
        let known = || values.iter().copied().flatten();
        if let (Some(low), Some(high)) = (known().min(), known().max()) {
            let (low, high) = (units::duration(low), units::duration(high));
            text.push_str(&format!(" {name} is between {low} and {high}."));
        }
    }
    text
}
