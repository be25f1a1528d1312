//! Functions, by the names that DuckDB has for them.

use polars::prelude::{
    AnyValue, BooleanChunked, Column, DataType, Expr, Field, Float64Chunked, Int64Chunked,
    IntoColumn, NewChunkedArray, PolarsResult, StringChunked,
};

use super::cast;
use super::node::{Target, TargetKind, Value};

/// What is said where a function is not known.
pub(super) const KNOWN: &str = "abs, coalesce, contains, ends_with, greatest, least, length, \
     lower, nullif, regexp_matches, starts_with and upper";

/// Those that look at other rows.
const OF_MANY: [&str; 22] = [
    "any_value",
    "approx_quantile",
    "avg",
    "count",
    "dense_rank",
    "first",
    "first_value",
    "lag",
    "last",
    "last_value",
    "lead",
    "max",
    "mean",
    "median",
    "min",
    "mode",
    "ntile",
    "quantile",
    "rank",
    "row_number",
    "stddev",
    "sum",
];
/// Those that ask for the time of now.
const OF_NOW: [&str; 6] =
    ["now", "current_timestamp", "current_date", "current_time", "localtimestamp", "today"];

/// Whether a function needs more than one row.
pub(super) fn is_of_many(name: &str) -> bool {
    OF_MANY.contains(&name)
}

/// Whether a function is about the time of now.
pub(super) fn is_of_now(name: &str) -> bool {
    OF_NOW.contains(&name)
}

/// Text in lower-case letters, one for one, as DuckDB has it.
pub(super) fn lower(text: Expr) -> Expr {
    mapped(text, |c| c.to_lowercase().next().unwrap_or(c))
}

/// Text in capital letters, one for one, as DuckDB has it.
pub(super) fn upper(text: Expr) -> Expr {
    mapped(text, |c| {
        let mut several = c.to_uppercase();
        match (several.next(), several.next()) {
            (Some(one), None) => one,
            _ if c == 'ß' => 'ẞ',
            _ => c,
        }
    })
}

fn mapped(text: Expr, map: fn(char) -> char) -> Expr {
    let function = move |column: Column| {
        let texts = column.str()?.iter();
        let texts = texts.map(|text| text.map(|text| text.chars().map(map).collect::<String>()));
        Ok(StringChunked::from_iter_options(column.name().clone(), texts).into_column())
    };
    text.map(function, |_, field| Ok(Field::new(field.name().clone(), DataType::String)))
}

/// Integers divided, towards zero; null where that has no 64 bits.
pub(super) fn divided(left: Expr, right: Expr) -> Expr {
    of_integers(left, right, i64::checked_div)
}

/// What is left of integers, with the sign of the first; null after a division
/// by zero.
pub(super) fn remainder(left: Expr, right: Expr) -> Expr {
    of_integers(left, right, |left, right| match right {
        0 => None,
        right => Some(left.wrapping_rem(right)),
    })
}

/// What is left of floating-point numbers, with the sign of the first.
pub(super) fn float_remainder(left: Expr, right: Expr) -> Expr {
    let function = |columns: &mut [Column]| {
        let (left, right) = (columns[0].clone(), columns[1].clone());
        let pairs = pairs(&left, &right, |column, row| match column.get(row)? {
            AnyValue::Float64(number) => Ok(Some(number)),
            _ => Ok(None),
        })?;
        let rest = pairs.into_iter().map(|pair| pair.map(|(left, right)| left % right));
        Ok(Float64Chunked::from_iter_options(left.name().clone(), rest).into_column())
    };
    left.map_many(function, &[right], |_, fields| {
        Ok(Field::new(fields[0].name().clone(), DataType::Float64))
    })
}

fn of_integers(left: Expr, right: Expr, reckon: fn(i64, i64) -> Option<i64>) -> Expr {
    let function = move |columns: &mut [Column]| {
        let (left, right) = (columns[0].clone(), columns[1].clone());
        let pairs = pairs(&left, &right, |column, row| match column.get(row)? {
            AnyValue::Int64(number) => Ok(Some(number)),
            _ => Ok(None),
        })?;
        let results = pairs.into_iter().map(|pair| pair.and_then(|(l, r)| reckon(l, r)));
        Ok(Int64Chunked::from_iter_options(left.name().clone(), results).into_column())
    };
    left.map_many(function, &[right], |_, fields| {
        Ok(Field::new(fields[0].name().clone(), DataType::Int64))
    })
}

/// Two columns row by row; one of a single value counts for all rows.
fn pairs<T>(
    left: &Column,
    right: &Column,
    get: impl Fn(&Column, usize) -> PolarsResult<Option<T>>,
) -> PolarsResult<Vec<Option<(T, T)>>> {
    let rows = if left.len() == 1 { right.len() } else { left.len() };
    let at = |column: &Column, row| get(column, if column.len() == 1 { 0 } else { row });
    (0..rows).map(|row| Ok(at(left, row)?.zip(at(right, row)?))).collect()
}

/// A value converted, null where it does not convert; exact numbers have `from`
/// digits after the point.
pub(super) fn converted(value: Expr, from: u8, target: Target) -> Expr {
    let target = Target { or_null: true, ..target };
    let output = match target.kind {
        TargetKind::Integer(_) => DataType::Int64,
        TargetKind::Double => DataType::Float64,
        TargetKind::Text => DataType::String,
    };
    let function = move |column: Column| {
        let convert = |row| match cast::convert(value_of(&column.get(row)?), from, target) {
            Ok(value) => Ok(value),
            Err(_) => PolarsResult::Ok(Value::Null),
        };
        let values = (0..column.len()).map(convert).collect::<PolarsResult<Vec<_>>>()?;
        let name = column.name().clone();
        let values = values.into_iter();
        Ok(match target.kind {
            TargetKind::Integer(_) => {
                let numbers = values.map(|value| match value {
                    Value::Exact(number) => i64::try_from(number).ok(),
                    _ => None,
                });
                Int64Chunked::from_iter_options(name, numbers).into_column()
            }
            TargetKind::Double => {
                let numbers = values.map(|value| match value {
                    Value::Float(number) => Some(number),
                    _ => None,
                });
                Float64Chunked::from_iter_options(name, numbers).into_column()
            }
            TargetKind::Text => {
                let texts = values.map(|value| match value {
                    Value::Text(text) => Some(text),
                    _ => None,
                });
                StringChunked::from_iter_options(name, texts).into_column()
            }
        })
    };
    value.map(function, move |_, field| Ok(Field::new(field.name().clone(), output.clone())))
}

/// Whether converting a value is a failure.
pub(super) fn does_not_convert(value: Expr, from: u8, target: Target) -> Expr {
    let function = move |column: Column| {
        let fails = |row| {
            let value = value_of(&column.get(row)?);
            PolarsResult::Ok(Some(cast::convert(value, from, target).is_err()))
        };
        let fails = (0..column.len()).map(fails).collect::<PolarsResult<Vec<_>>>()?;
        Ok(BooleanChunked::from_iter_options(column.name().clone(), fails.into_iter())
            .into_column())
    };
    value.map(function, |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)))
}

/// A value of polars as one of ours.
pub(super) fn value_of(value: &AnyValue<'_>) -> Value {
    match value {
        AnyValue::Int64(number) => Value::Exact((*number).into()),
        AnyValue::Float64(number) => Value::Float(*number),
        AnyValue::String(text) => Value::Text((*text).into()),
        AnyValue::StringOwned(text) => Value::Text(text.as_str().into()),
        AnyValue::Boolean(value) => Value::Bool(*value),
        _ => Value::Null,
    }
}
