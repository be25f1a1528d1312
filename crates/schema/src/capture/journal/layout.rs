//! Whether a record batch's header fits its body, before Arrow believes it.
//!
//! A checksum only says that the message is what somebody wrote. Arrow slices
//! the body by offsets from the header, and panics where they lead outside or
//! cut a number in two, so everything the recorder never writes is refused.

use arrow::datatypes::{DataType, Schema};
use arrow::ipc::{self, Buffer, RecordBatch};

/// Keys that a journal's head may have.
pub const KEYS: usize = 100;

/// Whether a head has the fields of a journal, and no more text than it has bytes: in a
/// flatbuffer any number of fields may be the same bytes, and each becomes a copy.
pub fn is_head(schema: &ipc::Schema<'_>, expected: &Schema, bytes: usize) -> bool {
    let Some(fields) = schema.fields() else { return false };
    let is_field = |(found, field): (ipc::Field<'_>, &arrow::datatypes::FieldRef)| {
        found.name() == Some(field.name())
            && found.children().is_none_or(|children| children.is_empty())
            && found.dictionary().is_none()
            && found.custom_metadata().is_none_or(|pairs| pairs.is_empty())
    };
    let pairs = || schema.custom_metadata().into_iter().flatten();
    let length = |text: Option<&str>| text.map_or(0, str::len);
    pairs().count() <= KEYS
        && pairs().map(|pair| length(pair.key()) + length(pair.value())).sum::<usize>() <= bytes
        && fields.len() == expected.fields().len()
        && fields.iter().zip(expected.fields()).all(is_field)
}

/// Every buffer starts at a multiple of this; the recorder uses 64.
const ALIGNMENT: usize = 8;

/// What a buffer of a column holds, and so how long it is.
#[derive(Clone, Copy)]
enum Content {
    /// One bit a row, or nothing; Arrow checks that it suffices.
    Validity,
    /// So many bytes a row.
    Values(usize),
    /// Where each string ends: 32 bits a row, and one more.
    Offsets,
    /// Text of any length.
    Text,
}

impl Content {
    fn of(data_type: &DataType) -> Vec<Self> {
        match data_type.primitive_width() {
            Some(width) => vec![Self::Validity, Self::Values(width)],
            None => vec![Self::Validity, Self::Offsets, Self::Text],
        }
    }

    fn is_length(self, length: usize, rows: usize) -> bool {
        match self {
            Self::Validity | Self::Text => true,
            Self::Values(width) => length == rows * width,
            Self::Offsets => length == (rows + 1) * size_of::<i32>() || (rows, length) == (0, 0),
        }
    }
}

/// Whether every column has its node and its buffers, all inside the body.
pub fn fits(batch: &RecordBatch<'_>, schema: &Schema, body_len: usize) -> bool {
    let (Some(nodes), Some(buffers)) = (batch.nodes(), batch.buffers()) else { return false };
    // Each row takes bytes, so the body bounds their number.
    let Some(rows) = usize::try_from(batch.length()).ok().filter(|rows| *rows <= body_len) else {
        return false;
    };
    let contents = schema.fields().iter().flat_map(|field| Content::of(field.data_type()));
    let contents: Vec<Content> = contents.collect();
    let is_plain = batch.compression().is_none() && batch.variadicBufferCounts().is_none();
    let is_inside = |buffer: &Buffer, content: &Content| {
        let offset = usize::try_from(buffer.offset()).ok();
        let length = usize::try_from(buffer.length()).ok();
        let (Some(offset), Some(length)) = (offset, length) else { return false };
        offset.is_multiple_of(ALIGNMENT)
            && offset.checked_add(length).is_some_and(|end| end <= body_len)
            && content.is_length(length, rows)
    };
    // Buffers that share bytes would make rows out of nothing: what they claim
    // together has to be there.
    let claimed = buffers
        .iter()
        .try_fold(0_usize, |sum, buffer| sum.checked_add(usize::try_from(buffer.length()).ok()?));
    is_plain
        && claimed.is_some_and(|claimed| claimed <= body_len)
        && buffers.len() == contents.len()
        && buffers.iter().zip(&contents).all(|(buffer, content)| is_inside(buffer, content))
        && nodes.len() == schema.fields().len()
        && nodes.iter().zip(schema.fields()).all(|(node, field)| {
            let most_nulls = if field.is_nullable() { batch.length() } else { 0 };
            node.length() == batch.length() && (0..=most_nulls).contains(&node.null_count())
        })
}
