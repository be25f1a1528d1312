//! The questions: each takes the rows of the captures and returns typed
//! answers, knowing nothing of files, options as typed, or output formats.

mod bound;
mod by;
mod candidates;
mod distribution;
mod figures;
mod latency;
mod outcomes;
mod overall;
mod parts;
mod rows;
mod sample;
mod timeseries;

pub use by::{By, network};
pub use candidates::{FEW_ROWS, Groups};
pub use distribution::{Bin, heatmap, histogram};
pub use figures::{ALWAYS_READ, Figures, Key, Row, failed, grouped, measured};
pub use outcomes::{OutcomeCount, errno_name, outcomes};
pub use overall::{Order, Ranking, percentiles};
pub use rows::{COLUMNS as ROW_COLUMNS, RowOrder, rows};
pub use sample::{Measure, Percentile, Z95, Z999};
pub use timeseries::{
    TimeSeries, TooManyBuckets, check_buckets, every_for, every_for_at_most, span_of, timeseries,
};
