//! What percentiles are asked of.

use crate::scan::key::{Part, Value};
use crate::scan::rows::Rows;
use crate::stats::histogram::Latencies;

/// A group, and the ranks wanted of it, from 1 and not above its samples.
pub struct Wanted<'a> {
    /// What it has in common.
    pub values: &'a [Value],
    /// Its latencies as counted.
    pub latencies: &'a Latencies,
    /// The ranks, in any order.
    pub ranks: Vec<u64>,
}

/// Groups of the same parts.
pub struct Set<'a> {
    /// What they are made of.
    pub parts: &'a [Part],
    /// Which rows count.
    pub rows: Rows,
    /// The groups.
    pub groups: Vec<Wanted<'a>>,
}
