//! Whether a record batch's header fits its body, before Arrow believes it.
//!
//! A checksum only says that the message is what somebody wrote. Arrow slices
//! the body by offsets from the header and panics where they lead outside, so
//! everything that the recorder never writes is refused here.

use arrow::datatypes::{DataType, Schema};
use arrow::ipc::RecordBatch;

/// Buffers of a column: validity and values, and for strings offsets between.
fn buffers_of(data_type: &DataType) -> usize {
    if *data_type == DataType::Utf8 { 3 } else { 2 }
}

/// Whether every column has its node and its buffers, all inside the body.
pub fn fits(batch: &RecordBatch<'_>, schema: &Schema, body_len: usize) -> bool {
    let (Some(nodes), Some(buffers)) = (batch.nodes(), batch.buffers()) else { return false };
    let expected: usize = schema.fields().iter().map(|f| buffers_of(f.data_type())).sum();
    let plain = batch.compression().is_none() && batch.variadicBufferCounts().is_none();
    let inside = buffers.iter().all(|buffer| {
        let (Ok(offset), Ok(length)) =
            (usize::try_from(buffer.offset()), usize::try_from(buffer.length()))
        else {
            return false;
        };
        offset.checked_add(length).is_some_and(|end| end <= body_len)
    });
    // Each row takes bytes, so the body bounds their number.
    let rows = batch.length();
    let counted = usize::try_from(rows).is_ok_and(|rows| rows <= body_len)
        && nodes.iter().zip(schema.fields()).all(|(node, field)| {
            let most_nulls = if field.is_nullable() { rows } else { 0 };
            node.length() == rows && (0..=most_nulls).contains(&node.null_count())
        });
    plain && inside && counted && nodes.len() == schema.fields().len() && buffers.len() == expected
}
