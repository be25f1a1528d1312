//! The distribution as a chart and as a table with a column for each series.

use minijinja::Value;
use serde::Serialize;

use super::charts::ChartError;
use super::charts::axis::quantile_label;
use super::charts::ink::Ink;
use super::charts::spread::{self, Series};
use super::charts::stacked::Drawn;
use super::over_time::Entry;
use super::table::{Column, Shown, Table};
use crate::answer::{AnswerTable, Cell};
use crate::units;

/// The distribution.
#[derive(Debug, Serialize)]
pub struct Spread {
    pub svg: Value,
    pub drawn: Drawn,
    pub text: String,
    pub legend: Vec<Entry>,
    pub table: Table,
}

/// A name and its points.
type Named = (String, Series);

/// Draws the table of quantiles; none if there are none.
///
/// # Errors
/// [`ChartError`].
pub fn of(table: &AnswerTable) -> Result<Option<Spread>, ChartError> {
    let series = series(table);
    if series.is_empty() {
        return Ok(None);
    }
    let points: Vec<Series> = series.iter().map(|(_, points)| points.clone()).collect();
    let drawn = spread::draw(&points)?;
    let legend = series.iter().enumerate();
    let legend = legend.map(|(place, (name, _))| Entry::line(Ink::series(place), name));
    let described = series.iter().map(|(name, points)| {
        let last = points.last().map_or((0.0, 0), |point| *point);
        let (quantile, latency) = (quantile_label(last.0), units::duration(last.1));
        format!("{name}: {quantile} percent took at most {latency}.")
    });
    Ok(Some(Spread {
        svg: Value::from_safe_string(drawn.inside.clone()),
        text: described.collect::<Vec<_>>().join(" "),
        legend: legend.collect(),
        table: pivoted(&series),
        drawn,
    }))
}

fn series(table: &AnswerTable) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    for row in table.rows.held() {
        let [address, port, Cell::Ratio(quantile), Cell::Integer(latency)] = &row[..] else {
            continue;
        };
        let name = match (address, port) {
            (Cell::Text(six), Cell::Integer(port)) if six.contains(':') => {
                format!("[{six}]:{port}")
            }
            (Cell::Text(four), Cell::Integer(port)) => format!("{four}:{port}"),
            _ => "all connects".to_owned(),
        };
        match all.last_mut() {
            // Quantiles ascend within a series.
            Some((known, points))
                if *known == name && points.last().is_some_and(|p| p.0 < *quantile) =>
            {
                points.push((*quantile, *latency));
            }
            _ => all.push((name, vec![(*quantile, *latency)])),
        }
    }
    all
}

/// One row for each quantile.
fn pivoted(series: &[Named]) -> Table {
    let mut quantiles: Vec<f64> =
        series.iter().flat_map(|(_, points)| points).map(|p| p.0).collect();
    quantiles.sort_by(f64::total_cmp);
    quantiles.dedup();
    let column = |name: &str, title: &str| Column {
        name: name.to_owned(),
        title: title.to_owned(),
        right: true,
    };
    let columns = series.iter().map(|(name, _)| column("latency_ns", name));
    let rows = quantiles.iter().map(|quantile| {
        let label = Shown { text: quantile_label(*quantile), value: Some(quantile.to_string()) };
        let cells = series.iter().map(|(_, points)| {
            let found = points.iter().find(|point| point.0 == *quantile);
            match found {
                Some((_, ns)) => Shown { text: units::duration(*ns), value: Some(ns.to_string()) },
                None => Shown { text: "-".to_owned(), value: None },
            }
        });
        std::iter::once(label).chain(cells).collect()
    });
    Table {
        id: "distribution",
        caption: "Percentiles of latency".to_owned(),
        columns: std::iter::once(column("quantile", "percentile")).chain(columns).collect(),
        rows: rows.collect(),
        notes: Vec::new(),
    }
}
