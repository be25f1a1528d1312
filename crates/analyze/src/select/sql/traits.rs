//! What is known of a part before the first row: whether it is a floating-point
//! number, how large it can be, whether it can fail.

use super::node::{Function, Node, Operation, TargetKind, Value};

/// Whether it is a floating-point number.
pub(super) fn is_float(node: &Node) -> bool {
    match node {
        Node::Literal(Value::Float(_)) | Node::ToFloat(..) => true,
        Node::Convert { target, .. } => target.kind == TargetKind::Double,
        Node::Negate(part) | Node::Scale(part, _) => is_float(part),
        Node::Reckon(Operation::Divide, _) => true,
        Node::Reckon(_, both) => is_float(&both.0) || is_float(&both.1),
        Node::Call(_, parts) => parts.iter().any(is_float),
        Node::Case { when, otherwise } => {
            when.iter().any(|(_, result)| is_float(result)) || is_float(otherwise)
        }
        _ => false,
    }
}

/// How large an integer may be, without its sign.
pub(super) fn bound(node: &Node) -> f64 {
    const ANY: f64 = 9_223_372_036_854_775_808.0;
    match node {
        Node::Literal(Value::Exact(value)) => value.unsigned_abs() as f64,
        Node::Column(_) => ANY,
        Node::Negate(part) => bound(part),
        Node::Scale(part, by) => (bound(part) * by.unsigned_abs() as f64).min(ANY),
        Node::Reckon(operation, both) => {
            let (a, b) = (bound(&both.0), bound(&both.1));
            match operation {
                Operation::Add | Operation::Subtract => (a + b).min(ANY),
                Operation::Multiply => (a * b).min(ANY),
                Operation::DivideWhole => a,
                Operation::Remainder => a.min(b),
                Operation::And | Operation::Or | Operation::Divide => ANY,
            }
        }
        Node::Call(Function::Length, _) => 4_294_967_296.0,
        _ => ANY,
    }
}

/// Whether a part may fail on a row.
pub(super) fn can_fail(node: &Node) -> bool {
    match node {
        Node::Literal(_) | Node::Column(_) => false,
        Node::Reckon(..) | Node::Negate(_) | Node::Scale(..) | Node::Convert { .. } => true,
        Node::All(parts) | Node::Any(parts) => parts.iter().any(can_fail),
        Node::Call(function, parts) => {
            matches!(function, Function::Absolute) || parts.iter().any(can_fail)
        }
        Node::Not(part)
        | Node::OfText { node: part, .. }
        | Node::IsNull(part)
        | Node::Is(_, part)
        | Node::OneOf { node: part, .. }
        | Node::Like(part, _)
        | Node::ToFloat(part, _) => can_fail(part),
        Node::Compare(_, both) | Node::Same(both) => can_fail(&both.0) || can_fail(&both.1),
        Node::Case { when, otherwise } => {
            when.iter().any(|(condition, result)| can_fail(condition) || can_fail(result))
                || can_fail(otherwise)
        }
    }
}
