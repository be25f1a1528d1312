//! Reads back what was written, from the file, and looks for originals in it:
//! in every text of every column and of the footer, in every page as it
//! unpacks, and in the bytes as they lie in the file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use arrow::array::ArrayRef;
use connlat_schema::capture::columns::{BOOT_ID, DST_ADDR, NAMES, OUTCOME, SRC_ADDR};
use connlat_schema::capture::{KEY_CAPTURE, KEY_FORMAT_VERSION};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use serde_json::Value;

use super::RedactError;
use super::originals::TEXTS;
use super::plan::{Column, Plan, shown};
use super::source::{self, Texts};
use super::vocabulary::WITHHELD;
use crate::capture::{Captures, Problem};
use crate::guard;
use crate::scan::{ColumnSet, Room};

/// Bytes looked at together. Blocks overlap by more than an original is long.
const BLOCK: usize = 1 << 20;
const OVERLAP: usize = 16 << 10;

/// Where something was found that must not be there.
struct Left {
    place: String,
    text: String,
}

/// Looks through a file that is to be handed on.
///
/// # Errors
/// [`RedactError::Left`] if anything is left of the originals, and when the
/// file cannot be read.
pub fn clean(path: &Path, plan: &Plan, room: &Room) -> Result<(), RedactError> {
    let left = |left: Left| RedactError::Left {
        place: left.place,
        text: crate::escape::terminal(&shown(&left.text)),
    };
    cells(path, plan, room)?.map_or(Ok(()), |found| Err(left(found)))?;
    let file = || File::open(path).map_err(Problem::from);
    let opened = file()?;
    let parts =
        guard::caught(move || footer_and_pages(opened, plan)).map_err(Problem::damaged)??;
    parts.map_or(Ok(()), |found| Err(left(found)))?;
    bytes(file()?, plan).map_err(Problem::from)?.map_or(Ok(()), |found| Err(left(found)))
}

/// Every text of the columns must be one that the plan gives, and no other name.
fn cells(path: &Path, plan: &Plan, room: &Room) -> Result<Option<Left>, RedactError> {
    let captures = Captures::open(&[path.to_owned()], true)?;
    let columns = ColumnSet::from(TEXTS);
    let mut found: Option<Left> = None;
    for capture in &captures.each {
        for group in 0..capture.file.row_groups().len() {
            let mut known: BTreeMap<&str, Option<ArrayRef>> = BTreeMap::new();
            source::read(capture, group, (&columns, room), &mut |batch| {
                for column in TEXTS {
                    let texts = Texts::of(batch, column)?;
                    if !texts.is_new(known.entry(column).or_default()) {
                        continue;
                    }
                    let wrong = texts.all().find(|text| !is_clean(column, text, plan));
                    let left = wrong.map(|text| Left {
                        place: format!("column {column}"),
                        text: text.to_owned(),
                    });
                    found = found.take().or(left);
                }
                Ok::<(), RedactError>(())
            })?;
        }
    }
    Ok(found)
}

fn is_clean(column: &str, text: &str, plan: &Plan) -> bool {
    let kind = match column {
        BOOT_ID => Column::Boot,
        OUTCOME => Column::Outcome,
        SRC_ADDR | DST_ADDR => Column::Address,
        _ => Column::Name,
    };
    // A kept name may hold an address.
    plan.gives(kind, text)
        && (kind != Column::Name || !plan.options.keep_names || plan.search.in_text(text).is_none())
}

fn footer_and_pages(file: File, plan: &Plan) -> Result<Option<Left>, Problem> {
    let reader = SerializedFileReader::new(file).map_err(Problem::damaged)?;
    let metadata = reader.metadata();
    let about = metadata.file_metadata();
    let foreign = about.schema_descr().columns().iter().find(|column| {
        let path = column.path();
        !matches!(path.parts(), [name] if NAMES.contains(&name.as_str()))
    });
    if let Some(column) = foreign {
        let text = column.path().string();
        return Ok(Some(Left { place: "the footer's columns".to_owned(), text }));
    }
    for pair in about.key_value_metadata().into_iter().flatten() {
        let value = pair.value.as_deref().unwrap_or_default();
        let left = match pair.key.as_str() {
            KEY_FORMAT_VERSION => None,
            KEY_CAPTURE => {
                let document = serde_json::from_str(value).map_err(Problem::damaged)?;
                in_document("the footer", &document, plan)
            }
            key => Some(Left { place: "the footer's keys".to_owned(), text: key.to_owned() }),
        };
        if left.is_some() {
            return Ok(left);
        }
    }
    for group in 0..metadata.num_row_groups() {
        let of_group = reader.get_row_group(group).map_err(Problem::damaged)?;
        for (index, chunk) in metadata.row_group(group).columns().iter().enumerate() {
            let place = || format!("column {}", chunk.column_path().string());
            if let Some(Statistics::ByteArray(texts)) = chunk.statistics() {
                let bounds = [texts.min_bytes_opt(), texts.max_bytes_opt()];
                for bound in bounds.into_iter().flatten() {
                    if let Some(text) = plan.search.in_bytes(bound) {
                        let place = format!("the statistics of {}", place());
                        return Ok(Some(Left { place, text: text.to_owned() }));
                    }
                }
            }
            let mut pages = of_group.get_column_page_reader(index).map_err(Problem::damaged)?;
            while let Some(page) = pages.get_next_page().map_err(Problem::damaged)? {
                if let Some(text) = plan.search.in_bytes(page.buffer()) {
                    let place = format!("the pages of {}", place());
                    return Ok(Some(Left { place, text: text.to_owned() }));
                }
            }
        }
    }
    Ok(None)
}

/// A name in the texts of a document; its numbers are those of the account.
fn in_document(place: &str, value: &Value, plan: &Plan) -> Option<Left> {
    match value {
        Value::String(text) => {
            let known = text == WITHHELD || plan.words.made(text);
            let original = plan.search.in_text(text).filter(|_| !known);
            original.map(|text| Left { place: place.to_owned(), text: text.to_owned() })
        }
        Value::Array(values) => values.iter().find_map(|value| in_document(place, value, plan)),
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            let place = format!("{place}, {key}");
            in_document(&place, &Value::String(key.clone()), plan)
                .or_else(|| in_document(&place, value, plan))
        }),
        _ => None,
    }
}

fn bytes(mut file: File, plan: &Plan) -> io::Result<Option<Left>> {
    let mut block = Vec::with_capacity(BLOCK + OVERLAP);
    loop {
        let read = file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
        if read == 0 {
            return Ok(None);
        }
        if let Some(text) = plan.search.in_bytes(&block) {
            return Ok(Some(Left { place: "the bytes".to_owned(), text: text.to_owned() }));
        }
        // What may be cut in two is looked at again.
        block.drain(..block.len().saturating_sub(OVERLAP));
    }
}

#[cfg(test)]
mod tests;
