//! Numbers as people read them: durations, counts, shares, times.

use bytesize::ByteSize;
use chrono::DateTime;

/// Three significant digits in the unit that fits: `1.23 ms`, `87.4 µs`.
pub fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    if ns < 1_000 {
        return format!("{sign}{ns} ns");
    }
    for (unit, scale) in [("µs", 1e3), ("ms", 1e6), ("s", 1e9)] {
        let value = ns as f64 / scale;
        // The bounds are where rounding would show a fourth digit.
        let digits = match value {
            v if v < 9.995 => 2,
            v if v < 99.95 => 1,
            v if v < 999.5 || unit == "s" => 0,
            _ => continue,
        };
        return format!("{sign}{value:.digits$} {unit}");
    }
    unreachable!("seconds take everything")
}

/// A span of time, coarser than latencies: `45.0 s`, `12 min 5 s`, `3 h 0 min`.
pub fn span(us: i64) -> String {
    let seconds = us / 1_000_000;
    match seconds {
        ..120 => duration(us.saturating_mul(1_000)),
        120..7_200 => format!("{} min {} s", seconds / 60, seconds % 60),
        7_200..172_800 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Width of an interval, exactly: `5s`, `1m`, `250ms`.
pub fn interval(us: i64) -> String {
    let width = std::time::Duration::from_micros(us.unsigned_abs());
    humantime::format_duration(width).to_string()
}

/// Digits in groups of three: `1,234,567`.
pub fn count(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::from(if value < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count that may exceed what the format's signed columns hold.
pub fn count_u64(value: u64) -> String {
    count(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A count with its noun: `1 row`, `2,000 rows`.
pub fn counted(value: u64, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count_u64(value))
}

/// A share of the whole; never `0.00%` for something that happened.
pub fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if percent > 0.0 && percent < 0.01 {
        return "<0.01%".to_owned();
    }
    if percent < 100.0 && percent > 99.99 {
        return ">99.99%".to_owned();
    }
    format!("{percent:.2}%")
}

/// Size of a file: `1.2 MB`.
pub fn bytes(bytes: u64) -> String {
    ByteSize(bytes).display().si().to_string()
}

/// How many decimals of a second times need to tell apart buckets of this width.
pub fn decimals_for(width_us: i64) -> usize {
    match width_us {
        w if w % 1_000_000 == 0 => 0,
        w if w % 1_000 == 0 => 3,
        _ => 6,
    }
}

/// Wall-clock time in UTC for people: `2026-01-31 12:00:05`.
pub fn time(us: i64, decimals: usize) -> String {
    format_time(us, ["%F %T", "%F %T%.3f", "%F %T%.6f"], decimals)
}

/// Time of day in UTC: `12:00:05`.
pub fn clock(us: i64, decimals: usize) -> String {
    format_time(us, ["%T", "%T%.3f", "%T%.6f"], decimals)
}

/// Times at the ends of an axis: of the day if both are of one, else with their
/// dates.
pub fn axis(first: i64, last: i64, decimals: usize) -> (String, String) {
    const DAY: i64 = 86_400_000_000;
    let shown = if first.div_euclid(DAY) == last.div_euclid(DAY) { clock } else { time };
    (shown(first, decimals), shown(last, decimals))
}

/// Wall-clock time for programs, RFC 3339: `2026-01-31T12:00:05Z`.
pub fn rfc3339(us: i64, decimals: usize) -> String {
    format_time(us, ["%FT%TZ", "%FT%T%.3fZ", "%FT%T%.6fZ"], decimals)
}

fn format_time(us: i64, formats: [&str; 3], decimals: usize) -> String {
    match DateTime::from_timestamp_micros(us) {
        Some(time) => time.format(formats[(decimals / 3).min(2)]).to_string(),
        // Only a forged file gets here; the number is still the truth.
        None => format!("{us} us since 1970"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (87_400, "87.4 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (1_234_567, "1.23 ms"),
            (9_995_000, "10.0 ms"),
            (99_949_999, "99.9 ms"),
            (1_020_000_000, "1.02 s"),
            (131_072_000_000, "131 s"),
            (5_000_000_000_000, "5000 s"),
            (-1_500, "-1.50 µs"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text, "{ns}");
        }
        assert!(duration(i64::MIN).ends_with(" s"));
        assert!(duration(i64::MAX).ends_with(" s"));
    }

    #[test]
    fn spans_and_counts() {
        assert_eq!(span(60_000_000), "60.0 s");
        assert_eq!(span(725_000_000), "12 min 5 s");
        assert_eq!(span(7_200_000_000), "2 h 0 min");
        assert_eq!(span(200_000_000_000), "2 d 7 h");
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(-123_456), "-123,456");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2_000, "row"), "2,000 rows");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_234), "1.2 kB");
        assert_eq!(bytes(1_250_000), "1.2 MB");
        assert_eq!(bytes(5_400_000_000), "5.4 GB");
    }

    #[test]
    fn shares_do_not_round_to_nothing_or_everything() {
        assert_eq!(percent(0.0), "0.00%");
        assert_eq!(percent(1.0 / 1e6), "<0.01%");
        assert_eq!(percent(0.12345), "12.35%");
        assert_eq!(percent(1.0 - 1.0 / 1e6), ">99.99%");
        assert_eq!(percent(1.0), "100.00%");
    }

    #[test]
    fn times_carry_the_decimals_they_need() {
        let us = 1_767_225_600_250_000;
        assert_eq!(time(us, decimals_for(1_000_000)), "2026-01-01 00:00:00");
        assert_eq!(rfc3339(us, decimals_for(250_000)), "2026-01-01T00:00:00.250Z");
        assert_eq!(rfc3339(us, decimals_for(250)), "2026-01-01T00:00:00.250000Z");
        assert_eq!(time(i64::MAX, 0), format!("{} us since 1970", i64::MAX));
    }
}
