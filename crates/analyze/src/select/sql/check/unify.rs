//! Two parts become of one kind, or the reason why they cannot.

use super::super::literal;
use super::super::node::{Node, Operation, Value};
use super::super::{Refused, quote};
use super::{Kind, Typed, refused};

/// Digits after the point that a number may have.
const MOST_SCALE: u8 = 38;

/// Makes two parts comparable.
pub(super) fn same_kind(left: Typed, right: Typed) -> Result<(Typed, Typed), Refused> {
    use Kind::{Bool, Duration, Float, Null, Number, Text, Time};
    Ok(match (left.kind, right.kind) {
        (Null, _) | (_, Null) => (left, right),
        (Bool, Bool) | (Float, Float) | (Text, Text) | (Time, Time) | (Duration, Duration) => {
            (left, right)
        }
        (Number(a), Number(b)) => {
            let scale = a.max(b);
            (to_scale(left, a, scale)?, to_scale(right, b, scale)?)
        }
        (Float, Number(_)) => (left, to_float(right)),
        (Number(_), Float) => (to_float(left), right),
        (Text, kind) if left.literal_text().is_some() => (from_text(left, kind, &right)?, right),
        (kind, Text) if right.literal_text().is_some() => {
            let right = from_text(right, kind, &left)?;
            (left, right)
        }
        (Duration, Number(_)) => {
            let right = to_duration(right, &left)?;
            (left, right)
        }
        (Number(_), Duration) => (to_duration(left, &right)?, right),
        (Time, _) | (_, Time) => {
            return refused(
                "a time compares with one in single quotes, as in '2026-01-31 12:00:05'; or use \
                 --from and --to",
            );
        }
        (a, b) => {
            let hint = match (a, b) {
                (Text, Number(_)) | (Number(_), Text) => "; text needs single quotes, as in '5'",
                _ => "",
            };
            return refused(format!(
                "{} is {} and {} is {}, which cannot be compared{hint}",
                quote(&left.text),
                a.name(),
                quote(&right.text),
                b.name()
            ));
        }
    })
}

/// Makes all parts of one kind.
pub(super) fn all_of_one_kind(parts: Vec<Typed>) -> Result<(Vec<Typed>, Kind), Refused> {
    // Whatever is made of the first by the others, the others are made of it.
    let mut like = None;
    for part in &parts {
        like = match (like, part.kind) {
            (None, Kind::Null) => None,
            (None, _) => Some(part.clone()),
            (Some(like), _) => Some(same_kind(like, part.clone())?.0),
        };
    }
    let Some(like) = like else { return Ok((parts, Kind::Null)) };
    let one = |part: Typed| same_kind(part, like.clone()).map(|(part, _)| part);
    let parts = parts.into_iter().map(one).collect::<Result<_, _>>()?;
    Ok((parts, like.kind))
}

fn to_scale(part: Typed, from: u8, to: u8) -> Result<Typed, Refused> {
    if from == to {
        return Ok(part);
    }
    let by = 10_i128.pow((to - from).into());
    let node = match part.node {
        Node::Literal(Value::Exact(value)) => match value.checked_mul(by) {
            Some(value) => Node::Literal(Value::Exact(value)),
            None => return refused(format!("{} has too many digits", quote(&part.text))),
        },
        node => Node::Scale(node.into(), by),
    };
    Ok(Typed { node, kind: Kind::Number(to), ..part })
}

pub(super) fn to_float(part: Typed) -> Typed {
    let node = match part.kind {
        Kind::Number(scale) => Node::ToFloat(part.node.into(), scale),
        Kind::Duration => Node::ToFloat(part.node.into(), 0),
        _ => part.node,
    };
    Typed { node, kind: Kind::Float, ..part }
}

/// A literal text as what it stands beside.
fn from_text(part: Typed, kind: Kind, beside: &Typed) -> Result<Typed, Refused> {
    let text = part.literal_text().unwrap_or_default();
    let value = match kind {
        Kind::Time => return to_time(part),
        Kind::Duration => literal::duration(text)?,
        Kind::Number(_) | Kind::Float => {
            let (negative, digits) =
                text.trim().strip_prefix('-').map_or((false, text.trim()), |rest| (true, rest));
            match literal::exact(digits) {
                Some((value, 0)) => {
                    let value = if negative { -value } else { value };
                    let part = Typed {
                        node: Node::Literal(Value::Exact(value)),
                        kind: Kind::Number(0),
                        ..part
                    };
                    return match kind {
                        Kind::Number(scale) => to_scale(part, 0, scale),
                        _ => Ok(to_float(part)),
                    };
                }
                _ => {
                    return refused(format!(
                        "{} is a number and {} is none",
                        quote(&beside.text),
                        quote(&part.text)
                    ));
                }
            }
        }
        _ => {
            return refused(format!(
                "{} is {} and {} is text, which cannot be compared",
                quote(&beside.text),
                kind.name(),
                quote(&part.text)
            ));
        }
    };
    Ok(Typed { node: Node::Literal(Value::Exact(value)), kind, ..part })
}

/// A literal text as a time.
pub(super) fn to_time(part: Typed) -> Result<Typed, Refused> {
    match part.literal_text().and_then(literal::time) {
        Some(time) => {
            Ok(Typed { node: Node::Literal(Value::Exact(time.into())), kind: Kind::Time, ..part })
        }
        None => refused(format!(
            "{} is not a time such as '2026-01-31 12:00:05' (UTC); --from and --to take more, such \
             as 12:00 and -10m",
            quote(&part.text)
        )),
    }
}

/// A number as the duration it is known to be.
fn to_duration(part: Typed, beside: &Typed) -> Result<Typed, Refused> {
    match part.unit {
        Some(1) => Ok(Typed { kind: Kind::Duration, unit: None, ..part }),
        Some(unit) => {
            let node = Node::Scale(part.node.into(), unit);
            Ok(Typed { node, kind: Kind::Duration, unit: None, ..part })
        }
        None if part.is_literal() => refused(format!(
            "{} is a duration, so {} needs a unit, as in 50ms",
            quote(&beside.text),
            quote(&part.text)
        )),
        None => refused(format!(
            "{} is a duration and {} is not; durations are latency and rtt",
            quote(&beside.text),
            quote(&part.text)
        )),
    }
}

/// What is reckoned with two parts.
pub(super) fn reckon(
    operation: Operation,
    left: Typed,
    right: Typed,
    text: String,
) -> Result<Typed, Refused> {
    use Kind::{Duration, Float, Number};
    for side in [&left, &right] {
        if !matches!(side.kind, Number(_) | Float | Duration) {
            return refused(match side.kind {
                Kind::Time => "times are not reckoned with; use --from and --to".to_owned(),
                kind => format!("{} is {}, not a number", quote(&side.text), kind.name()),
            });
        }
    }
    let node =
        |left: Typed, right: Typed| Node::Reckon(operation, Box::new((left.node, right.node)));
    let typed = |node, kind| Ok(Typed::new(node, kind, text.clone()));
    match (operation, left.kind, right.kind) {
        (Operation::Add | Operation::Subtract, ..) => {
            let unit = left.unit.filter(|unit| right.unit == Some(*unit));
            let (left, right) = same_kind(left, right)?;
            let kind = left.kind;
            Ok(Typed { unit, ..Typed::new(node(left, right), kind, text) })
        }
        (Operation::Multiply, Number(a), Number(b)) if a + b <= MOST_SCALE => {
            typed(node(left, right), Number(a + b))
        }
        (Operation::Multiply, Duration, Number(0)) | (Operation::Multiply, Number(0), Duration) => {
            typed(node(left, right), Duration)
        }
        (Operation::Multiply, Float | Number(_), Float | Number(_))
        | (Operation::Divide, Float | Number(_), Float | Number(_)) => {
            typed(node(to_float(left), to_float(right)), Float)
        }
        (Operation::Divide, Duration, Duration) => {
            typed(node(to_float(left), to_float(right)), Float)
        }
        (
            Operation::DivideWhole | Operation::Remainder | Operation::And | Operation::Or,
            Number(0),
            Number(0),
        ) => typed(node(left, right), Number(0)),
        (Operation::Remainder, Number(_), Number(_)) => {
            let (left, right) = same_kind(left, right)?;
            let kind = left.kind;
            typed(node(left, right), kind)
        }
        _ => refused(format!(
            "{} is not taken with {} and {}",
            quote(&text),
            left.kind.name(),
            right.kind.name()
        )),
    }
}
