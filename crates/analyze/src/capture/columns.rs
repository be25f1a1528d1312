//! A capture's columns against the contract in `connlat_schema`.
//!
//! They are checked as the Parquet footer declares them, and read as the
//! contract says, whatever Arrow schema a writer embedded.

use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field, FieldRef, TimeUnit};
use connlat_schema::capture::columns::schema;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

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

/// How a column of a checked file is read: text as numbers of a dictionary.
/// Columns that are not of the contract are not read at all.
pub(super) fn as_read(found: &FieldRef) -> FieldRef {
    let Some((_, field)) = contract().find(|(name, _)| name == found.name()) else {
        return Arc::clone(found);
    };
    let data_type = match field.data_type() {
        Arrow::Utf8 => Arrow::Dictionary(Arrow::Int32.into(), Arrow::Utf8.into()),
        other => other.clone(),
    };
    Arc::new(found.as_ref().clone().with_data_type(data_type))
}
