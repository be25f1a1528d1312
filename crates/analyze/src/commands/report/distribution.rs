//! The distribution of latencies at many quantiles: of everything, and of the
//! destinations with the highest p99.

use connlat_schema::capture::columns::{DST_ADDR, DST_PORT};

use crate::answer::{AnswerTable, Cell, Column, Kind, key_column};
use crate::scan::ranking::{Asked, Order};
use crate::scan::{By, Rows};
use crate::stats::{Measure, Percentile, Row};

/// Destinations that are told apart in one chart.
const WORST: usize = 4;
/// Closer together where they are rarer, as on the axis of an HDR histogram.
const QUANTILES: [&str; 25] = [
    "0.01", "0.05", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.75", "0.8", "0.85", "0.9",
    "0.925", "0.95", "0.97", "0.98", "0.99", "0.995", "0.998", "0.999", "0.9995", "0.9999",
    "0.99995", "0.99999",
];

/// The quantiles.
pub fn measure() -> Measure {
    let percentiles = QUANTILES.into_iter().filter_map(Percentile::parse).collect();
    Measure { percentiles, intervals: None }
}

/// The destinations with the highest p99.
pub fn of_worst(by: &[By]) -> Asked {
    let (by, rows, order, top) = (by.to_vec(), Rows::default(), Order::P99, WORST);
    Asked { by, rows, order, top, measure: measure() }
}

/// One row for each destination and quantile that its sample carries; those of
/// everything have no destination.
pub fn table(by: &[By], whole: Vec<Row>, worst: Vec<Row>) -> AnswerTable<'static> {
    let measure = measure();
    let columns = vec![
        key_column(DST_ADDR),
        key_column(DST_PORT),
        Column::new("quantile", "quantile", Kind::Ratio, 0),
        Column::new("latency_ns", "latency", Kind::Duration, 0),
    ];
    let worst = worst.into_iter().filter(|row| row.figures.percentile(&measure, "p99").is_some());
    let mut rows = Vec::new();
    for row in whole.into_iter().chain(worst) {
        // Names are beside their addresses elsewhere.
        let keys = row.keys.into_iter().zip(by);
        let keys = keys.filter(|(_, by)| matches!(by, By::Column(DST_ADDR | DST_PORT)));
        let mut keys: Vec<Cell> = keys.map(|(key, _)| Cell::from(key)).collect();
        keys.resize(2, Cell::Null);
        for (percentile, value) in measure.percentiles.iter().zip(&row.figures.percentiles) {
            let Some(latency) = value else { continue };
            let figures = [Cell::Ratio(percentile.fraction()), Cell::Integer(*latency)];
            rows.push(keys.iter().cloned().chain(figures).collect());
        }
    }
    AnswerTable::of(columns, rows)
}
