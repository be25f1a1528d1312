//! The rows anew: the columns of the format and no others, each cell replaced.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Int32Array, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{
    BOOT_ID, CGROUP, COMM, DST_ADDR, HOST, OUTCOME, SRC_ADDR, SRC_PORT, TIME, schema,
};

use super::RedactError;
use super::plan::Plan;
use super::source::Texts;
use super::words::Kind;
use crate::capture::Problem;

/// Replaces the cells of batches of one row group after the other.
pub struct Rewriter<'a> {
    plan: &'a Plan,
    /// The last dictionary of each text column, and what stands for its texts.
    known: BTreeMap<&'static str, (Option<ArrayRef>, Vec<String>)>,
}

impl<'a> Rewriter<'a> {
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, known: BTreeMap::new() }
    }

    /// The batch to be written.
    ///
    /// # Errors
    /// [`RedactError`] when a column is not as the format has it, or a time
    /// cannot be moved.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<RecordBatch, RedactError> {
        let schema = schema();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for name in connlat_schema::capture::columns::NAMES {
            columns.push(match name {
                HOST | BOOT_ID | OUTCOME | COMM | CGROUP | SRC_ADDR | DST_ADDR => {
                    self.texts(batch, name)?
                }
                TIME => self.times(batch)?,
                SRC_PORT if !self.plan.options.keep_ports => self.ports(batch)?,
                name => Arc::clone(column(batch, name)?),
            });
        }
        RecordBatch::try_new(schema, columns).map_err(|error| Problem::damaged(error).into())
    }

    fn texts(&mut self, batch: &RecordBatch, name: &'static str) -> Result<ArrayRef, RedactError> {
        let texts = Texts::of(batch, name)?;
        let plan = self.plan;
        let known = self.known.entry(name).or_default();
        if texts.is_new(&mut known.0) {
            known.1 = texts.all().map(|text| image(plan, name, text)).collect();
        }
        let images = &known.1;
        let mut builder = StringBuilder::with_capacity(texts.keys.len(), texts.keys.len() * 16);
        for key in texts.keys {
            let image = usize::try_from(*key).ok().and_then(|key| images.get(key));
            builder.append_value(image.ok_or(Problem::ColumnMissing(name))?);
        }
        Ok(Arc::new(builder.finish()) as Arc<StringArray>)
    }

    fn times(&self, batch: &RecordBatch) -> Result<ArrayRef, RedactError> {
        let times = column(batch, TIME)?.as_primitive_opt::<TimestampMicrosecondType>();
        let times = times.ok_or(Problem::ColumnMissing(TIME))?;
        let moved: Result<Vec<i64>, RedactError> =
            times.values().iter().map(|us| self.plan.time(*us)).collect();
        Ok(Arc::new(TimestampMicrosecondArray::from(moved?).with_timezone("UTC")))
    }

    fn ports(&self, batch: &RecordBatch) -> Result<ArrayRef, RedactError> {
        let ports = column(batch, SRC_PORT)?.as_primitive_opt::<Int32Type>();
        let ports = ports.ok_or(Problem::ColumnMissing(SRC_PORT))?;
        let replaced = ports.values().iter().map(|port| self.plan.ports.get(*port));
        Ok(Arc::new(Int32Array::from_iter_values(replaced)))
    }
}

fn column<'b>(batch: &'b RecordBatch, name: &'static str) -> Result<&'b ArrayRef, Problem> {
    batch.column_by_name(name).ok_or(Problem::ColumnMissing(name))
}

fn image(plan: &Plan, column: &str, text: &str) -> String {
    match column {
        HOST => plan.name(Kind::Host, text),
        BOOT_ID => plan.word(Kind::Boot, text),
        COMM => plan.name(Kind::Process, text),
        CGROUP => plan.path(text),
        OUTCOME => plan.outcome(text),
        _ => plan.address(text),
    }
}
