//! The figures every grouped answer has, and the polars expressions for them.

use connlat_schema::capture::columns::{FLAGS, LATENCY_NS, OUTCOME, SYN_RETRANSMITS};
use connlat_schema::{Outcome, flags};
use polars::prelude::*;

use super::sample::Percentile;

/// Figures of one group of connects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// All rows, whatever became of them.
    pub connects: i64,
    /// Rows with outcome `established`.
    pub established: i64,
    /// Rows that ended otherwise; `in_flight` is in neither.
    pub failed: i64,
    /// In the order of [`Percentile::ALL`]; none where the sample is too small.
    pub percentiles: [Option<i64>; Percentile::ALL.len()],
    /// Largest latency.
    pub max: Option<i64>,
    /// Mean latency, rounded to a nanosecond.
    pub mean: Option<i64>,
    /// SYNs sent again, over all rows.
    pub syn_retransmits: i64,
    /// Rows the latency figures rest on: established and measured.
    pub samples: i64,
}

impl Figures {
    /// Failed connects as a share of all, none without connects.
    pub fn failure_rate(&self) -> Option<f64> {
        (self.connects > 0).then(|| self.failed as f64 / self.connects as f64)
    }

    /// The p99, if the sample carries one.
    pub fn p99(&self) -> Option<i64> {
        self.percentiles[Percentile::P99]
    }
}

/// What a group has in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// The column is null here.
    Null,
    /// Value of an integer column.
    Integer(i64),
    /// Value of a text column.
    Text(String),
}

/// One row of a grouped answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// One value for each group column.
    pub keys: Vec<Key>,
    /// The group's figures.
    pub figures: Figures,
}

const CONNECTS: &str = "connects";
const ESTABLISHED: &str = "established";
const FAILED: &str = "failed";
const RETRANSMITS: &str = "retransmits";
const SAMPLES: &str = "samples";
const MAX: &str = "max";
const MEAN: &str = "mean";

fn is(outcome: Outcome) -> Expr {
    col(OUTCOME).eq(lit(outcome.as_str()))
}

/// Rows whose latency counts.
fn measured() -> Expr {
    let flagged = col(FLAGS).and(lit(i32::from(flags::NO_LATENCY)));
    is(Outcome::Established).and(flagged.eq(lit(0)))
}

/// The expressions behind [`Figures`], for `select` or `agg`.
pub(super) fn aggregates() -> Vec<Expr> {
    let failed = Outcome::ALL
        .into_iter()
        .filter(|outcome| outcome.is_failure())
        .map(is)
        .reduce(Expr::or)
        .unwrap_or_else(|| lit(false));
    let latency = || col(LATENCY_NS).filter(measured());
    let whole = |expr: Expr, name: &str| expr.cast(DataType::Int64).alias(name);
    let mut all = vec![
        whole(len(), CONNECTS),
        whole(is(Outcome::Established).sum(), ESTABLISHED),
        whole(failed.sum(), FAILED),
        // Widened before the sum, which would otherwise wrap at 2^31.
        col(SYN_RETRANSMITS).cast(DataType::Int64).sum().alias(RETRANSMITS),
        whole(measured().sum(), SAMPLES),
        latency().max().alias(MAX),
        // In floating point, which adds up exactly to 104 days of latency and
        // does not overflow on what a forged file may claim.
        latency().mean().alias(MEAN),
    ];
    for percentile in Percentile::ALL {
        let quantile = lit(percentile.quantile());
        let figure = latency().quantile(quantile, QuantileMethod::Equiprobable);
        // As a float: exact up to 2^53 ns, which is 104 days.
        all.push(figure.cast(DataType::Int64).alias(percentile.name));
    }
    all
}

/// Reads the answer of a query made with [`aggregates`].
pub(super) fn rows<K: AsRef<str>>(answer: &DataFrame, keys: &[K]) -> PolarsResult<Vec<Row>> {
    let number = |name: &str| answer.column(name)?.i64().cloned();
    let (connects, established, failed) =
        (number(CONNECTS)?, number(ESTABLISHED)?, number(FAILED)?);
    let (retransmits, samples) = (number(RETRANSMITS)?, number(SAMPLES)?);
    let max = number(MAX)?;
    let mean = answer.column(MEAN)?.f64()?;
    let percentiles = Percentile::ALL
        .iter()
        .map(|percentile| number(percentile.name))
        .collect::<PolarsResult<Vec<_>>>()?;
    let keys = keys
        .iter()
        .map(|name| key_column(answer.column(name.as_ref())?))
        .collect::<PolarsResult<Vec<_>>>()?;

    let figures = |row: usize| {
        let samples = samples.get(row).unwrap_or(0);
        let mut figures = Figures {
            connects: connects.get(row).unwrap_or(0),
            established: established.get(row).unwrap_or(0),
            failed: failed.get(row).unwrap_or(0),
            syn_retransmits: retransmits.get(row).unwrap_or(0),
            samples,
            max: max.get(row),
            mean: mean.get(row).map(|mean| mean.round() as i64),
            ..Figures::default()
        };
        for (index, percentile) in Percentile::ALL.into_iter().enumerate() {
            if samples.unsigned_abs() >= percentile.needs {
                figures.percentiles[index] = percentiles[index].get(row);
            }
        }
        figures
    };
    Ok((0..answer.height())
        .map(|row| Row {
            keys: keys.iter().map(|column| column[row].clone()).collect(),
            figures: figures(row),
        })
        .collect())
}

fn key_column(column: &Column) -> PolarsResult<Vec<Key>> {
    if let Ok(texts) = column.str() {
        let key = |text: Option<&str>| text.map_or(Key::Null, |text| Key::Text(text.to_owned()));
        return Ok(texts.iter().map(key).collect());
    }
    let numbers = column.cast(&DataType::Int64)?;
    let key = |number: Option<i64>| number.map_or(Key::Null, Key::Integer);
    Ok(numbers.i64()?.iter().map(key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_connects_there_is_no_rate() {
        assert_eq!(Figures::default().failure_rate(), None);
    }
}
