//! Whether rows are what the statistics of their row group say: row groups are passed
//! over by them, and nobody would find out that they lie.

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Int32Type, Int64Type, TimestampMicrosecondType,
};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::NAMES;

use super::error::Problem;
use super::row_group::{ColumnRange, Range, RowGroup};

/// Compares the rows of a row group with its statistics.
pub struct Statistics<'a> {
    group: &'a RowGroup,
    /// Dictionaries last met, by column, and which of their texts lie outside; nothing
    /// if none does.
    dictionaries: Vec<(&'static str, ArrayRef, Vec<bool>)>,
}

impl<'a> Statistics<'a> {
    /// Of a row group.
    pub fn of(group: &'a RowGroup) -> Self {
        Self { group, dictionaries: Vec::new() }
    }

    /// Compares some of its rows: columns of the format, as they are read.
    ///
    /// # Errors
    /// [`Problem::Statistics`] for the first column that has other values.
    pub fn check(&mut self, rows: &RecordBatch) -> Result<(), Problem> {
        for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
            let Some(name) = NAMES.into_iter().find(|name| name == field.name()) else { continue };
            let Some(said) = self.group.column(name) else { continue };
            let holds = match (&said.range, column.data_type()) {
                (Some(Range::Integers(min, max)), data_type) => {
                    are_within(column, data_type, (*min, *max))
                }
                (Some(range), DataType::Dictionary(..)) => {
                    let (min, max) = match range {
                        Range::Texts(min, max) => (min, max),
                        Range::Same(text) => (text, text),
                        Range::Integers(..) => continue,
                    };
                    self.texts(name, column, (min, max))
                }
                _ => true,
            };
            if !holds || !are_nulls(column, said, self.group.rows) {
                return Err(Problem::Statistics(name));
            }
        }
        Ok(())
    }

    fn texts(&mut self, name: &'static str, column: &ArrayRef, (min, max): (&str, &str)) -> bool {
        let Some(column) = column.as_dictionary_opt::<Int32Type>() else { return true };
        let place = self.dictionaries.iter().position(|(known, ..)| *known == name);
        let place = match place {
            Some(place) if std::sync::Arc::ptr_eq(&self.dictionaries[place].1, column.values()) => {
                place
            }
            place => {
                let Some(texts) = column.values().as_string_opt::<i32>() else { return true };
                let is_outside =
                    |text: Option<&str>| text.is_some_and(|text| text < min || text > max);
                let outside: Vec<bool> = texts.iter().map(is_outside).collect();
                let any = outside.contains(&true);
                let new = (name, column.values().clone(), if any { outside } else { Vec::new() });
                match place {
                    Some(place) => {
                        self.dictionaries[place] = new;
                        place
                    }
                    None => {
                        self.dictionaries.push(new);
                        self.dictionaries.len() - 1
                    }
                }
            }
        };
        // Other writers leave texts in a dictionary that no row has.
        let outside = &self.dictionaries[place].2;
        let mut keys = column.keys().iter().flatten();
        outside.is_empty() || !keys.any(|key| outside.get(key as usize).copied().unwrap_or(false))
    }
}

fn are_within(column: &ArrayRef, data_type: &DataType, range: (i64, i64)) -> bool {
    fn all<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>, (min, max): (i64, i64)) -> bool
    where
        T::Native: Into<i64>,
    {
        let is_within = |value: T::Native| (min..=max).contains(&value.into());
        match values.null_count() {
            // Without a branch, so that many are compared at once.
            0 => values.values().iter().fold(true, |all, value| all & is_within(*value)),
            _ => values.iter().flatten().all(is_within),
        }
    }
    match data_type {
        DataType::Int32 => all(column.as_primitive::<Int32Type>(), range),
        DataType::Int64 => all(column.as_primitive::<Int64Type>(), range),
        DataType::Timestamp(..) => column
            .as_primitive_opt::<TimestampMicrosecondType>()
            .is_none_or(|times| all(times, range)),
        _ => true,
    }
}

/// Whether there are nulls where there can be some, and nothing else where all are.
fn are_nulls(column: &ArrayRef, said: &ColumnRange, rows: u64) -> bool {
    match said.nulls {
        Some(0) => column.null_count() == 0,
        Some(nulls) if nulls == rows => column.null_count() == column.len(),
        _ => true,
    }
}
