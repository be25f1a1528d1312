//! How the scan reads the columns of a capture.

use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, FieldRef};
use connlat_schema::capture::columns::schema;

/// How a column of a checked file is read, whatever Arrow schema a writer
/// embedded: as the format has it, text as numbers of a dictionary. Columns that
/// are not of the format are not read at all.
pub(super) fn as_read(found: &FieldRef) -> FieldRef {
    let schema = schema();
    let Some((_, field)) = schema.column_with_name(found.name()) else {
        return Arc::clone(found);
    };
    let data_type = match field.data_type() {
        Arrow::Utf8 => Arrow::Dictionary(Arrow::Int32.into(), Arrow::Utf8.into()),
        other => other.clone(),
    };
    Arc::new(found.as_ref().clone().with_data_type(data_type))
}
