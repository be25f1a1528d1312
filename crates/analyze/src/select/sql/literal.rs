//! Literals: numbers, durations, times.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

pub(super) use crate::quantity::{exact, unit};

use super::{Refused, quote};
use crate::quantity::{self, DIGITS};

/// A number as written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// An integer, and how many of its last digits stand after the point.
    Exact(i128, u8),
    /// One with an exponent.
    Float(f64),
}

/// A number without a sign.
pub(super) fn number(text: &str) -> Result<Number, Refused> {
    if text.contains(['e', 'E']) {
        let value: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite());
        return value.map(Number::Float).ok_or_else(|| too_large(text));
    }
    exact(text).map(|(value, scale)| Number::Exact(value, scale)).ok_or_else(|| too_large(text))
}

fn too_large(text: &str) -> Refused {
    Refused(format!("{} is not a number of up to {DIGITS} digits", quote(text)))
}

/// A duration as written, such as 50ms or -1.5 s, in ns.
pub(super) fn duration(text: &str) -> Result<i128, Refused> {
    let text = text.trim();
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let nanos = quantity::duration(digits).ok_or_else(|| {
        Refused(format!(
            "{} is not a duration of whole nanoseconds; use one such as 50ms",
            quote(text)
        ))
    })?;
    Ok(if negative { -nanos } else { nanos })
}

/// A moment as written, µs since 1970 UTC; without an offset it is UTC.
pub(super) fn time(text: &str) -> Option<i64> {
    let text = text.trim();
    let dated = text.replacen(' ', "T", 1);
    let micros = |time: NaiveDateTime| time.and_utc().timestamp_micros();
    if let Ok(time) = DateTime::parse_from_rfc3339(&dated) {
        return Some(time.timestamp_micros());
    }
    // An offset as DuckDB takes it: +00, +0000.
    for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"] {
        if let Ok(time) = DateTime::parse_from_str(&dated, format) {
            return Some(time.timestamp_micros());
        }
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(&dated, format) {
            return Some(micros(time));
        }
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(micros(date.and_time(NaiveTime::MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        assert_eq!(number("007"), Ok(Number::Exact(7, 0)));
        assert_eq!(number("1.50"), Ok(Number::Exact(150, 2)));
        assert_eq!(number(".5"), Ok(Number::Exact(5, 1)));
        assert_eq!(number("1e3"), Ok(Number::Float(1_000.0)));
        assert_eq!(number(&"9".repeat(38)), Ok(Number::Exact(10_i128.pow(38) - 1, 0)));
        for wrong in ["9".repeat(39), "1.2.3".into(), "1e999".into(), ".".into()] {
            assert!(number(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_may_be_negative() {
        assert_eq!(duration(" -1.5 s"), Ok(-1_500_000_000));
        assert!(duration("--1s").is_err());
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        let noon = Some(1_767_268_800_000_000);
        for text in [
            "2026-01-01 12:00:00",
            "2026-01-01T12:00Z",
            "2026-01-01 13:00:00+01:00",
            "2026-01-01 13:00:00+01",
            "2026-01-01 12:00:00.000",
        ] {
            assert_eq!(time(text), noon, "{text}");
        }
        assert_eq!(time("2026-01-01"), Some(1_767_225_600_000_000));
        for wrong in ["12:00", "noon", "", "2026-13-01", "5"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }
}
