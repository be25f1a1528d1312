//! Functions, by the names that DuckDB has for them.

use std::cmp::Ordering;

use super::cast::{absolute, mapped};
use super::evaluate::compare;
use super::node::{Function, Node, Value};
use super::{Failed, like};

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

/// What a function gives for a row.
pub(super) fn call(
    function: &Function,
    parts: &[Node],
    value: impl Fn(&Node) -> Result<Value, Failed>,
) -> Result<Value, Failed> {
    let at = |place: usize| parts.get(place).map_or(Ok(Value::Null), &value);
    let text = |use_it: &dyn Fn(&std::sync::Arc<str>) -> Value| match at(0)? {
        Value::Text(text) => Ok(use_it(&text)),
        _ => Ok(Value::Null),
    };
    let texts = |use_them: &dyn Fn(&str, &str) -> Value| match (at(0)?, at(1)?) {
        (Value::Text(left), Value::Text(right)) => Ok(use_them(&left, &right)),
        _ => Ok(Value::Null),
    };
    match function {
        Function::Lower => text(&|text| mapped(text, like::lower)),
        Function::Upper => text(&|text| mapped(text, like::upper)),
        Function::Length => text(&|text| Value::Exact(text.chars().count() as i128)),
        Function::Absolute => absolute(at(0)?),
        Function::StartsWith => texts(&|text, start| Value::Bool(text.starts_with(start))),
        Function::EndsWith => texts(&|text, end| Value::Bool(text.ends_with(end))),
        Function::Contains => texts(&|text, part| Value::Bool(text.contains(part))),
        Function::Concatenate => texts(&|left, right| Value::Text([left, right].concat().into())),
        Function::Matches(regex) => text(&|text| Value::Bool(regex.is_match(text))),
        Function::Coalesce => {
            for part in parts {
                match value(part)? {
                    Value::Null => {}
                    found => return Ok(found),
                }
            }
            Ok(Value::Null)
        }
        Function::Greatest => extreme(parts, Ordering::Greater, value),
        Function::Least => extreme(parts, Ordering::Less, value),
        Function::NullIf => {
            let (left, right) = (at(0)?, at(1)?);
            Ok(if left == right { Value::Null } else { left })
        }
    }
}

/// The largest or smallest that is not null.
fn extreme(
    parts: &[Node],
    wanted: Ordering,
    value: impl Fn(&Node) -> Result<Value, Failed>,
) -> Result<Value, Failed> {
    let mut best = Value::Null;
    for part in parts {
        let found = value(part)?;
        if found != Value::Null && (best == Value::Null || compare(&found, &best) == wanted) {
            best = found;
        }
    }
    Ok(best)
}
