//! Values as typed, and lists of them.

use polars::prelude::{
    DataType, Expr, LiteralValue, NULL, NamedFrom, PlSmallStr, Scalar, Series, lit, when,
};

use super::super::Refused;
use super::super::node::Value;
use super::balanced;

pub(super) fn too_large(number: i128) -> Refused {
    Refused(format!("{number} is too large; integers have 64 bits here"))
}

/// A number with its type: polars takes others for the smallest that holds them,
/// and reckons in that.
pub(super) fn integer(value: i64) -> Expr {
    Expr::Literal(LiteralValue::Scalar(Scalar::from(value)))
}

pub(super) fn float(value: f64) -> Expr {
    Expr::Literal(LiteralValue::Scalar(Scalar::from(value)))
}

pub(super) fn literal(value: &Value) -> Result<Expr, Refused> {
    Ok(match value {
        Value::Null => lit(NULL),
        Value::Bool(value) => lit(*value),
        Value::Exact(value) => integer(i64::try_from(*value).map_err(|_| too_large(*value))?),
        Value::Float(value) => float(*value),
        Value::Text(text) => lit(&**text),
    })
}

pub(super) fn one_of(value: Expr, values: &[Value]) -> Expr {
    let name = PlSmallStr::EMPTY;
    let list = match values.first() {
        Some(Value::Exact(_)) => {
            // No column holds what has more than 64 bits.
            let numbers = values.iter().filter_map(|value| match value {
                Value::Exact(number) => i64::try_from(*number).ok(),
                _ => None,
            });
            Series::new(name, numbers.collect::<Vec<_>>())
        }
        Some(Value::Float(_)) => {
            let numbers = values.iter().filter_map(|value| match value {
                Value::Float(number) => Some(*number),
                _ => None,
            });
            Series::new(name, numbers.collect::<Vec<_>>())
        }
        Some(Value::Text(_)) => {
            let texts = values.iter().filter_map(|value| match value {
                Value::Text(text) => Some(&**text),
                _ => None,
            });
            Series::new(name, texts.collect::<Vec<_>>())
        }
        Some(Value::Bool(_)) => {
            let either = values.iter().map(|one| match one {
                Value::Bool(one) => value.clone().eq(lit(*one)),
                _ => lit(NULL).cast(DataType::Boolean),
            });
            return balanced(either.collect(), Expr::or);
        }
        // Only null was in it.
        Some(Value::Null) | None => {
            return when(value.is_null()).then(lit(NULL)).otherwise(lit(false));
        }
    };
    value.is_in(
        Expr::Literal(LiteralValue::Series(polars::prelude::SpecialEq::new(list))).implode(true),
        false,
    )
}
