//! The columns that can be asked about: those of captures, and names beside them
//! (`--names`), which no capture has.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use connlat_schema::capture::columns::{self, CGROUP, DST_ADDR, SRC_ADDR};

/// Name of the destination.
pub const NAME: &str = "name";
/// Name of the source address.
pub const SRC_NAME: &str = "src_name";
/// The pod that connected, by its cgroup.
pub const POD: &str = "pod";

/// Each with the column it is made of.
pub const DERIVED: [(&str, &str); 3] = [(NAME, DST_ADDR), (SRC_NAME, SRC_ADDR), (POD, CGROUP)];

/// The columns of captures and these.
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let derived = DERIVED.map(|(name, _)| Arc::new(Field::new(name, DataType::Utf8, false)));
        let fields = columns::schema().fields().iter().cloned().chain(derived).collect::<Vec<_>>();
        Arc::new(Schema::new(fields))
    });
    Arc::clone(&SCHEMA)
}

/// Names of all columns.
pub fn column_names() -> impl Iterator<Item = &'static str> {
    columns::NAMES.into_iter().chain(DERIVED.map(|(name, _)| name))
}
