//! JSON for readers whose numbers are floating-point, of which JavaScript's and
//! jq's are two: integers above 2^53 would change silently, so they are strings.

use std::io::{self, Write};

use serde_json::ser::{Formatter, PrettyFormatter};

use crate::cli::args::Integers;

/// Largest integer below which a double holds every one.
const SAFE: u64 = (1 << 53) - 1;

/// Indented, with integers as asked for.
pub struct Pretty {
    inner: PrettyFormatter<'static>,
    integers: Integers,
}

impl Pretty {
    /// With integers this way.
    pub fn new(integers: Integers) -> Self {
        Self { inner: PrettyFormatter::new(), integers }
    }

    fn quoted(&self, size: u64) -> bool {
        match self.integers {
            Integers::Safe => size > SAFE,
            Integers::Numbers => false,
            Integers::Strings => true,
        }
    }

    fn integer<W: ?Sized + Write>(
        &self,
        out: &mut W,
        value: impl std::fmt::Display,
        size: u64,
    ) -> io::Result<()> {
        match self.quoted(size) {
            true => write!(out, "\"{value}\""),
            false => write!(out, "{value}"),
        }
    }
}

macro_rules! as_before {
    ($($name:ident($($flag:ident)?)),+) => {
        $(fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, $flag: bool)?) -> io::Result<()> {
            self.inner.$name(out $(, $flag)?)
        })+
    };
}

impl Formatter for Pretty {
    fn write_i64<W: ?Sized + Write>(&mut self, out: &mut W, value: i64) -> io::Result<()> {
        self.integer(out, value, value.unsigned_abs())
    }

    fn write_u64<W: ?Sized + Write>(&mut self, out: &mut W, value: u64) -> io::Result<()> {
        self.integer(out, value, value)
    }

    fn write_i32<W: ?Sized + Write>(&mut self, out: &mut W, value: i32) -> io::Result<()> {
        self.write_i64(out, value.into())
    }

    fn write_u32<W: ?Sized + Write>(&mut self, out: &mut W, value: u32) -> io::Result<()> {
        self.write_u64(out, value.into())
    }

    as_before!(
        begin_array(),
        end_array(),
        begin_array_value(first),
        end_array_value(),
        begin_object(),
        end_object(),
        begin_object_key(first),
        begin_object_value(),
        end_object_value()
    );
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    fn json(integers: Integers) -> String {
        let mut bytes = Vec::new();
        let mut serializer =
            serde_json::Serializer::with_formatter(&mut bytes, Pretty::new(integers));
        let values =
            serde_json::json!([5, -9_007_199_254_740_991_i64, i64::MIN, u64::MAX, 0.5, null]);
        values.serialize(&mut serializer).expect("values");
        String::from_utf8(bytes).expect("UTF-8").replace("\n ", "").replace('\n', "")
    }

    #[test]
    fn integers_as_asked_for() {
        assert_eq!(
            json(Integers::Safe),
            "[ 5, -9007199254740991, \"-9223372036854775808\", \"18446744073709551615\", 0.5, null]"
        );
        assert!(json(Integers::Numbers).contains(" 18446744073709551615,"));
        assert!(json(Integers::Strings).starts_with("[ \"5\", \"-9007199254740991\""));
    }
}
