//! Of which rows an expression holds.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, Int64Chunked, IntoColumn, IntoLazy,
    NewChunkedArray, PlSmallStr, PolarsResult, StringChunked,
};

use super::Failed;
use super::cast;
use super::function::value_of;
use super::lower::{Lowered, OfText, Why, of_text, step};

const ANSWER: &str = "answer";

/// The rows it holds of; within, why it cannot be told of one.
pub(super) fn mask(
    lowered: &Lowered,
    names: &[&'static str],
    rows: &RecordBatch,
) -> PolarsResult<Result<BooleanBuffer, Failed>> {
    let mut frame = frame(lowered, names, rows)?;
    for (place, expr) in lowered.steps.iter().enumerate() {
        frame = frame.lazy().with_columns([expr.clone().alias(step(place))]).collect()?;
    }
    let fails = |place: usize| PlSmallStr::from_string(format!("fails {place}"));
    let mut wanted = vec![lowered.expr.clone().alias(ANSWER)];
    wanted.extend(
        lowered.failures.iter().enumerate().map(|(at, one)| one.when.clone().alias(fails(at))),
    );
    let answers = frame.clone().lazy().select(wanted).collect()?;
    for (place, failure) in lowered.failures.iter().enumerate() {
        let Some(row) =
            answers.column(&fails(place))?.bool()?.iter().position(|at| at == Some(true))
        else {
            continue;
        };
        return Ok(Err(match &failure.why {
            Why::Fixed(why) => Failed((*why).to_owned()),
            Why::Convert { value, from, target } => {
                let values = frame.lazy().select([value.clone().alias(ANSWER)]).collect()?;
                let values = values.column(ANSWER)?;
                let value = values.get(if values.len() == 1 { 0 } else { row })?;
                match cast::convert(value_of(&value), *from, *target) {
                    Err(failed) => failed,
                    Ok(_) => Failed("a value does not convert".to_owned()),
                }
            }
        }));
    }
    let answer = answers.column(ANSWER)?.bool()?;
    // An expression without columns has one value for all rows.
    let one = (answer.len() == 1).then(|| answer.get(0) == Some(true));
    let holds = |row: usize| one.unwrap_or_else(|| answer.get(row) == Some(true));
    Ok(Ok(BooleanBuffer::collect_bool(rows.num_rows(), holds)))
}

/// The columns that the expressions name.
fn frame(lowered: &Lowered, names: &[&'static str], rows: &RecordBatch) -> PolarsResult<DataFrame> {
    let height = rows.num_rows();
    let mut columns = Vec::new();
    for (_, name) in names.iter().enumerate().filter(|(at, _)| lowered.inputs.contains(at)) {
        columns.push(column(name, rows.column_by_name(name), height));
    }
    for (place, text) in lowered.texts.iter().enumerate() {
        let name = names[text.column];
        columns.push(answers(text, of_text(place), name, rows.column_by_name(name), height)?);
    }
    DataFrame::new(height, columns)
}

/// What an expression over a column of text says of each row: it is asked about
/// the texts of the dictionary, each once, and about none.
fn answers(
    text: &OfText,
    answer: PlSmallStr,
    name: &'static str,
    array: Option<&ArrayRef>,
    height: usize,
) -> PolarsResult<Column> {
    let words = array.and_then(|array| array.as_dictionary_opt::<Int32Type>());
    let known = words.and_then(|words| words.values().as_string_opt::<i32>());
    let texts = known.into_iter().flat_map(|known| known.iter()).chain([None]);
    let texts = StringChunked::from_iter_options(PlSmallStr::from_static(name), texts);
    let none = texts.len() - 1;
    let frame = DataFrame::new(texts.len(), vec![texts.into_column()])?;
    let found = frame.lazy().select([text.expr.clone().alias(ANSWER)]).collect()?;
    let found = found.column(ANSWER)?.bool()?.clone();
    let at = |place: usize| found.get(if found.len() == 1 { 0 } else { place });
    let keys = words.map(|words| words.keys());
    let by_row = (0..height).map(|row| match keys.filter(|keys| keys.is_valid(row)) {
        Some(keys) => at(keys.value(row) as usize),
        None => at(none),
    });
    Ok(BooleanChunked::from_iter_options(answer, by_row).into_column())
}

/// Numbers and times as 64 bits, texts as texts; a column that is not there is
/// null.
fn column(name: &'static str, array: Option<&ArrayRef>, height: usize) -> Column {
    let name = PlSmallStr::from_static(name);
    let Some(array) = array else { return Column::full_null(name, height, &DataType::Int64) };
    if let Some(values) = array.as_primitive_opt::<Int32Type>() {
        let wide = values.iter().map(|value| value.map(i64::from));
        return Int64Chunked::from_iter_options(name, wide).into_column();
    }
    if let Some(values) = array.as_primitive_opt::<Int64Type>() {
        return Int64Chunked::from_iter_options(name, values.iter()).into_column();
    }
    if let Some(times) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        return Int64Chunked::from_iter_options(name, times.iter()).into_column();
    }
    let words = array.as_dictionary_opt::<Int32Type>();
    let known = words.and_then(|words| words.values().as_string_opt::<i32>());
    let (Some(words), Some(known)) = (words, known) else {
        return Column::full_null(name, height, &DataType::String);
    };
    let texts = words.keys().iter().map(|key| {
        let key = key? as usize;
        known.is_valid(key).then(|| known.value(key))
    });
    StringChunked::from_iter_options(name, texts).into_column()
}
