//! Whether an expression can be true for any row of a row group, by what the
//! statistics of its columns say.
//!
//! Only what cannot fail on a row is judged: passing over a row group must not
//! hide an error that reading it would end in.

use std::cmp::Ordering;
use std::sync::Arc;

use super::cast;
use super::node::{Comparison, Node, Value, compare};

/// What is known of a column in a row group.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The smallest and the largest value, or what they cannot be beyond.
    pub bounds: Option<Bounds<'a>>,
    /// Whether there may be nulls, and whether there is nothing else.
    pub nulls: Nulls,
}

/// See [`Known::bounds`].
#[derive(Debug, Clone, Copy)]
pub enum Bounds<'a> {
    /// Of integers, and of times in µs.
    Integers(i64, i64),
    /// Of text, in the order of its bytes.
    Texts(&'a str, &'a str),
}

/// Nulls of a column in a row group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nulls {
    /// There may be some.
    #[default]
    Maybe,
    /// There are none.
    None,
    /// There is nothing else.
    Only,
}

/// Whether it can be true for a row. `known` tells of a column by its place.
pub(super) fn may_hold<'a>(node: &Node, known: &dyn Fn(usize) -> Known<'a>) -> bool {
    possible(node, known).is_none_or(|possible| possible.yes)
}

/// What an expression that is true or false can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Possible {
    yes: bool,
    no: bool,
    null: bool,
}

/// What a part with a value can be.
struct Range {
    /// Smallest and largest, if known.
    bounds: Option<(Value, Value)>,
    nulls: Nulls,
}

/// None if it may fail, or is not understood here.
fn possible<'a>(node: &Node, known: &dyn Fn(usize) -> Known<'a>) -> Option<Possible> {
    let (yes, no, null) = match node {
        Node::Literal(value) => {
            (*value == Value::Bool(true), *value == Value::Bool(false), *value == Value::Null)
        }
        Node::All(parts) => {
            let all = ended_by(parts, false, known)?;
            (all.yes, all.no, all.null)
        }
        Node::Any(parts) => {
            let any = ended_by(parts, true, known)?;
            (any.yes, any.no, any.null)
        }
        Node::Not(part) => {
            let part = possible(part, known)?;
            (part.no, part.yes, part.null)
        }
        Node::OfText { node, .. } => return possible(node, known),
        Node::Compare(comparison, both) => {
            let (left, right) = (range(&both.0, known)?, range(&both.1, known)?);
            let null = left.nulls != Nulls::None || right.nulls != Nulls::None;
            if left.nulls == Nulls::Only || right.nulls == Nulls::Only {
                (false, false, true)
            } else {
                (may_compare(*comparison, &left, &right), true, null)
            }
        }
        Node::IsNull(part) => {
            let part = range(part, known)?;
            (part.nulls != Nulls::None, part.nulls != Nulls::Only, false)
        }
        Node::Is(wanted, part) => {
            let part = possible(part, known)?;
            let (yes, no) = if *wanted { (part.yes, part.no) } else { (part.no, part.yes) };
            (yes, no || part.null, false)
        }
        Node::OneOf { node, values, or_null } => {
            let part = range(node, known)?;
            let among = |value: &Value| {
                part.bounds.as_ref().is_none_or(|(low, high)| {
                    compare(low, value).is_le() && compare(value, high).is_le()
                })
            };
            let yes = part.nulls != Nulls::Only && values.iter().any(among);
            (yes, true, *or_null || part.nulls != Nulls::None)
        }
        Node::Like(part, _) => {
            let part = range(part, known)?;
            (part.nulls != Nulls::Only, true, part.nulls != Nulls::None)
        }
        _ => return None,
    };
    Some(Possible { yes, no, null })
}

/// AND, which ends at the first part that is false, or OR at the first true.
fn ended_by<'a>(
    parts: &[Node],
    ends: bool,
    known: &dyn Fn(usize) -> Known<'a>,
) -> Option<Possible> {
    let (mut every_goes_on, mut some_ends, mut some_null) = (true, false, false);
    for part in parts {
        let part = possible(part, known)?;
        let (goes_on, may_end) = if ends { (part.no, part.yes) } else { (part.yes, part.no) };
        if !goes_on && !part.null {
            // Whatever comes after it is not looked at for any row.
            return Some(Possible { yes: ends, no: !ends, null: false });
        }
        every_goes_on &= goes_on;
        some_ends |= may_end;
        some_null |= part.null;
    }
    let (yes, no) = if ends { (some_ends, every_goes_on) } else { (every_goes_on, some_ends) };
    Some(Possible { yes, no, null: some_null })
}

/// None if it may fail, or is not understood here.
fn range<'a>(node: &Node, known: &dyn Fn(usize) -> Known<'a>) -> Option<Range> {
    match node {
        Node::Literal(Value::Null) => Some(Range { bounds: None, nulls: Nulls::Only }),
        Node::Literal(value) => {
            Some(Range { bounds: Some((value.clone(), value.clone())), nulls: Nulls::None })
        }
        Node::Column(column) => {
            let Known { bounds, nulls } = known(*column);
            let text = |text: &str| Value::Text(Arc::from(text));
            let bounds = bounds.map(|bounds| match bounds {
                Bounds::Integers(low, high) => {
                    (Value::Exact(low.into()), Value::Exact(high.into()))
                }
                Bounds::Texts(low, high) => (text(low), text(high)),
            });
            Some(Range { bounds, nulls })
        }
        // What grows beyond 64 bits fails. Both keep the order.
        Node::Scale(part, by) => {
            let Node::Column(_) = **part else { return None };
            let part = range(part, known)?;
            let scaled = |value: &Value| match value {
                Value::Exact(value) => {
                    let scaled = value.checked_mul(*by).and_then(|it| i64::try_from(it).ok())?;
                    Some(Value::Exact(scaled.into()))
                }
                _ => None,
            };
            let (low, high) = part.bounds.as_ref().filter(|_| *by > 0)?;
            Some(Range { bounds: Some((scaled(low)?, scaled(high)?)), nulls: part.nulls })
        }
        Node::ToFloat(part, scale) => {
            let to_float = |value: Value| match value {
                Value::Exact(value) => Value::Float(cast::to_float(value, *scale)),
                other => other,
            };
            Some(range(part, known)?.map(to_float))
        }
        _ => None,
    }
}

impl Range {
    fn map(self, change: impl Fn(Value) -> Value) -> Self {
        let bounds = self.bounds.map(|(low, high)| (change(low), change(high)));
        Self { bounds, ..self }
    }
}

/// Whether values within both ranges can compare so.
fn may_compare(comparison: Comparison, left: &Range, right: &Range) -> bool {
    let (Some((low, high)), Some((right_low, right_high))) = (&left.bounds, &right.bounds) else {
        return true;
    };
    let is_below = compare(low, right_high);
    let is_above = compare(high, right_low);
    match comparison {
        Comparison::Less => is_below == Ordering::Less,
        Comparison::LessOrEqual => is_below.is_le(),
        Comparison::Greater => is_above == Ordering::Greater,
        Comparison::GreaterOrEqual => is_above.is_ge(),
        Comparison::Equal => is_below.is_le() && is_above.is_ge(),
        // All are the same, and the same as what they are compared with.
        Comparison::NotEqual => is_below.is_ne() || is_above.is_ne(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::Condition;

    /// Whether a row group is read in which `dst_port` is 80 to 443, `errno`
    /// null, `rtt_us` 5 to 9 or null, `latency_ns` 1 to 2 ms, `outcome` a word
    /// from `established` to `refused`, and nothing is known of other columns.
    fn read(sql: &str) -> bool {
        let integers = |low, high| Some(Bounds::Integers(low, high));
        Condition::new(sql).expect(sql).may_hold(&|name| match name {
            "dst_port" => Known { bounds: integers(80, 443), nulls: Nulls::None },
            "errno" => Known { bounds: None, nulls: Nulls::Only },
            "rtt_us" => Known { bounds: integers(5, 9), nulls: Nulls::Maybe },
            "latency_ns" => Known { bounds: integers(1_000_000, 2_000_000), nulls: Nulls::None },
            "outcome" => {
                let bounds = Some(Bounds::Texts("established", "refused"));
                Known { bounds, nulls: Nulls::None }
            }
            _ => Known::default(),
        })
    }

    #[test]
    fn what_cannot_hold_is_not_read() {
        for never in [
            "dst_port = 8080",
            "443 < dst_port",
            "dst_port BETWEEN 500 AND 600",
            "dst_port IN (22, 25, 8080)",
            "dst_port < 80 OR dst_port > 443",
            "NOT (dst_port <= 8080 OR pid = 1) AND dst_port = 1",
            "errno = 111",
            "errno IS NOT NULL",
            "errno > 5 OR errno < 5",
            "dst_port IS NULL",
            "rtt_us > 9",
            "latency_ns > 3000000",
            "latency_ns > 2500000.5",
            "outcome = 'timed_out'",
            "outcome > 's'",
            "dst_port = 8080 AND latency_ns / 0 > 1",
            "comm = 'x' AND dst_port = 8080",
        ] {
            assert!(!read(never), "{never}");
        }
    }

    #[test]
    fn what_can_hold_or_fail_is_read() {
        for maybe in [
            "dst_port = 80",
            "dst_port <> 443",
            "NOT dst_port = 443",
            "dst_port >= 443",
            "dst_port IN (22, 443)",
            "errno IS NULL",
            "rtt_us IS NULL",
            "NOT (rtt_us > 9)",
            "coalesce(errno, 0) = 0",
            "outcome = 'local_error'",
            "outcome LIKE 'refus%'",
            "comm = 'x'",
            "pid = tid",
            // Each row is an error, which must be told.
            "latency_ns / 0 > 1 AND dst_port = 8080",
        ] {
            assert!(read(maybe), "{maybe}");
        }
    }
}
