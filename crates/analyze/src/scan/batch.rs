//! Rows as accumulators see them: columns as slices, outcomes and buckets of latencies.

use std::cell::OnceCell;

use arrow::array::Array;
use connlat_schema::capture::columns::{FLAGS, LATENCY_NS, OUTCOME};
use connlat_schema::{Outcome, flags};

use super::column::{Data, Text};
use super::text::Texts;
use crate::stats::histogram::bucket_of;

/// Place of an outcome that this version does not know.
pub const OTHER_OUTCOME: u8 = Outcome::COUNT as u8;
/// Bucket of a latency that does not count.
pub const NOT_MEASURED: u16 = u16::MAX;

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The capture, by its number.
    pub capture: u32,
    /// Its row group.
    pub group: u32,
    /// The row in it.
    pub row: u32,
}

/// Some rows of a row group, those that are selected.
pub struct Batch<'a> {
    /// Number of rows.
    pub rows: usize,
    /// The capture they are of, and its row group.
    pub capture: usize,
    /// The row group.
    pub group: usize,
    /// Position of the argument that named the capture.
    pub argument: usize,
    /// What numbers texts have.
    pub texts: &'a Texts,
    columns: Vec<(&'static str, Data)>,
    first: usize,
    /// Rows of the row group, counted from `first`, if not all are selected.
    selected: Option<Vec<u32>>,
    outcomes: OnceCell<Vec<u8>>,
    buckets: OnceCell<Vec<u16>>,
}

impl<'a> Batch<'a> {
    /// Rows that begin at row `first` of a row group.
    pub fn new(
        rows: usize,
        (capture, group, argument): (usize, usize, usize),
        (first, selected): (usize, Option<Vec<u32>>),
        texts: &'a Texts,
        columns: Vec<(&'static str, Data)>,
    ) -> Self {
        let (outcomes, buckets) = Default::default();
        Self { rows, capture, group, argument, texts, columns, first, selected, outcomes, buckets }
    }

    fn column(&self, name: &str) -> Option<&Data> {
        self.columns.iter().find(|(known, _)| *known == name).map(|(_, data)| data)
    }

    /// A column of 64-bit integers or times (µs); empty if it was not read.
    pub fn int64(&self, name: &str) -> &[i64] {
        match self.column(name) {
            Some(Data::Int64(values)) => values.values(),
            _ => &[],
        }
    }

    /// A column of 32-bit integers; what is null holds any value.
    pub fn int32(&self, name: &str) -> &[i32] {
        match self.column(name) {
            Some(Data::Int32(values)) => values.values(),
            _ => &[],
        }
    }

    /// A value of a column of integers, whatever their width.
    pub fn integer(&self, name: &str, row: usize) -> Option<i64> {
        match self.column(name)? {
            Data::Int32(values) => values.is_valid(row).then(|| values.value(row).into()),
            Data::Int64(values) => Some(values.value(row)),
            Data::Text(_) => None,
        }
    }

    /// A column as it is.
    pub fn data(&self, name: &str) -> Option<&Data> {
        self.column(name)
    }

    /// A column of text.
    pub fn text(&self, name: &str) -> Option<&Text> {
        match self.column(name) {
            Some(Data::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Where a row is.
    pub fn place(&self, row: usize) -> Place {
        let offset = self.selected.as_ref().map_or(row, |selected| selected[row] as usize);
        Place {
            capture: self.capture as u32,
            group: self.group as u32,
            row: (self.first + offset) as u32,
        }
    }

    /// The outcome of each row: its place in [`Outcome::ALL`], or [`OTHER_OUTCOME`].
    /// Reads [`OUTCOME`].
    pub fn outcomes(&self) -> &[u8] {
        self.outcomes.get_or_init(|| {
            let Some(text) = self.text(OUTCOME) else { return vec![OTHER_OUTCOME; self.rows] };
            let place = |word: &str| {
                Outcome::from_word(word).map_or(OTHER_OUTCOME, |outcome| outcome as u8)
            };
            text.codes(place, OTHER_OUTCOME)
        })
    }

    /// The bucket of each row's latency where it counts, else [`NOT_MEASURED`].
    /// Reads [`MEASURED_BY`].
    pub fn buckets(&self) -> &[u16] {
        self.buckets.get_or_init(|| {
            let (outcomes, flags, latencies) =
                (self.outcomes(), self.int32(FLAGS), self.int64(LATENCY_NS));
            let rows = outcomes.iter().zip(flags).zip(latencies);
            rows.map(|((outcome, flags), latency)| {
                match *outcome == Outcome::Established as u8
                    && flags & flags::NO_LATENCY as i32 == 0
                {
                    true => bucket_of(*latency),
                    false => NOT_MEASURED,
                }
            })
            .collect()
        })
    }
}

/// Columns that say which latencies count.
pub const MEASURED_BY: [&str; 3] = [OUTCOME, FLAGS, LATENCY_NS];
