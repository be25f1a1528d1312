//! Which connects are asked about: SQL, time, outcome.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use connlat_schema::Outcome;
use connlat_schema::capture::columns::{OUTCOME, TIME};
use polars::prelude::*;

use crate::question;
use crate::source::moment;
use crate::units;

/// µs of a day.
const DAY: i64 = 86_400_000_000;

/// A moment as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// µs since 1970 UTC.
    At(i64),
    /// µs after midnight UTC of the day of the recording.
    Clock(i64),
    /// µs before the end of the recording.
    BeforeEnd(i64),
    /// µs after its start.
    AfterStart(i64),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const USE: &str = "use 2026-01-31T12:00:05Z, 12:00:05, -10m (before the end) or +10m";
        let duration = |text: &str| {
            let duration = humantime::parse_duration(text).map_err(|_| USE.to_owned())?;
            i64::try_from(duration.as_micros()).map_err(|_| USE.to_owned())
        };
        if let Some(before) = text.strip_prefix('-') {
            return duration(before).map(Self::BeforeEnd);
        }
        if let Some(after) = text.strip_prefix('+') {
            return duration(after).map(Self::AfterStart);
        }
        for format in ["%H:%M:%S%.f", "%H:%M"] {
            if let Ok(time) = NaiveTime::parse_from_str(text, format) {
                let midnight = time.signed_duration_since(NaiveTime::MIN);
                return Ok(Self::Clock(midnight.num_microseconds().unwrap_or(0)));
            }
        }
        let utc = |time: NaiveDateTime| Self::At(time.and_utc().timestamp_micros());
        if let Ok(time) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
            return Ok(Self::At(time.timestamp_micros()));
        }
        for format in
            ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(utc(time));
            }
        }
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| USE.to_owned())?;
        Ok(utc(date.and_time(NaiveTime::MIN)))
    }
}

/// A span as typed: `FROM..TO`.
pub fn range(text: &str) -> Result<(Moment, Moment), String> {
    let (from, to) = text.split_once("..").ok_or("use FROM..TO, such as 12:00..12:05")?;
    Ok((from.parse()?, to.parse()?))
}

/// A selection that cannot be made; the message is for the user.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

impl Unusable {
    /// Two captures that turn out to be one.
    pub fn same() -> Self {
        Self("BEFORE and AFTER are the same recording; name two".to_owned())
    }

    /// A part of the recordings that holds none of them.
    pub fn outside(part: &Selection, recorded: (i64, i64)) -> Self {
        Self(format!(
            "nothing was recorded {}; the recording is from {} to {}",
            part.describe(recorded),
            units::time(recorded.0, 3),
            units::time(recorded.1, 3)
        ))
    }

    /// With what a library said on one line.
    fn new(what: &str, reason: impl fmt::Display) -> Self {
        let reason = reason.to_string();
        let line = reason.lines().next().unwrap_or_default();
        let line: String = crate::escape::terminal(line).chars().take(200).collect();
        Self(format!("{what}: {line}"))
    }
}

impl Moment {
    /// µs since 1970 UTC, given when the recording began and ended.
    pub fn resolve(self, (start, stop): (i64, i64)) -> Result<i64, Unusable> {
        match self {
            Self::At(us) => Ok(us),
            Self::BeforeEnd(us) => Ok(stop.saturating_sub(us)),
            Self::AfterStart(us) => Ok(start.saturating_add(us)),
            Self::Clock(us) => {
                if stop.saturating_sub(start) >= DAY {
                    return Err(Unusable(
                        "the recording is longer than a day, so a time of day needs its date"
                            .into(),
                    ));
                }
                let midnight = start.saturating_sub(start.rem_euclid(DAY));
                let today = midnight.saturating_add(us);
                // Past midnight only if the recording is.
                let tomorrow = today.saturating_add(DAY);
                Ok(if today < start && tomorrow <= stop { tomorrow } else { today })
            }
        }
    }
}

/// Outcomes that are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Any.
    All,
    /// `established`.
    Established,
    /// All failures.
    Failed,
}

/// Which connects are asked about.
#[derive(Debug, Clone)]
pub struct Selection {
    /// SQL expression as typed.
    pub filter: Option<String>,
    /// First moment.
    pub from: Option<Moment>,
    /// The moment after the last.
    pub to: Option<Moment>,
    /// Outcomes.
    pub only: Only,
}

impl Selection {
    /// Whether everything is selected.
    pub fn is_all(&self) -> bool {
        self.filter.is_none() && self.from.is_none() && self.to.is_none() && self.only == Only::All
    }

    /// First and last moment, given when the recording began and ended.
    pub fn span(&self, recorded: (i64, i64)) -> Result<(Option<i64>, Option<i64>), Unusable> {
        let resolve = |moment: Option<Moment>| moment.map(|m| m.resolve(recorded)).transpose();
        let (from, to) = (resolve(self.from)?, resolve(self.to)?);
        match (from, to) {
            (Some(from), Some(to)) if from >= to => Err(Unusable(format!(
                "--from {} is not before --to {}",
                units::time(from, 0),
                units::time(to, 0)
            ))),
            span => Ok(span),
        }
    }

    /// The condition a row must meet; checked against the columns of `frame`.
    pub fn predicate(
        &self,
        frame: &LazyFrame,
        recorded: (i64, i64),
    ) -> Result<Option<Expr>, Unusable> {
        let (from, to) = self.span(recorded)?;
        let mut all = Vec::new();
        all.extend(from.map(|from| col(TIME).gt_eq(moment(from))));
        all.extend(to.map(|to| col(TIME).lt(moment(to))));
        match self.only {
            Only::All => {}
            Only::Established => all.push(col(OUTCOME).eq(lit(Outcome::Established.as_str()))),
            Only::Failed => all.push(question::failed()),
        }
        if let Some(sql) = &self.filter {
            all.push(sql_predicate(sql, frame)?);
        }
        Ok(all.into_iter().reduce(Expr::and))
    }

    /// In words, as typed.
    pub fn describe(&self, recorded: (i64, i64)) -> String {
        let mut words = Vec::new();
        if let Ok((from, to)) = self.span(recorded) {
            words.extend(from.map(|from| format!("from {}", units::time(from, 3))));
            words.extend(to.map(|to| format!("to {}", units::time(to, 3))));
        }
        match self.only {
            Only::All => {}
            Only::Established => words.push("established".into()),
            Only::Failed => words.push("failed".into()),
        }
        words.extend(self.filter.as_ref().map(|sql| format!("where {sql}")));
        words.join(", ")
    }
}

/// An expression over the columns that is true or false for a row.
fn sql_predicate(sql: &str, frame: &LazyFrame) -> Result<Expr, Unusable> {
    const WHAT: &str = "--where cannot be used";
    /// More is not typed by people, and deep nesting exhausts the stack.
    const LONGEST: usize = 4_000;
    if sql.len() > LONGEST {
        return Err(Unusable::new(WHAT, format!("longer than {LONGEST} bytes")));
    }
    let caught = |work: &dyn Fn() -> PolarsResult<(Expr, DataType)>| {
        crate::guard::caught(work).map_err(|panic| Unusable::new(WHAT, panic))?.map_err(|error| {
            let error = error.to_string();
            // The library lists all columns then, which is more than a line.
            match error.split_once("; valid columns") {
                Some((what, _)) => {
                    Unusable::new(WHAT, format!("{what}; text needs single quotes, as in 'nginx'"))
                }
                None => Unusable::new(WHAT, error),
            }
        })
    };
    let (expr, result) = caught(&|| {
        let expr = polars::sql::sql_expr(sql)?;
        // Tried on no rows, so that unknown columns and types that do not
        // compare are found before a file is read.
        let schema = frame.clone().collect_schema()?;
        let none = DataFrame::empty_with_schema(&schema).lazy();
        let tried = none.clone().select([expr.clone().alias("where")]).collect()?;
        none.filter(expr.clone()).collect()?;
        Ok((expr, tried.column("where")?.dtype().clone()))
    })?;
    if result != DataType::Boolean {
        return Err(Unusable::new(WHAT, format!("it is a {result:?}, not true or false")));
    }
    Ok(expr)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: (i64, i64) = (1_767_225_600_000_000, 1_767_225_660_000_000);

    #[test]
    fn moments_as_typed() {
        let at = |text: &str| text.parse::<Moment>().map(|m| m.resolve(RECORDED).expect("a time"));
        let (start, stop) = RECORDED;
        for same in [
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "2026-01-01 01:00:00+01:00",
            "00:00",
            "2026-01-01 00:00",
            "00:00:00.000",
            "-1m",
            "+0s",
        ] {
            assert_eq!(at(same), Ok(start), "{same}");
        }
        assert_eq!(at("-0s"), Ok(stop));
        assert_eq!(at("00:00:30.5"), Ok(start + 30_500_000));
        for wrong in ["", "noon", "25:00", "-", "+x", "2026-13-01", "-10"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_of_day_is_of_the_day_it_falls_on() {
        let late = (1_767_225_600_000_000 - 60_000_000, 1_767_225_600_000_000 + 60_000_000);
        let clock = |text: &str| text.parse::<Moment>().expect("a time").resolve(late);
        assert_eq!(clock("00:00:30").expect("a time"), 1_767_225_630_000_000);
        assert_eq!(clock("23:59:30").expect("a time"), 1_767_225_570_000_000);
        let days = (0, 3 * DAY);
        assert!(Moment::Clock(0).resolve(days).is_err());
    }
}
