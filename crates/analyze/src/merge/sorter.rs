//! Rows that are nearly in order become rows in order, in bounded memory.
//!
//! Parts are taken by the smallest start that they can hold. Once the next part
//! begins at some moment, every row up to that moment is there, and goes out.
//! Segments follow each other, so little waits: what began in one and ended in
//! the next, and what a slow connect keeps back. Where more waits than fits, as
//! in row groups that each reach over hours, it goes to the disk in order, cut
//! into small parts, which then are taken as any other: an external merge sort.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use arrow::array::{AsArray, UInt32Array};
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{START_NS, schema};

use super::MergeError;
use super::spill::Spill;
use crate::scan::Budget;

/// What is held in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes that may wait.
    pub waiting: usize,
    /// Bytes that come in before it is looked what can go out.
    pub incoming: usize,
    /// Rows of a part on the disk.
    pub part_rows: usize,
}

impl Limits {
    /// A third of what pages may take, 32 MB of the usual, and a quarter of it.
    pub(super) fn within(budget: Budget) -> Self {
        let bytes = budget.pages as usize;
        Self { waiting: bytes / 3, incoming: bytes / 4, part_rows: 8_192 }
    }
}

/// Rows that go out at once: a row group of the output ends within so many.
const BATCH: usize = 10_000;

/// Where a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// On the disk, at a place.
    Spilled(u64),
    /// In the input.
    Input(usize),
}

/// Sorts; `write` gets rows in the order of their start.
pub(super) struct Sorter<'a, W> {
    limits: Limits,
    parts: BinaryHeap<Reverse<(i64, Part)>>,
    waiting: Vec<RecordBatch>,
    bytes: usize,
    spill: Spill<'a>,
    write: W,
}

impl<'a, W: FnMut(RecordBatch) -> Result<(), MergeError>> Sorter<'a, W> {
    /// Rows that do not fit into memory go to a file in `directory` that has
    /// no name.
    pub(super) fn new(limits: Limits, directory: &'a Path, write: W) -> Self {
        let (parts, waiting) = Default::default();
        Self { limits, parts, waiting, bytes: 0, spill: Spill::new(directory), write }
    }

    /// Adds a part of the input, and the smallest start it can hold.
    pub(super) fn add_part(&mut self, part: usize, from: i64) {
        self.parts.push(Reverse((from, Part::Input(part))));
    }

    /// Reads each part once, and writes all rows; returns the bytes that went
    /// to the disk meanwhile.
    ///
    /// # Errors
    /// What reading and writing say.
    pub(super) fn run(
        mut self,
        mut read: impl FnMut(
            usize,
            &mut dyn FnMut(RecordBatch) -> Result<(), MergeError>,
        ) -> Result<(), MergeError>,
    ) -> Result<u64, MergeError> {
        let mut look_at = self.limits.incoming;
        while let Some(Reverse((_, part))) = self.parts.pop() {
            match part {
                Part::Input(part) => read(part, &mut |rows| self.add(rows))?,
                Part::Spilled(place) => {
                    let rows = self.spill.read(place)?;
                    self.add(rows)?;
                }
            }
            // Row groups may have been spilled while they were read.
            let next = self.parts.peek().map(|Reverse((from, _))| *from);
            if next.is_none() || self.bytes >= look_at {
                self.write_until(next)?;
                if self.bytes > self.limits.waiting {
                    self.spill()?;
                }
                look_at = self.bytes.saturating_add(self.limits.incoming);
            }
        }
        Ok(self.spill.bytes())
    }

    fn add(&mut self, rows: RecordBatch) -> Result<(), MergeError> {
        for column in rows.columns() {
            self.bytes += column.to_data().get_slice_memory_size().map_err(not_rows)?;
        }
        self.waiting.push(rows);
        if self.bytes > self.limits.waiting.saturating_add(self.limits.incoming) * 2 {
            self.spill()?;
        }
        Ok(())
    }

    /// What waits, and its order.
    fn sorted(&mut self) -> Result<(RecordBatch, UInt32Array), MergeError> {
        let rows = concat_batches(&schema(), self.waiting.iter()).map_err(not_rows)?;
        self.waiting.clear();
        self.bytes = 0;
        let order = sort_to_indices(&rows[START_NS], None, None).map_err(not_rows)?;
        Ok((rows, order))
    }

    /// Writes all that begin at `until` or before; all, if there is no such
    /// moment. Those that begin at it may come in any order.
    fn write_until(&mut self, until: Option<i64>) -> Result<(), MergeError> {
        let (rows, order) = self.sorted()?;
        let starts = rows[START_NS].as_primitive::<Int64Type>();
        let is_ready = |row: &u32| until.is_none_or(|until| starts.value(*row as usize) <= until);
        let ready = order.values().partition_point(is_ready);
        for begin in (0..ready).step_by(BATCH) {
            let batch = order.slice(begin, BATCH.min(ready - begin));
            (self.write)(take_record_batch(&rows, &batch).map_err(not_rows)?)?;
        }
        if ready < order.len() {
            let left = order.slice(ready, order.len() - ready);
            self.add(take_record_batch(&rows, &left).map_err(not_rows)?)?;
        }
        Ok(())
    }

    /// Puts all that waits on the disk.
    fn spill(&mut self) -> Result<(), MergeError> {
        let (rows, order) = self.sorted()?;
        let starts = rows[START_NS].as_primitive::<Int64Type>();
        for begin in (0..order.len()).step_by(self.limits.part_rows) {
            let part = order.slice(begin, self.limits.part_rows.min(order.len() - begin));
            let from = part.values().first().map_or(i64::MIN, |row| starts.value(*row as usize));
            let place = self.spill.write(&take_record_batch(&rows, &part).map_err(not_rows)?)?;
            self.parts.push(Reverse((from, Part::Spilled(place))));
        }
        Ok(())
    }
}

/// Rows were checked when they were read, so this is about their number.
fn not_rows(error: ArrowError) -> MergeError {
    MergeError::Write(error.into())
}

#[cfg(test)]
mod tests;
