//! CAST and TRY_CAST.

use super::node::{Target, TargetKind, Value};
use super::{Failed, literal, quote};

/// An exact number with so many digits after the point, as near as can be.
pub(super) fn to_float(value: i128, scale: u8) -> f64 {
    value as f64 / 10_f64.powi(scale.into())
}

/// Converts a value; exact numbers have `from` digits after the point.
pub(super) fn convert(value: Value, from: u8, target: Target) -> Result<Value, Failed> {
    let shown = match &value {
        Value::Text(text) => quote(text),
        Value::Exact(number) => quote(&number.to_string()),
        Value::Float(number) => quote(&number.to_string()),
        Value::Null | Value::Bool(_) => String::new(),
    };
    let converted = match (value, target.kind) {
        (Value::Null, _) => return Ok(Value::Null),
        (value @ Value::Float(_), TargetKind::Double) => Some(value),
        (Value::Exact(number), TargetKind::Double) => Some(Value::Float(to_float(number, from))),
        (Value::Text(text), TargetKind::Double) => float(&text).map(Value::Float),
        (Value::Exact(number), TargetKind::Text) => Some(Value::Text(number.to_string().into())),
        (value @ Value::Text(_), TargetKind::Text) => Some(value),
        (Value::Exact(number), TargetKind::Integer(bits)) => {
            within(rounded(number, from), bits).map(Value::Exact)
        }
        (Value::Float(number), TargetKind::Integer(bits)) => {
            let nearest = number.round_ties_even();
            let fits = nearest.abs() < 1e38;
            fits.then_some(nearest as i128).and_then(|n| within(n, bits)).map(Value::Exact)
        }
        (Value::Text(text), TargetKind::Integer(bits)) => {
            let number = integer(&text)?;
            number.and_then(|number| within(number, bits)).map(Value::Exact)
        }
        (Value::Bool(_), _) | (Value::Float(_), TargetKind::Text) => None,
    };
    match converted {
        Some(value) => Ok(value),
        None if target.or_null => Ok(Value::Null),
        None => Err(Failed(format!(
            "{shown} is not {}; TRY_CAST gives null there instead",
            match target.kind {
                TargetKind::Integer(bits) => format!("an integer of {bits} bits"),
                TargetKind::Double => "a number".to_owned(),
                TargetKind::Text => "text".to_owned(),
            }
        ))),
    }
}

/// The nearest integer, halves away from zero.
fn rounded(number: i128, scale: u8) -> i128 {
    if scale == 0 {
        return number;
    }
    let one = 10_i128.pow(scale.into());
    let (whole, rest) = (number / one, number % one);
    if rest.abs() >= one - rest.abs() { whole + number.signum() } else { whole }
}

fn within(number: i128, bits: u32) -> Option<i128> {
    let half = 1_i128 << (bits - 1);
    (-half..half).contains(&number).then_some(number)
}

fn float(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// The integer that a text is; none if it is no number at all. What may be one
/// in a notation that is not read here is a failure, even for TRY_CAST: null
/// would be wrong.
fn integer(text: &str) -> Result<Option<i128>, Failed> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if let Some((value, scale)) = literal::exact(digits) {
        let value = rounded(value, scale);
        return Ok(Some(if negative { -value } else { value }));
    }
    let starts = digits.starts_with(|c: char| c.is_ascii_digit());
    let other = float(text).is_some_and(f64::is_finite)
        || (starts && digits.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
            && (digits.contains('_') || digits[1..].starts_with(['x', 'X', 'b', 'B', 'o', 'O']));
    if other {
        return Err(Failed(format!("{} is not written in plain digits", quote(text))));
    }
    Ok(None)
}
