//! Columns that no capture has: names that `--names` gives, beside the texts
//! they are of. They are made where row groups are read, so that conditions,
//! keys and tables take them as any other column of text; empty where there is
//! no name.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::ColumnSet;
use crate::columns::{DERIVED, POD};
use crate::names::Names;

/// The columns that are read for some, and whether any of them is derived.
pub fn read_for(columns: &ColumnSet) -> (ColumnSet, bool) {
    let source = |name: &&'static str| {
        let derived = DERIVED.iter().find(|(derived, _)| derived == name);
        derived.map_or(*name, |(_, source)| *source)
    };
    let read: ColumnSet = columns.iter().map(source).collect();
    let any = columns.iter().any(|name| DERIVED.iter().any(|(derived, _)| derived == name));
    (read, any)
}

/// Makes derived columns for the batches of a row group.
pub struct Deriving<'a> {
    names: &'a Names,
    /// The last dictionary of each, and the names of its texts.
    known: [Option<(ArrayRef, ArrayRef)>; DERIVED.len()],
}

impl<'a> Deriving<'a> {
    pub fn new(names: &'a Names) -> Self {
        Self { names, known: Default::default() }
    }

    /// The batch with those of the columns that are wanted and derived.
    ///
    /// # Errors
    /// [`ArrowError`] if a column is not as it is read.
    pub fn add(
        &mut self,
        batch: RecordBatch,
        wanted: &ColumnSet,
    ) -> Result<RecordBatch, ArrowError> {
        let mut fields = batch.schema().fields().iter().cloned().collect::<Vec<_>>();
        let mut columns = batch.columns().to_vec();
        for ((name, source), known) in DERIVED.iter().zip(&mut self.known) {
            let Some(texts) = batch.column_by_name(source).filter(|_| wanted.contains(name)) else {
                continue;
            };
            let wrong = || ArrowError::SchemaError(format!("column {source} is no text"));
            let texts = texts.as_dictionary_opt::<Int32Type>().ok_or_else(wrong)?;
            let same = known.as_ref().filter(|(last, _)| Arc::ptr_eq(last, texts.values()));
            let names = match same {
                Some((_, names)) => Arc::clone(names),
                None => {
                    let values = texts.values().as_string_opt::<i32>().ok_or_else(wrong)?;
                    let of = |text: Option<&str>| match *name {
                        POD => self.names.pod(text.unwrap_or_default()),
                        _ => self.names.of(text.unwrap_or_default()),
                    };
                    let names = StringArray::from_iter_values(values.iter().map(of));
                    let names: ArrayRef = Arc::new(names);
                    *known = Some((Arc::clone(texts.values()), Arc::clone(&names)));
                    names
                }
            };
            let column = DictionaryArray::<Int32Type>::try_new(texts.keys().clone(), names)?;
            let data_type = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
            fields.push(Arc::new(Field::new(*name, data_type, true)));
            columns.push(Arc::new(column));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
    }
}
