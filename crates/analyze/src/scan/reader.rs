//! Row groups on disk become batches of the rows that are selected.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{LATENCY_NS, schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};

use super::batch::Batch;
use super::column::Dictionaries;
use super::derived::{self, Deriving};
use super::memory::Memory;
use super::pages::{self, BATCH};
use super::room::Room;
use super::tasks::Task;
use super::text::Texts;
use super::{ColumnSet, ScanError};
use crate::capture::{Capture, Problem, SharedFile, Statistics};
use crate::guard;
use crate::names::Names;
use crate::select::{Filter, Unusable};
use crate::units;

/// Longest text. Paths of control groups have 4,096 bytes at most.
const LONGEST_TEXT: usize = 1 << 16;

/// What all threads of a scan share.
pub struct Pass<'a> {
    pub captures: &'a [Capture],
    pub filter: &'a Filter,
    pub names: Option<&'a Names>,
    pub texts: &'a Texts,
    pub columns: &'a ColumnSet,
    /// Rows with a latency that no connect has, by capture and row group.
    pub absurd: &'a Mutex<BTreeMap<(usize, usize), u64>>,
    /// What row groups that are being read may take.
    pub memory: &'a Memory,
    /// Footers that were read again.
    pub footers: Footers,
    /// The same for each of them, and for all.
    pub room: Room,
}

/// Footers of the last captures that row groups were read of, for those that
/// have many.
#[derive(Default)]
pub struct Footers(Mutex<VecDeque<(usize, ArrowReaderMetadata)>>);

impl Footers {
    /// Threads take row groups in order, so that few captures are read at once.
    const KEPT: usize = 4;

    /// The footer of the capture at a place, which is open.
    ///
    /// # Errors
    /// As [`ValidFile::metadata`](crate::capture::ValidFile::metadata).
    pub fn get(
        &self,
        place: usize,
        capture: &Capture,
        file: &SharedFile,
    ) -> Result<ArrowReaderMetadata, Problem> {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, footer)) = kept().iter().find(|(of, _)| *of == place) {
            return Ok(footer.clone());
        }
        let footer = capture.file.metadata(file)?;
        if capture.file.row_groups().len() > 1 {
            let mut kept = kept();
            kept.push_back((place, footer.clone()));
            if kept.len() > Self::KEPT {
                kept.pop_front();
            }
        }
        Ok(footer)
    }
}

impl Pass<'_> {
    /// Reads a row group; returns the number of rows that are selected.
    ///
    /// # Errors
    /// [`ScanError`] when it cannot be read to its end.
    pub fn read(&self, task: &Task, take: &mut dyn FnMut(&Batch<'_>)) -> Result<u64, ScanError> {
        let capture = &self.captures[task.capture];
        let failed = |problem: Problem| ScanError::from(problem.of(&capture.path));
        let mut columns = self.columns.clone();
        if task.only.is_none() {
            self.filter.columns(&mut columns);
        }
        if columns.is_empty() {
            return Ok(capture.file.row_groups()[task.group].rows);
        }
        let read = |file: &SharedFile| {
            guard::caught(|| self.read_group(capture, task, (&columns, file), take))
        };
        let read = capture.file.read(read).map_err(failed)?;
        read.unwrap_or_else(|panic| Err(failed(Problem::damaged(panic))))
    }

    fn read_group(
        &self,
        capture: &Capture,
        task: &Task,
        (columns, file): (&ColumnSet, &SharedFile),
        take: &mut dyn FnMut(&Batch<'_>),
    ) -> Result<u64, ScanError> {
        let failed = |problem: Problem| ScanError::from(problem.of(&capture.path));
        let damaged = |reason: &dyn std::fmt::Display| failed(Problem::damaged(reason));
        let group_rows = capture.file.row_groups()[task.group].rows;
        let (stored, derived) = derived::read_for(columns);
        if derived && self.names.is_none() {
            return Err(Unusable::no_names().into());
        }
        let mut deriving = self.names.filter(|_| derived).map(Deriving::new);
        let metadata = self.footers.get(task.capture, capture, file).map_err(failed)?;
        let group = metadata.metadata().row_group(task.group);
        let needed = pages::memory(file, group, &stored, &self.room).map_err(failed)?;
        let _held = self
            .memory
            .take(needed)
            .ok_or_else(|| failed(pages::too_much(needed, self.memory.all())))?;
        let mask = ProjectionMask::columns(metadata.parquet_schema(), stored.iter().copied());
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata)
                .with_projection(mask)
                .with_row_groups(vec![task.group])
                .with_batch_size(BATCH);
        if let Some(rows) = &task.only {
            builder = builder.with_row_selection(selection(rows));
        }
        let reader = builder.build().map_err(|error| damaged(&error))?;
        let mut dictionaries = Dictionaries::default();
        let mut statistics = Statistics::of(&capture.file.row_groups()[task.group]);
        let (mut read, mut selected, mut absurd) = (0, 0, 0);
        for record in reader {
            let mut record = record.map_err(|error| damaged(&error))?;
            if let Some(deriving) = &mut deriving {
                record = deriving.add(record, columns).map_err(|error| damaged(&error))?;
            }
            let first = read;
            read += record.num_rows();
            absurd += absurd_latencies(&record);
            statistics.check(&record).map_err(failed)?;
            let (record, rows) = match &task.only {
                Some(only) => {
                    let rows = only.get(first..read).unwrap_or_default().to_vec();
                    (record, Some((0, rows)))
                }
                None => match self.filter.mask(&record)? {
                    None => (record, None),
                    Some(mask) => {
                        let rows = selected_rows(&mask);
                        if rows.is_empty() {
                            continue;
                        }
                        let record =
                            filter_record_batch(&record, &mask).map_err(|error| damaged(&error))?;
                        (record, Some((first, rows)))
                    }
                },
            };
            selected += record.num_rows() as u64;
            let columns = self.arrays(&record, &mut dictionaries).map_err(failed)?;
            if let Some(longest) = dictionaries.longest().filter(|bytes| *bytes > LONGEST_TEXT) {
                let longest = units::bytes(longest as u64);
                return Err(damaged(&format!("a name of {longest}, longer than any")));
            }
            let (first, rows) = rows.map_or((first, None), |(first, rows)| (first, Some(rows)));
            let place = (task.capture, task.group, capture.argument);
            take(&Batch::new(record.num_rows(), place, (first, rows), self.texts, columns));
        }
        let expected = task.only.as_ref().map_or(group_rows, |rows| rows.len() as u64);
        if read as u64 != expected {
            return Err(damaged(&"a row group holds another number of rows than its footer says"));
        }
        if absurd > 0 && task.only.is_none() {
            let mut all = self.absurd.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert((task.capture, task.group), absurd);
        }
        Ok(selected)
    }

    /// The columns the accumulators read.
    fn arrays(
        &self,
        record: &RecordBatch,
        dictionaries: &mut Dictionaries,
    ) -> Result<Vec<(&'static str, super::column::Data)>, Problem> {
        let column = |name: &&'static str| {
            let array = record.column_by_name(name).ok_or(Problem::ColumnMissing(name))?;
            let data = dictionaries.column(name, array);
            data.map(|data| (*name, data)).ok_or_else(|| {
                let expected = schema().field_with_name(name).map(|f| f.data_type().to_string());
                Problem::ColumnType {
                    column: name,
                    found: crate::escape::terminal(&array.data_type().to_string()),
                    expected: expected.unwrap_or_default(),
                }
            })
        };
        self.columns.iter().map(column).collect()
    }
}

/// Latencies below zero or above a day. The kernel gives up after some hours
/// with the most patient settings there are.
fn absurd_latencies(record: &RecordBatch) -> u64 {
    const DAY_NS: i64 = 86_400_000_000_000;
    let latencies = record.column_by_name(LATENCY_NS);
    let Some(latencies) = latencies.and_then(|column| column.as_primitive_opt::<Int64Type>())
    else {
        return 0;
    };
    latencies.values().iter().filter(|latency| !(0..=DAY_NS).contains(*latency)).count() as u64
}

fn selected_rows(mask: &BooleanArray) -> Vec<u32> {
    mask.values().set_indices_u32().collect()
}

/// Single rows of a row group, ascending.
fn selection(rows: &[u32]) -> RowSelection {
    let mut selectors = Vec::new();
    let mut next = 0;
    for row in rows {
        let row = *row as usize;
        if row > next {
            selectors.push(RowSelector::skip(row - next));
        }
        selectors.push(RowSelector::select(1));
        next = row + 1;
    }
    selectors.into()
}
