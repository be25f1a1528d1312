//! Operators between two parts, and IN.

use sqlparser::ast::{BinaryOperator, Expr};

use super::super::node::{Comparison, Node, Operation, Value};
use super::super::{Refused, quote};
use super::unify::same_kind;
use super::{COPIED, Check, Kind, Typed, call, refused, unify};

impl Check<'_> {
    pub(super) fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        depth: usize,
        text: String,
    ) -> Result<Typed, Refused> {
        let wanted = match op {
            BinaryOperator::Eq => Some(Comparison::Equal),
            BinaryOperator::NotEq => Some(Comparison::NotEqual),
            BinaryOperator::Lt => Some(Comparison::Less),
            BinaryOperator::LtEq => Some(Comparison::LessOrEqual),
            BinaryOperator::Gt => Some(Comparison::Greater),
            BinaryOperator::GtEq => Some(Comparison::GreaterOrEqual),
            _ => None,
        };
        if wanted.is_some() && [left, right].into_iter().any(is_comparison) {
            return refused("comparisons in a row need AND between them, as in a > 1 AND a < 5");
        }
        let mixed = |side: &Expr| {
            matches!(side, Expr::BinaryOp { op: other, .. }
            if is_bitwise(op) && is_bitwise(other) && op != other)
        };
        if mixed(left) || mixed(right) {
            return refused("`&` beside `|` needs brackets");
        }
        let (left, right) = (self.part(left, depth + 1)?, self.part(right, depth + 1)?);
        if let Some(wanted) = wanted {
            return Ok(Typed::new(comparison(wanted, left, right)?, Kind::Bool, text));
        }
        let operation = match op {
            BinaryOperator::Plus => Operation::Add,
            BinaryOperator::Minus => Operation::Subtract,
            BinaryOperator::Multiply => Operation::Multiply,
            BinaryOperator::Divide => Operation::Divide,
            BinaryOperator::DuckIntegerDivide => Operation::DivideWhole,
            BinaryOperator::Modulo => Operation::Remainder,
            BinaryOperator::BitwiseAnd => Operation::And,
            BinaryOperator::BitwiseOr => Operation::Or,
            BinaryOperator::StringConcat => return call::concatenate(left, right, text),
            BinaryOperator::PGRegexMatch | BinaryOperator::PGRegexNotMatch => {
                return refused("use regexp_matches(comm, 'pattern') for regular expressions");
            }
            other => {
                return refused(format!("the operator {} is not known", quote(&other.to_string())));
            }
        };
        unify::reckon(operation, left, right, text)
    }

    pub(super) fn one_of(
        &mut self,
        value: &Expr,
        list: &[Expr],
        depth: usize,
    ) -> Result<Node, Refused> {
        let value = self.part(value, depth + COPIED)?;
        if list.is_empty() {
            return refused("IN needs values, as in dst_port IN (80, 443)");
        }
        let mut equal = Vec::new();
        for one in list {
            let one = self.part(one, depth)?;
            equal.push(match one.kind {
                Kind::Null => (value.clone(), Node::Literal(Value::Null)),
                _ => {
                    let (value, one) = same_kind(value.clone(), one)?;
                    (value, one.node)
                }
            });
        }
        let constants: Option<Vec<Value>> = equal
            .iter()
            .map(|(_, one)| match one {
                Node::Literal(value) => Some(value.clone()),
                _ => None,
            })
            .collect();
        // As long as all values are literals of the kind that the value has.
        let plain = equal.iter().all(|(typed, _)| typed.kind == equal[0].0.kind);
        match constants.filter(|_| plain) {
            Some(mut values) => {
                let or_null = values.contains(&Value::Null);
                values.retain(|value| *value != Value::Null);
                let node = equal.swap_remove(0).0.node.into();
                Ok(Node::OneOf { node, values, or_null })
            }
            None => Ok(Node::Any(
                equal
                    .into_iter()
                    .map(|(value, one)| {
                        Node::Compare(Comparison::Equal, Box::new((value.node, one)))
                    })
                    .collect(),
            )),
        }
    }
}

fn is_comparison(expression: &Expr) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(expression, Expr::BinaryOp { op: Eq | NotEq | Lt | LtEq | Gt | GtEq, .. })
}

fn is_bitwise(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::BitwiseAnd | BinaryOperator::BitwiseOr)
}

/// Two parts of one kind, compared.
pub(super) fn comparison(wanted: Comparison, left: Typed, right: Typed) -> Result<Node, Refused> {
    if left.kind == Kind::Null || right.kind == Kind::Null {
        return refused("nothing compares with NULL; use IS NULL or IS NOT NULL");
    }
    let (left, right) = same_kind(left, right)?;
    Ok(Node::Compare(wanted, Box::new((left.node, right.node))))
}
