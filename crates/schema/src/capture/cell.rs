//! What the cells of a column hold, and how Arrow stores it.

use std::borrow::Cow;

use arrow::array::{
    Array, ArrayBuilder, Int32Array, Int32Builder, Int64Array, Int64Builder, StringArray,
    StringBuilder, TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, TimeUnit};

/// A moment, µs since 1970 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// The content of a cell, for whoever treats all columns alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'v> {
    /// Nothing is known.
    Null,
    /// A number.
    Integer(i64),
    /// A moment.
    Time(Timestamp),
    /// Text of unknown origin.
    Text(&'v str),
}

/// A type of cells. `'a` is the life of text that is not its own.
pub(super) trait Cell<'a>: Sized {
    /// Where Arrow keeps a column of them.
    type Array: Array + 'static;
    /// What makes one.
    type Builder: ArrayBuilder;

    /// A column of this name.
    fn field(name: &str) -> Field;
    fn builder(rows: usize) -> Self::Builder;
    fn append(&self, column: &mut Self::Builder);
    /// The cell of a row that the column has.
    fn get(column: &'a Self::Array, row: usize) -> Self;
    fn value(&self) -> Value<'_>;
}

impl<'a> Cell<'a> for i32 {
    type Array = Int32Array;
    type Builder = Int32Builder;

    fn field(name: &str) -> Field {
        Field::new(name, DataType::Int32, false)
    }
    fn builder(rows: usize) -> Int32Builder {
        Int32Builder::with_capacity(rows)
    }
    fn append(&self, column: &mut Int32Builder) {
        column.append_value(*self);
    }
    fn get(column: &'a Int32Array, row: usize) -> Self {
        column.value(row)
    }
    fn value(&self) -> Value<'_> {
        Value::Integer((*self).into())
    }
}

impl<'a> Cell<'a> for Option<i32> {
    type Array = Int32Array;
    type Builder = Int32Builder;

    fn field(name: &str) -> Field {
        Field::new(name, DataType::Int32, true)
    }
    fn builder(rows: usize) -> Int32Builder {
        Int32Builder::with_capacity(rows)
    }
    fn append(&self, column: &mut Int32Builder) {
        column.append_option(*self);
    }
    fn get(column: &'a Int32Array, row: usize) -> Self {
        column.is_valid(row).then(|| column.value(row))
    }
    fn value(&self) -> Value<'_> {
        self.map_or(Value::Null, |value| Value::Integer(value.into()))
    }
}

impl<'a> Cell<'a> for i64 {
    type Array = Int64Array;
    type Builder = Int64Builder;

    fn field(name: &str) -> Field {
        Field::new(name, DataType::Int64, false)
    }
    fn builder(rows: usize) -> Int64Builder {
        Int64Builder::with_capacity(rows)
    }
    fn append(&self, column: &mut Int64Builder) {
        column.append_value(*self);
    }
    fn get(column: &'a Int64Array, row: usize) -> Self {
        column.value(row)
    }
    fn value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl<'a> Cell<'a> for Timestamp {
    type Array = TimestampMicrosecondArray;
    type Builder = TimestampMicrosecondBuilder;

    fn field(name: &str) -> Field {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Field::new(name, utc, false)
    }
    fn builder(rows: usize) -> TimestampMicrosecondBuilder {
        TimestampMicrosecondBuilder::with_capacity(rows).with_timezone("UTC")
    }
    fn append(&self, column: &mut TimestampMicrosecondBuilder) {
        column.append_value(self.0);
    }
    fn get(column: &'a TimestampMicrosecondArray, row: usize) -> Self {
        Self(column.value(row))
    }
    fn value(&self) -> Value<'_> {
        Value::Time(*self)
    }
}

impl<'a> Cell<'a> for Cow<'a, str> {
    type Array = StringArray;
    type Builder = StringBuilder;

    fn field(name: &str) -> Field {
        Field::new(name, DataType::Utf8, false)
    }
    fn builder(rows: usize) -> StringBuilder {
        // Texts are about this long.
        StringBuilder::with_capacity(rows, rows * 16)
    }
    fn append(&self, column: &mut StringBuilder) {
        column.append_value(self);
    }
    fn get(column: &'a StringArray, row: usize) -> Self {
        Cow::Borrowed(column.value(row))
    }
    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}
