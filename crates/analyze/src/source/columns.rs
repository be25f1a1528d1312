//! A capture's columns against the contract in `connlat_schema`.
//!
//! Checked twice: as the Parquet footer declares them, and as polars is going
//! to read them. The two differ in a file whose embedded Arrow schema
//! contradicts its Parquet schema.

use arrow::datatypes::{DataType as Arrow, Field, TimeUnit};
use connlat_schema::capture::columns::{TIME, schema};
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use polars::prelude::{
    DataType as Polars, Expr, LazyFrame, Schema as PolarsSchema, TimeUnit as PolarsUnit, TimeZone,
    col, lit,
};

use super::error::Problem;

/// Every column of the contract, in order.
fn contract() -> impl Iterator<Item = (&'static str, &'static Field)> {
    use std::sync::LazyLock;
    static SCHEMA: LazyLock<arrow::datatypes::SchemaRef> = LazyLock::new(schema);
    SCHEMA.fields().iter().map(|field| (field.name().as_str(), field.as_ref()))
}

/// Checks the columns as the footer declares them. Further columns are fine:
/// a later minor version may add some.
pub(super) fn check(file: &SchemaDescriptor) -> Result<(), Problem> {
    for (column, field) in contract() {
        let found = file
            .columns()
            .iter()
            .find(|found| found.path().parts() == [column])
            .ok_or(Problem::ColumnMissing(column))?;
        if !matches(found, field) {
            return Err(Problem::ColumnType {
                column,
                found: describe(found),
                expected: expected(field),
            });
        }
    }
    Ok(())
}

fn matches(found: &ColumnDescriptor, field: &Field) -> bool {
    use parquet::basic::TimeUnit as Unit;

    // A column that may hold nulls where the contract has none would need an
    // answer to what a row without an outcome is.
    let repetition = match found.self_type().get_basic_info().repetition() {
        Repetition::REQUIRED => true,
        Repetition::OPTIONAL => field.is_nullable(),
        Repetition::REPEATED => false,
    };
    let logical = found.logical_type_ref();
    let data_type = match field.data_type() {
        Arrow::Int32 => found.physical_type() == Physical::INT32 && signed(logical, 32),
        Arrow::Int64 => found.physical_type() == Physical::INT64 && signed(logical, 64),
        Arrow::Utf8 => {
            found.physical_type() == Physical::BYTE_ARRAY
                && matches!(logical, Some(LogicalType::String))
        }
        Arrow::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            found.physical_type() == Physical::INT64
                && matches!(
                    logical,
                    Some(LogicalType::Timestamp(stamp))
                        if stamp.is_adjusted_to_u_t_c && stamp.unit == Unit::MICROS
                )
        }
        _ => false,
    };
    repetition && data_type
}

/// Plain integers carry no logical type; some writers spell it out.
fn signed(logical: Option<&LogicalType>, bits: i8) -> bool {
    match logical {
        None => true,
        Some(LogicalType::Integer(integer)) => integer.is_signed && integer.bit_width == bits,
        Some(_) => false,
    }
}

fn describe(found: &ColumnDescriptor) -> String {
    let info = found.self_type().get_basic_info();
    let logical =
        found.logical_type_ref().map_or_else(String::new, |logical| format!(" {logical:?}"));
    let text = format!("{} {}{logical}", info.repetition(), found.physical_type());
    crate::escape::terminal(&text)
}

fn expected(field: &Field) -> String {
    let null = if field.is_nullable() { "" } else { " without nulls" };
    format!("{}{null}", field.data_type())
}

/// Checks the columns as polars is going to read them.
pub(super) fn check_as_read(read: &PolarsSchema) -> Result<(), Problem> {
    for (column, field) in contract() {
        let found = read.get(column).ok_or(Problem::ColumnMissing(column))?;
        let same = match field.data_type() {
            Arrow::Int32 => found == &Polars::Int32,
            Arrow::Int64 => found == &Polars::Int64,
            Arrow::Utf8 => found == &Polars::String,
            Arrow::Timestamp(..) => {
                matches!(found, Polars::Datetime(polars::prelude::TimeUnit::Microseconds, _))
            }
            _ => false,
        };
        if !same {
            return Err(Problem::ColumnType {
                column,
                found: crate::escape::terminal(&format!("{found:?}")),
                expected: expected(field),
            });
        }
    }
    Ok(())
}

/// The columns of the contract and no others, so that captures of different
/// minor versions can be put together. `read` is what they are read as.
pub(super) fn select(frame: LazyFrame, read: &PolarsSchema) -> LazyFrame {
    let columns: Vec<_> = contract()
        .map(|(column, _)| match column {
            // An embedded Arrow schema may name another zone.
            TIME if read.get(TIME) != Some(&time_type()) => col(TIME).cast(time_type()),
            column => col(column),
        })
        .collect();
    frame.select(columns)
}

fn time_type() -> Polars {
    Polars::Datetime(PolarsUnit::Microseconds, Some(TimeZone::UTC))
}

/// A moment, µs since 1970 UTC, to compare the column `time` with. It has that
/// column's type: rows compared with the column as it stands are skipped by
/// the statistics of their row group, those of an expression are not.
pub fn moment(us: i64) -> Expr {
    lit(us).cast(time_type())
}
