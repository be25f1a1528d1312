//! Which expressions are taken, and the type of each of their parts.

use connlat_schema::capture::columns::{LATENCY_NS, RTT_US, TIME, schema};
use sqlparser::ast::{BinaryOperator, CaseWhen, Expr, Ident, UnaryOperator, Value as Sql};

use super::like;
use super::literal::{self, Number};
use super::node::{Comparison, Node, Operation, Value};
use super::text::{DEEPEST, too_deep};
use super::{Refused, quote};

mod call;
mod unify;

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

    fn is_text(&self, column: usize) -> bool {
        kind_of(self.columns[column]) == Some(Kind::Text)
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

    fn column(&mut self, name: &Ident) -> Result<Typed, Refused> {
        let lower = name.value.to_lowercase();
        // Durations whatever the unit of the column is.
        let (known, unit) = match lower.as_str() {
            "latency" => (LATENCY_NS, Some(1)),
            "rtt" => (RTT_US, Some(1_000)),
            other => (other, None),
        };
        let schema = schema();
        let Some((column, kind)) = schema
            .fields()
            .iter()
            .find(|field| field.name().as_str() == known)
            .and_then(|field| own_name(field.name()))
            .and_then(|name| Some((name, kind_of(name)?)))
        else {
            if call::is_of_now(&lower) {
                return refused("the time of now says nothing of a capture; use --from -10m");
            }
            return refused(format!(
                "there is no column {}; text needs single quotes, as in 'nginx'",
                quote(&name.value)
            ));
        };
        let place = self.columns.iter().position(|known| *known == column);
        let place = place.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        });
        let node = Node::Column(place);
        let text = name.value.clone();
        Ok(match (unit, column) {
            (Some(1), _) => Typed::new(node, Kind::Duration, text),
            (Some(unit), _) => Typed::new(Node::Scale(node.into(), unit), Kind::Duration, text),
            (None, LATENCY_NS) => Typed { unit: Some(1), ..Typed::new(node, kind, text) },
            (None, RTT_US) => Typed { unit: Some(1_000), ..Typed::new(node, kind, text) },
            (None, _) => Typed::new(node, kind, text),
        })
    }

    fn binary(
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

    fn one_of(&mut self, value: &Expr, list: &[Expr], depth: usize) -> Result<Node, Refused> {
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

    fn like(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<&sqlparser::ast::ValueWithSpan>,
        ignore_case: bool,
        depth: usize,
    ) -> Result<Node, Refused> {
        let (value, pattern) = (self.part(value, depth)?, self.part(pattern, depth)?);
        if value.kind != Kind::Text {
            return refused(format!("LIKE is for text; {} is none", quote(&value.text)));
        }
        let Some(text) = pattern.literal_text() else {
            return refused("LIKE needs its pattern in single quotes, as in 'ngin%'");
        };
        let escape = match escape.map(|escape| &escape.value) {
            None => None,
            Some(Sql::SingleQuotedString(text)) if text.chars().count() <= 1 => text.chars().next(),
            Some(_) => return refused("ESCAPE takes one character in single quotes"),
        };
        Ok(Node::Like(value.node.into(), like::pattern(text, escape, ignore_case)?))
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        depth: usize,
        text: String,
    ) -> Result<Typed, Refused> {
        if conditions.len() > DEEPEST {
            return refused(format!("CASE has more than {DEEPEST} branches; use a simpler one"));
        }
        let operand = operand.map(|operand| self.part(operand, depth + COPIED)).transpose()?;
        let (mut when, mut results) = (Vec::new(), Vec::new());
        for branch in conditions {
            when.push(match &operand {
                None => self.truth_of(&branch.condition, depth)?,
                Some(operand) => {
                    let value = self.part(&branch.condition, depth)?;
                    comparison(Comparison::Equal, operand.clone(), value)?
                }
            });
            results.push(self.part(&branch.result, depth)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.part(otherwise, depth)?,
            None => Typed::new(Node::Literal(Value::Null), Kind::Null, "NULL".to_owned()),
        });
        let (mut results, kind) = unify::all_of_one_kind(results)?;
        let otherwise = results.pop().map_or(Node::Literal(Value::Null), |result| result.node);
        let when = when.into_iter().zip(results.into_iter().map(|result| result.node)).collect();
        Ok(Typed::new(Node::Case { when, otherwise: otherwise.into() }, kind, text))
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

fn is_comparison(expression: &Expr) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(expression, Expr::BinaryOp { op: Eq | NotEq | Lt | LtEq | Gt | GtEq, .. })
}

fn is_bitwise(op: &BinaryOperator) -> bool {
    matches!(op, BinaryOperator::BitwiseAnd | BinaryOperator::BitwiseOr)
}

/// Two parts of one kind, compared.
fn comparison(wanted: Comparison, left: Typed, right: Typed) -> Result<Node, Refused> {
    if left.kind == Kind::Null || right.kind == Kind::Null {
        return refused("nothing compares with NULL; use IS NULL or IS NOT NULL");
    }
    let (left, right) = same_kind(left, right)?;
    Ok(Node::Compare(wanted, Box::new((left.node, right.node))))
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

/// The column's name as the contract has it.
fn own_name(name: &str) -> Option<&'static str> {
    super::super::column_names().find(|known| *known == name)
}

fn kind_of(name: &str) -> Option<Kind> {
    use arrow::datatypes::DataType;
    if name == TIME {
        return Some(Kind::Time);
    }
    match schema().field_with_name(name).ok()?.data_type() {
        DataType::Int32 | DataType::Int64 => Some(Kind::Number(0)),
        DataType::Utf8 => Some(Kind::Text),
        _ => None,
    }
}
