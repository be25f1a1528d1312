//! Statistics without files: quantiles and their intervals, histograms of
//! latencies, the figures of a group, and whether two samples differ.

pub mod bins;
pub mod comparison;
pub mod figures;
pub mod histogram;
pub mod interval;
pub mod quantile;

pub use figures::{Figures, Key, Row};
pub use quantile::{Measure, Percentile, SMALL_SAMPLE, Z95, Z999};
