//! Quantities as typed: exact decimals, and durations with their unit.

/// Digits that an exact number has at most.
pub const DIGITS: usize = 38;

/// Digits with at most one point among them, as one integer, and how many of
/// them stand after the point.
pub fn exact(text: &str) -> Option<(i128, u8)> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part}");
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let significant = digits.trim_start_matches('0').len();
    if !plain || significant > DIGITS || part.len() > DIGITS {
        return None;
    }
    Some((digits.parse().ok()?, part.len() as u8))
}

/// Nanoseconds of a unit.
pub fn unit(name: &str) -> Option<i128> {
    Some(match name {
        "ns" => 1,
        // Both code points of the micro sign.
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" | "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// A duration without a sign, such as `50ms` or `1.5 s`, in ns; none if it is
/// not one, or not a whole number of nanoseconds.
pub fn duration(text: &str) -> Option<i128> {
    let end = text.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, name) = text.split_at(end);
    let (value, scale) = exact(number)?;
    let product = value.checked_mul(unit(name.trim_start())?)?;
    let parts = 10_i128.checked_pow(scale.into())?;
    (product % parts == 0).then_some(product / parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(exact("007"), Some((7, 0)));
        assert_eq!(exact("1.50"), Some((150, 2)));
        assert_eq!(exact(".5"), Some((5, 1)));
        assert_eq!(exact(&"9".repeat(38)), Some((10_i128.pow(38) - 1, 0)));
        let long = "9".repeat(39);
        for wrong in ["", ".", "1.2.3", "-1", "+1", "1e3", "1_000", " 1", "inf", "nan", &long] {
            assert_eq!(exact(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_whole_nanoseconds() {
        for (text, nanos) in [
            ("50ms", 50_000_000),
            ("1.5 s", 1_500_000_000),
            ("3us", 3_000),
            ("3µs", 3_000),
            ("3μs", 3_000),
            ("2m", 120_000_000_000),
            ("0.001us", 1),
        ] {
            assert_eq!(duration(text), Some(nanos), "{text}");
        }
        for wrong in ["", "50", "ms", "50 parsecs", "1e3ms", "0.1ns", "1ms2", "-1ms", "nanms"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
