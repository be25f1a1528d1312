//! How long texts are that pages keep as differences: lengths packed as small numbers,
//! and maybe only what differs from the text before. A few bytes may stand for millions
//! of texts, and a reader reserves memory for as many as they claim.
//!
//! Layout: DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY in
//! Encodings.md of parquet-format.

use parquet::basic::Encoding;

/// Bytes that the texts of a page take when they are unpacked, if it has no more than
/// `values` of them; none if its lengths are not what they should be.
pub(super) fn text_bytes(encoding: Encoding, page: &[u8], values: u64) -> Option<u64> {
    let first = Lengths::of(page, values)?;
    match encoding {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => Some(first.sum),
        // What each has in common with the one before, then what follows that.
        Encoding::DELTA_BYTE_ARRAY => {
            let rest = Lengths::of(page.get(first.bytes..)?, values)?;
            (rest.count == first.count).then_some(first.sum.saturating_add(rest.sum))
        }
        _ => None,
    }
}

/// Lengths packed at the begin of some bytes.
struct Lengths {
    count: u64,
    sum: u64,
    /// Bytes they take packed.
    bytes: usize,
}

impl Lengths {
    fn of(input: &[u8], most: u64) -> Option<Self> {
        let mut at = 0;
        let block = varint(input, &mut at)?;
        let minis = varint(input, &mut at)?;
        let count = varint(input, &mut at)?;
        let mut last = i32::try_from(zigzag(input, &mut at)?).ok()?;
        let per_mini = block.checked_div(minis)?;
        if count > most || per_mini == 0 || per_mini % 32 != 0 || block % minis != 0 {
            return None;
        }
        let (per_mini, minis) = (usize::try_from(per_mini).ok()?, usize::try_from(minis).ok()?);
        let mut sum = if count > 0 { u64::try_from(last).ok()? } else { 0 };
        let mut left = count.saturating_sub(1);
        while left > 0 {
            let least = i32::try_from(zigzag(input, &mut at)?).ok()?;
            let widths = input.get(at..at.checked_add(minis)?)?;
            at += minis;
            for width in widths.iter().map(|width| usize::from(*width)) {
                if left == 0 {
                    // What is said of blocks without values means nothing.
                    break;
                }
                let packed = input.get(at..at.checked_add(per_mini.checked_mul(width)? / 8)?)?;
                at += packed.len();
                let here = left.min(per_mini as u64);
                for number in 0..here as usize {
                    let more = bits(packed, number * width, width)?;
                    last = last.wrapping_add(least).wrapping_add(more);
                    sum = sum.saturating_add(u64::try_from(last).ok()?);
                }
                left -= here;
            }
        }
        Some(Self { count, sum, bytes: at })
    }
}

/// `width` bits from a bit on, the lowest first.
fn bits(packed: &[u8], from: usize, width: usize) -> Option<i32> {
    if width > 32 {
        return None;
    }
    let mut word = [0; 8];
    let bytes = packed.get(from / 8..)?;
    let length = bytes.len().min(word.len());
    word[..length].copy_from_slice(&bytes[..length]);
    let value = u64::from_le_bytes(word) >> (from % 8) & ((1 << width) - 1);
    Some(value as u32 as i32)
}

fn varint(input: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *input.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn zigzag(input: &[u8], at: &mut usize) -> Option<i64> {
    let value = varint(input, at)?;
    Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use arrow::record_batch::RecordBatch;
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use parquet::column::page::{Page, PageReader};
    use parquet::file::properties::WriterProperties;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;

    /// The pages that the library writes of texts.
    fn pages(texts: &[String], encoding: Encoding) -> Vec<Page> {
        let column: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        let field = arrow::datatypes::Field::new("t", column.data_type().clone(), false);
        let schema = Arc::new(arrow::datatypes::Schema::new(vec![field]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![column]).expect("a batch");
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_encoding(encoding)
            .set_data_page_row_count_limit(700)
            .build();
        let mut out = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties)).expect("new");
        writer.write(&batch).expect("written");
        writer.close().expect("closed");
        let file = SerializedFileReader::new(Bytes::from(out)).expect("a file");
        let group = file.get_row_group(0).expect("a group");
        let reader: Box<dyn PageReader> = group.get_column_page_reader(0).expect("a column");
        reader.map(|page| page.expect("a page")).collect()
    }

    #[test]
    fn texts_are_as_long_as_the_library_makes_them() {
        let mut random = fastrand::Rng::with_seed(5);
        let texts: Vec<String> = (0..2_000)
            .map(|n| format!("/system.slice/{}{}", "x".repeat(random.usize(..300)), n / 7))
            .collect();
        let all: u64 = texts.iter().map(|text| text.len() as u64).sum();
        for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY] {
            let pages = pages(&texts, encoding);
            assert!(pages.len() > 1);
            let bytes = pages.iter().map(|page| {
                assert_eq!(page.encoding(), encoding);
                text_bytes(encoding, page.buffer(), page.num_values().into()).expect("lengths")
            });
            assert_eq!(bytes.sum::<u64>(), all, "{encoding}");
        }
    }

    #[test]
    fn no_lengths_at_all_are_none() {
        let pages = pages(&[String::new()], Encoding::DELTA_BYTE_ARRAY);
        assert_eq!(text_bytes(Encoding::DELTA_BYTE_ARRAY, pages[0].buffer(), 1), Some(0));
    }

    #[test]
    fn what_claims_too_much_is_refused() {
        let lengths = |count: &[u8], block: &[u8]| {
            let page = [&[0x80, 0x01, 0x04], count, &[0x02], block].concat();
            text_bytes(Encoding::DELTA_LENGTH_BYTE_ARRAY, &page, 1_000)
        };
        // Five of one byte, in a block that needs no bits.
        assert_eq!(lengths(&[5], &[0, 0, 0, 0, 0]), Some(5));
        // Four billion of one byte each.
        assert_eq!(lengths(&[0xff, 0xff, 0xff, 0xff, 0x0f], &[0, 0, 0, 0, 0]), None);
        // A length below zero; one of more bits than there are; blocks that are missing.
        assert_eq!(lengths(&[5], &[0x03, 0, 0, 0, 0]), None);
        assert_eq!(lengths(&[5], &[0, 33, 0, 0, 0]), None);
        assert_eq!(lengths(&[5], &[]), None);
        // No blocks at all to divide by.
        assert_eq!(text_bytes(Encoding::DELTA_LENGTH_BYTE_ARRAY, &[0x80, 1, 0, 5, 2], 9), None);
    }
}
