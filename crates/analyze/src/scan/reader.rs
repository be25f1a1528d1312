//! Row groups on disk become batches of the rows that are selected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{LATENCY_NS, NETNS, OUTCOME, TIME, schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::data_type::ByteArray;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::batch::{Batch, Place};
use super::column::Dictionaries;
use super::memory::Memory;
use super::pages;
use super::text::Texts;
use super::{ColumnSet, ScanError};
use crate::capture::{Capture, Problem};
use crate::guard;
use crate::select::{Bounds, Condition, Filter, Known, Nulls};
use crate::units;

/// Longest text. Paths of control groups have 4,096 bytes at most.
const LONGEST_TEXT: usize = 1 << 16;
/// Rows of a batch: few enough to stay in the caches.
const BATCH: usize = 16_384;

/// A row group to be read.
pub struct Task {
    capture: usize,
    group: usize,
    /// Rows wanted, ascending; none for all that are selected.
    only: Option<Vec<u32>>,
}

impl Task {
    /// Rows and bytes of it.
    pub fn size(&self, captures: &[Capture]) -> (u64, u64) {
        let group = captures[self.capture].file.row_group(self.group);
        let bytes = group.compressed_size();
        (group.num_rows().unsigned_abs(), bytes.unsigned_abs())
    }
}

/// All row groups that may hold what is selected.
pub fn tasks(captures: &[Capture], filter: &Filter) -> Vec<Task> {
    let mut all = Vec::new();
    for (capture, of_capture) in captures.iter().enumerate() {
        for (group, statistics) in of_capture.file.row_groups().iter().enumerate() {
            let holds = |condition: &Condition| condition.may_hold(&|name| known(statistics, name));
            if may_hold(statistics, filter) && filter.condition.as_ref().is_none_or(holds) {
                all.push(Task { capture, group, only: None });
            }
        }
    }
    all
}

/// The row groups of single rows.
pub fn tasks_of(places: &[Place]) -> Vec<Task> {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let same = |a: &Place, b: &Place| (a.capture, a.group) == (b.capture, b.group);
    let groups = sorted.chunk_by(same).map(|places| Task {
        capture: places[0].capture as usize,
        group: places[0].group as usize,
        only: Some(places.iter().map(|place| place.row).collect()),
    });
    groups.collect()
}

fn column<'a>(group: &'a RowGroupMetaData, name: &str) -> Option<&'a Statistics> {
    let chunk = group.columns().iter().find(|chunk| chunk.column_path().parts() == [name])?;
    chunk.statistics()
}

/// What the statistics of a row group say of a column.
fn known<'a>(group: &'a RowGroupMetaData, name: &str) -> Known<'a> {
    let Some(statistics) = column(group, name) else { return Known::default() };
    let rows = group.num_rows().unsigned_abs();
    let nulls = match statistics.null_count_opt() {
        Some(0) => Nulls::None,
        Some(nulls) if nulls == rows => Nulls::Only,
        _ => Nulls::Maybe,
    };
    let bounds = match statistics {
        Statistics::Int32(values) => values
            .min_opt()
            .zip(values.max_opt())
            .map(|(min, max)| Bounds::Integers((*min).into(), (*max).into())),
        Statistics::Int64(values) => {
            values.min_opt().zip(values.max_opt()).map(|(min, max)| Bounds::Integers(*min, *max))
        }
        // Old ones compared bytes as signed numbers.
        Statistics::ByteArray(values) if !statistics.is_min_max_deprecated() => {
            let text = |value: &'a ByteArray| std::str::from_utf8(value.data()).ok();
            let (min, max) = (values.min_opt().and_then(text), values.max_opt().and_then(text));
            min.zip(max).map(|(min, max)| Bounds::Texts(min, max))
        }
        _ => None,
    };
    Known { bounds, nulls }
}

/// Smallest and largest start in a row group by its statistics, µs.
fn times(group: &RowGroupMetaData) -> Option<(i64, i64)> {
    match column(group, TIME)? {
        Statistics::Int64(times) => Some((*times.min_opt()?, *times.max_opt()?)),
        _ => None,
    }
}

/// Whether a row group may hold a row that is selected, whatever the condition
/// says of it: how far a time series reaches does not depend on that.
fn may_hold(group: &RowGroupMetaData, filter: &Filter) -> bool {
    if let Some((first, last)) = times(group)
        && (filter.from.is_some_and(|from| last < from) || filter.to.is_some_and(|to| first >= to))
    {
        return false;
    }
    let Some(Statistics::ByteArray(words)) = column(group, OUTCOME) else { return true };
    match (words.min_opt(), words.max_opt(), words.min_is_exact() && words.max_is_exact()) {
        (Some(min), Some(max), true) if min == max => filter.may_select_outcome(min.data()),
        _ => true,
    }
}

/// First and last start by the statistics of the row groups that may hold
/// what is selected, µs.
pub fn bounds(captures: &[Capture], filter: &Filter) -> Option<(i64, i64)> {
    let groups = captures.iter().flat_map(|capture| capture.file.row_groups());
    let groups = groups.filter(|group| group.num_rows() > 0 && may_hold(group, filter));
    let all: Option<Vec<(i64, i64)>> = groups.map(times).collect();
    let (first, last) = all?.into_iter().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    let first = filter.from.map_or(first, |from| first.max(from));
    let last = filter.to.map_or(last, |to| last.min(to.saturating_sub(1)));
    (first <= last).then_some((first, last))
}

/// Network namespaces of one boot that rows are of, where the statistics of
/// every row group name a single one.
pub fn places(captures: &[Capture]) -> Option<usize> {
    let groups = captures.iter().flat_map(|capture| {
        let boot = capture.info.boot_id.as_str();
        capture.file.row_groups().iter().map(move |group| (boot, group))
    });
    let mut places = BTreeSet::new();
    for (boot, group) in groups.filter(|(_, group)| group.num_rows() > 0) {
        let Some(Statistics::Int64(namespaces)) = column(group, NETNS) else { return None };
        match (namespaces.min_opt(), namespaces.max_opt()) {
            (Some(min), Some(max)) if min == max => places.insert((boot, *min)),
            _ => return None,
        };
    }
    Some(places.len())
}

/// What all threads of a scan share.
pub struct Pass<'a> {
    pub captures: &'a [Capture],
    pub filter: &'a Filter,
    pub texts: &'a Texts,
    pub columns: &'a ColumnSet,
    /// Rows with a latency that no connect has, by capture and row group.
    pub absurd: &'a Mutex<BTreeMap<(usize, usize), u64>>,
    /// What row groups that are being read may take.
    pub memory: &'a Memory,
}

impl Pass<'_> {
    /// Reads a row group; returns the number of rows that are selected.
    ///
    /// # Errors
    /// [`ScanError`] when it cannot be read to its end.
    pub fn read(&self, task: &Task, take: &mut dyn FnMut(&Batch<'_>)) -> Result<u64, ScanError> {
        let capture = &self.captures[task.capture];
        let failed = |problem: Problem| ScanError::from(problem.of(&capture.path));
        guard::caught(|| self.read_group(capture, task, take))
            .unwrap_or_else(|panic| Err(failed(Problem::damaged(panic))))
    }

    fn read_group(
        &self,
        capture: &Capture,
        task: &Task,
        take: &mut dyn FnMut(&Batch<'_>),
    ) -> Result<u64, ScanError> {
        let failed = |problem: Problem| ScanError::from(problem.of(&capture.path));
        let damaged = |reason: &dyn std::fmt::Display| failed(Problem::damaged(reason));
        let group_rows = capture.file.row_group(task.group).num_rows().unsigned_abs();
        let mut columns = self.columns.clone();
        if task.only.is_none() {
            self.filter.columns(&mut columns);
        }
        if columns.is_empty() {
            return Ok(group_rows);
        }
        let file = capture.file.open().map_err(|error| failed(error.into()))?;
        let group = capture.file.row_group(task.group);
        let needed = pages::memory(&file, group, &columns).map_err(failed)?;
        let _held = self.memory.take(needed).ok_or_else(|| {
            let [needed, room] = [needed, self.memory.all()].map(units::bytes);
            damaged(&format!(
                "the pages of a row group take {needed} of memory, more than a capture's and than \
                 the {room} there is room for"
            ))
        })?;
        let metadata = capture.file.metadata().clone();
        let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_projection(mask)
            .with_row_groups(vec![task.group])
            .with_batch_size(BATCH);
        if let Some(rows) = &task.only {
            builder = builder.with_row_selection(selection(rows));
        }
        let reader = builder.build().map_err(|error| damaged(&error))?;
        let mut dictionaries = Dictionaries::default();
        let (mut read, mut selected, mut absurd) = (0, 0, 0);
        for record in reader {
            let record = record.map_err(|error| damaged(&error))?;
            let first = read;
            read += record.num_rows();
            absurd += absurd_latencies(&record);
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
