//! Which expressions are taken, and the type of each of their parts.

use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value as Sql};

use super::literal::{self, Number};
use super::node::{Comparison, Node, Value};
use super::text::{DEEPEST, too_deep};
use super::{Refused, quote};

mod call;
mod choice;
mod column;
mod compare;
mod unify;

use compare::comparison;
use unify::same_kind;

/// What the values of a part are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The literal NULL.
    Null,
    Bool,
    /// Exact, with so many digits after the point.
    Number(u8),
    Float,
    Text,
    /// µs since 1970 UTC.
    Time,
    /// ns.
    Duration,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool => "true or false",
            Self::Number(_) | Self::Float => "a number",
            Self::Text => "text",
            Self::Time => "a time",
            Self::Duration => "a duration",
        }
    }
}

/// A part with its type.
#[derive(Debug, Clone)]
struct Typed {
    node: Node,
    kind: Kind,
    /// Nanoseconds of one, for numbers that are known to be durations.
    unit: Option<i128>,
    /// As typed, for messages.
    text: String,
}

impl Typed {
    fn new(node: Node, kind: Kind, text: String) -> Self {
        Self { node, kind, unit: None, text }
    }

    /// What a literal text says.
    fn literal_text(&self) -> Option<&str> {
        match &self.node {
            Node::Literal(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn is_literal(&self) -> bool {
        matches!(self.node, Node::Literal(_))
    }
}

/// Checks a condition and names the columns it reads.
pub(super) fn condition(
    expression: &Expr,
    columns: &mut Vec<&'static str>,
) -> Result<Node, Refused> {
    let mut check = Check { columns };
    let typed = check.part(expression, 0)?;
    check.truth(typed)
}

/// Steps of depth for a part that stands several times in what it becomes: it
/// doubles with each, so that few may stand within each other.
const COPIED: usize = DEEPEST / 2;

struct Check<'a> {
    columns: &'a mut Vec<&'static str>,
}

fn refused<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused(why.into()))
}

impl Check<'_> {
    /// A part that has to be true or false.
    fn truth(&mut self, typed: Typed) -> Result<Node, Refused> {
        match typed.kind {
            Kind::Bool | Kind::Null => Ok(typed.node),
            kind => refused(format!(
                "{} is {}, not true or false; compare it, as in dst_port = 443",
                quote(&typed.text),
                kind.name()
            )),
        }
    }

    fn truth_of(&mut self, expression: &Expr, depth: usize) -> Result<Node, Refused> {
        let typed = self.part(expression, depth)?;
        let node = self.truth(typed)?;
        let mut columns = Vec::new();
        node.columns(&mut columns);
        let remembered = matches!(node, Node::OfText { .. } | Node::All(_) | Node::Any(_));
        match columns[..] {
            [column] if !remembered && self.is_text(column) => {
                Ok(Node::OfText { column, node: node.into() })
            }
            _ => Ok(node),
        }
    }

    fn part(&mut self, expression: &Expr, depth: usize) -> Result<Typed, Refused> {
        if depth > DEEPEST {
            return Err(too_deep());
        }
        let text = || shortened(expression);
        let inner = depth + 1;
        let boolean = |node: Node| Ok(Typed::new(node, Kind::Bool, text()));
        match expression {
            Expr::Nested(nested) => self.part(nested, inner),
            Expr::Identifier(name) => self.column(name),
            Expr::Value(value) => constant(&value.value, text()),
            Expr::TypedString(typed) => {
                let value = constant(&typed.value.value, text())?;
                let kind = typed.data_type.to_string().to_uppercase();
                match kind.starts_with("TIMESTAMP") || kind == "DATE" {
                    true => unify::to_time(value),
                    false => refused(format!("{} is not known; use plain text", quote(&kind))),
                }
            }
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                boolean(Node::Not(self.truth_of(expr, inner)?.into()))
            }
            Expr::UnaryOp { op, expr } => {
                let operand = self.part(expr, inner)?;
                let number = matches!(operand.kind, Kind::Number(_) | Kind::Float | Kind::Duration);
                match op {
                    UnaryOperator::Plus if number => Ok(operand),
                    UnaryOperator::Minus if number => {
                        let node = match operand.node {
                            Node::Literal(Value::Exact(value)) => {
                                Node::Literal(Value::Exact(-value))
                            }
                            node => Node::Negate(node.into()),
                        };
                        Ok(Typed { node, text: text(), ..operand })
                    }
                    UnaryOperator::Plus | UnaryOperator::Minus => refused(format!(
                        "{} is {}, not a number",
                        quote(&operand.text),
                        operand.kind.name()
                    )),
                    op => refused(format!("the operator {} is not known", quote(&op.to_string()))),
                }
            }
            Expr::BinaryOp { op: op @ (BinaryOperator::And | BinaryOperator::Or), .. } => {
                let mut parts = Vec::new();
                for part in chain(expression, op) {
                    parts.push(self.truth_of(part, inner)?);
                }
                boolean(match op {
                    BinaryOperator::And => Node::All(parts),
                    _ => Node::Any(parts),
                })
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, depth, text()),
            Expr::IsNull(part) => boolean(Node::IsNull(self.part(part, inner)?.node.into())),
            Expr::IsNotNull(part) => {
                boolean(not(Node::IsNull(self.part(part, inner)?.node.into())))
            }
            Expr::IsTrue(part) => boolean(Node::Is(true, self.truth_of(part, inner)?.into())),
            Expr::IsNotTrue(part) => {
                boolean(not(Node::Is(true, self.truth_of(part, inner)?.into())))
            }
            Expr::IsFalse(part) => boolean(Node::Is(false, self.truth_of(part, inner)?.into())),
            Expr::IsNotFalse(part) => {
                boolean(not(Node::Is(false, self.truth_of(part, inner)?.into())))
            }
            Expr::IsUnknown(part) => boolean(Node::IsNull(self.truth_of(part, inner)?.into())),
            Expr::IsNotUnknown(part) => {
                boolean(not(Node::IsNull(self.truth_of(part, inner)?.into())))
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                let (left, right) = (self.part(left, inner)?, self.part(right, inner)?);
                let (left, right) = same_kind(left, right)?;
                let same = Node::Same(Box::new((left.node, right.node)));
                let distinct = matches!(expression, Expr::IsDistinctFrom(..));
                boolean(if distinct { not(same) } else { same })
            }
            Expr::Between { expr, negated, low, high } => {
                let value = self.part(expr, inner + COPIED)?;
                let least = self.part(low, inner)?;
                let most = self.part(high, inner)?;
                let above = comparison(Comparison::GreaterOrEqual, value.clone(), least)?;
                let below = comparison(Comparison::LessOrEqual, value, most)?;
                let within = Node::All(vec![above, below]);
                boolean(if *negated { not(within) } else { within })
            }
            Expr::InList { expr, list, negated } => {
                let within = self.one_of(expr, list, inner)?;
                boolean(if *negated { not(within) } else { within })
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let like = self.like(expr, pattern, escape_char.as_ref(), false, inner)?;
                boolean(if *negated { not(like) } else { like })
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                let like = self.like(expr, pattern, escape_char.as_ref(), true, inner)?;
                boolean(if *negated { not(like) } else { like })
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), inner, text())
            }
            Expr::Cast { kind, expr, data_type, array: false, format: None } => {
                self.cast(kind, expr, data_type, inner, text())
            }
            Expr::Function(function) => self.function(function, inner, text()),
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
                refused("a query inside is not taken; use an expression about one connect")
            }
            Expr::CompoundIdentifier(_) => {
                refused(format!("{} has a dot; use the column's name alone", quote(&text())))
            }
            Expr::SimilarTo { .. } | Expr::RLike { .. } => {
                refused("use regexp_matches(comm, 'pattern') for regular expressions")
            }
            Expr::Interval(_) => refused("write durations as 50ms, and times with --from and --to"),
            other => refused(format!(
                "{} is not taken; use comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, CASE \
                 and arithmetic",
                quote(&other.to_string())
            )),
        }
    }
}

fn not(node: Node) -> Node {
    Node::Not(node.into())
}

/// All parts of `a AND b AND c`, however many: a loop, so that a long one does
/// not exhaust the stack.
fn chain<'a>(expression: &'a Expr, wanted: &BinaryOperator) -> Vec<&'a Expr> {
    let mut parts = Vec::new();
    let mut rest = expression;
    while let Expr::BinaryOp { left, op, right } = rest
        && op == wanted
    {
        parts.push(right.as_ref());
        rest = left;
    }
    parts.push(rest);
    parts.reverse();
    parts
}

fn constant(value: &Sql, text: String) -> Result<Typed, Refused> {
    let (value, kind) = match value {
        Sql::Number(digits, false) => match literal::number(digits)? {
            Number::Exact(value, scale) => (Value::Exact(value), Kind::Number(scale)),
            Number::Float(value) => (Value::Float(value), Kind::Float),
        },
        Sql::SingleQuotedString(text) => (Value::Text(text.as_str().into()), Kind::Text),
        Sql::Boolean(value) => (Value::Bool(*value), Kind::Bool),
        Sql::Null => (Value::Null, Kind::Null),
        // Numbers with their unit, see `text`; those that were typed begin
        // with another character.
        Sql::Placeholder(text) if text.starts_with(|c: char| c == '.' || c.is_ascii_digit()) => {
            (Value::Exact(literal::duration(text)?), Kind::Duration)
        }
        other => {
            return refused(format!(
                "{} is not taken; use numbers and text in single quotes",
                quote(&other.to_string())
            ));
        }
    };
    Ok(Typed::new(Node::Literal(value), kind, text))
}

fn shortened(expression: &Expr) -> String {
    /// More is not shown, and writing out all of a long one for each of its
    /// parts would take long.
    struct Head(String);
    impl std::fmt::Write for Head {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.push_str(text);
            if self.0.len() > 100 { Err(std::fmt::Error) } else { Ok(()) }
        }
    }
    let mut head = Head(String::new());
    let _ = std::fmt::write(&mut head, format_args!("{expression}"));
    head.0
}
