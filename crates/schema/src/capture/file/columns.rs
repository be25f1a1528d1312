//! The columns of a Parquet file against those of the format.

use arrow::datatypes::{DataType as Arrow, Field, TimeUnit};
use parquet::basic::{LogicalType, Repetition, TimeUnit as Unit, Type as Physical};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use crate::capture::columns::{NAMES, schema};

/// Why the columns of a file are not those of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnProblem {
    /// There is none of this name.
    #[error("has no column `{0}`")]
    Missing(&'static str),
    /// It has another type.
    #[error("column `{column}` is {found}, not {expected}")]
    Type {
        /// Its name.
        column: &'static str,
        /// Its type in words; may hold text of the file.
        found: String,
        /// The type it should have.
        expected: String,
    },
}

/// Checks the columns as the footer declares them. Further columns are fine:
/// a later minor version may add some.
///
/// # Errors
/// The first [`ColumnProblem`].
pub fn check_columns(file: &SchemaDescriptor) -> Result<(), ColumnProblem> {
    for (name, field) in NAMES.into_iter().zip(schema().fields()) {
        let found = file.columns().iter().find(|found| found.path().parts() == [name]);
        let found = found.ok_or(ColumnProblem::Missing(name))?;
        if !matches(found, field) {
            return Err(ColumnProblem::Type {
                column: name,
                found: describe(found),
                expected: expected(field),
            });
        }
    }
    Ok(())
}

fn matches(found: &ColumnDescriptor, field: &Field) -> bool {
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
    format!("{} {}{logical}", info.repetition(), found.physical_type())
}

fn expected(field: &Field) -> String {
    let null = if field.is_nullable() { "" } else { " without nulls" };
    format!("{}{null}", field.data_type())
}
