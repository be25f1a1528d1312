//! Moments as typed: absolute, of the day, or relative to the recording.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use super::Unusable;

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
