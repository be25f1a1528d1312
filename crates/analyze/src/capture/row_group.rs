//! What is kept of a row group of every file: enough to tell whether a question
//! needs it. Where its pages lie is a dozen times as much, and is read again.

use connlat_schema::capture::columns::NAMES;
use parquet::data_type::ByteArray;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::statistics::Statistics;

use super::error::Problem;

/// A row group by its statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowGroup {
    /// Rows in it.
    pub rows: u64,
    /// Bytes of its pages as they lie in the file.
    pub bytes: u64,
    /// In the order of [`NAMES`].
    columns: Box<[ColumnRange]>,
}

/// What the statistics of a row group say of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnRange {
    /// The smallest and the largest value, or what they cannot be beyond.
    pub range: Option<Range>,
    /// Its nulls, if they were counted.
    pub nulls: Option<u64>,
}

/// See [`ColumnRange::range`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Range {
    /// Of integers, and of times in µs.
    Integers(i64, i64),
    /// Of text, in the order of its bytes.
    Texts(Box<str>, Box<str>),
    /// All are this text.
    Same(Box<str>),
}

impl RowGroup {
    /// As the footer has it.
    pub(super) fn of(group: &RowGroupMetaData) -> Self {
        let mut columns = vec![ColumnRange::default(); NAMES.len()];
        for chunk in group.columns() {
            let [name] = chunk.column_path().parts() else { continue };
            let place = NAMES.iter().position(|known| known == name);
            if let (Some(place), Some(statistics)) = (place, chunk.statistics()) {
                let nulls = statistics.null_count_opt();
                columns[place] = ColumnRange { range: range(statistics), nulls };
            }
        }
        Self {
            rows: group.num_rows().unsigned_abs(),
            bytes: group.compressed_size().unsigned_abs(),
            columns: columns.into(),
        }
    }

    /// What is known of a column.
    pub fn column(&self, name: &str) -> Option<&ColumnRange> {
        self.columns.get(NAMES.iter().position(|known| *known == name)?)
    }

    /// Smallest and largest value of a column of integers or times.
    pub fn integers(&self, name: &str) -> Option<(i64, i64)> {
        match self.column(name)?.range {
            Some(Range::Integers(min, max)) => Some((min, max)),
            _ => None,
        }
    }
}

/// Checks that what statistics say can be of any rows.
///
/// # Errors
/// [`Problem`] when no rows have them.
pub(super) fn check(groups: &[RowGroup]) -> Result<(), Problem> {
    for group in groups.iter().filter(|group| group.rows > 0) {
        for (name, column) in NAMES.into_iter().zip(&group.columns) {
            let is_range = match &column.range {
                Some(Range::Integers(min, max)) => min <= max,
                Some(Range::Texts(min, max)) => min <= max,
                Some(Range::Same(_)) | None => true,
            };
            if !is_range || column.nulls.is_some_and(|nulls| nulls > group.rows) {
                return Err(Problem::Statistics(name));
            }
        }
    }
    Ok(())
}

fn range(statistics: &Statistics) -> Option<Range> {
    match statistics {
        Statistics::Int32(values) => {
            Some(Range::Integers((*values.min_opt()?).into(), (*values.max_opt()?).into()))
        }
        Statistics::Int64(values) => Some(Range::Integers(*values.min_opt()?, *values.max_opt()?)),
        // Old ones compared bytes as signed numbers.
        Statistics::ByteArray(values) if !statistics.is_min_max_deprecated() => {
            let text = |value: &ByteArray| std::str::from_utf8(value.data()).ok().map(Box::from);
            let (min, max): (Box<str>, Box<str>) =
                (text(values.min_opt()?)?, text(values.max_opt()?)?);
            // Long ones may be cut.
            let exact = values.min_is_exact() && values.max_is_exact();
            Some(if exact && min == max { Range::Same(min) } else { Range::Texts(min, max) })
        }
        _ => None,
    }
}
