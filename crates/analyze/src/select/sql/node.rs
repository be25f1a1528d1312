//! A checked expression: every part has one type, so evaluating it decides
//! nothing but values.

use std::cmp::Ordering;
use std::sync::Arc;

/// A value; which of them a part has is known before the first row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// An integer, a number in its last digit after the point, nanoseconds of a
    /// duration, or microseconds of a time.
    Exact(i128),
    Float(f64),
    Text(Arc<str>),
}

/// Order of two values of one kind; null is the last.
pub(super) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Exact(left), Value::Exact(right)) => left.cmp(right),
        // As in DuckDB, not-a-number is the largest and the same as itself.
        (Value::Float(left), Value::Float(right)) => {
            left.partial_cmp(right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
        }
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (left, right) => (*left == Value::Null).cmp(&(*right == Value::Null)),
    }
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is reckoned with two numbers of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    /// Always of floating-point numbers.
    Divide,
    /// Of integers, towards zero.
    DivideWhole,
    Remainder,
    And,
    Or,
}

/// Functions of values.
#[derive(Debug, Clone)]
pub(super) enum Function {
    Lower,
    Upper,
    Length,
    Absolute,
    StartsWith,
    EndsWith,
    Contains,
    Concatenate,
    /// A regular expression, tried.
    Matches(String),
    Coalesce,
    Greatest,
    Least,
    NullIf,
}

/// What a value is converted into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    pub kind: TargetKind,
    /// Whether what does not convert is null instead of a failure.
    pub or_null: bool,
}

/// See [`Target`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetKind {
    /// An integer of so many bits.
    Integer(u32),
    Double,
    Text,
}

/// A part of an expression.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Literal(Value),
    /// The column at this place of those that are read.
    Column(usize),
    /// All of them; what stands after one that is false does not count.
    All(Vec<Node>),
    /// One of them; what stands after one that is true does not count.
    Any(Vec<Node>),
    Not(Box<Node>),
    /// Reads only one column of text: worked out once for each of its texts.
    OfText {
        column: usize,
        node: Box<Node>,
    },
    Compare(Comparison, Box<(Node, Node)>),
    /// Whether they are the same, null being the same as null.
    Same(Box<(Node, Node)>),
    IsNull(Box<Node>),
    /// Whether it is this and not null.
    Is(bool, Box<Node>),
    /// Whether it is one of these, or null if it is none of them and null is
    /// among them.
    OneOf {
        node: Box<Node>,
        values: Vec<Value>,
        or_null: bool,
    },
    /// With a regular expression for the whole text.
    Like(Box<Node>, String),
    Reckon(Operation, Box<(Node, Node)>),
    Negate(Box<Node>),
    /// Times a power of ten.
    Scale(Box<Node>, i128),
    /// An exact number with so many digits after the point.
    ToFloat(Box<Node>, u8),
    Convert {
        node: Box<Node>,
        from: u8,
        target: Target,
    },
    Call(Function, Vec<Node>),
    Case {
        when: Vec<(Node, Node)>,
        otherwise: Box<Node>,
    },
}

impl Node {
    /// Columns read by it, each once.
    pub(super) fn columns(&self, found: &mut Vec<usize>) {
        match self {
            Self::Literal(_) => {}
            Self::Column(column) | Self::OfText { column, .. } => {
                if !found.contains(column) {
                    found.push(*column);
                }
            }
            Self::All(parts) | Self::Any(parts) | Self::Call(_, parts) => {
                parts.iter().for_each(|part| part.columns(found));
            }
            Self::Not(part)
            | Self::IsNull(part)
            | Self::Is(_, part)
            | Self::OneOf { node: part, .. }
            | Self::Like(part, _)
            | Self::Negate(part)
            | Self::Scale(part, _)
            | Self::ToFloat(part, _)
            | Self::Convert { node: part, .. } => part.columns(found),
            Self::Compare(_, both) | Self::Same(both) | Self::Reckon(_, both) => {
                both.0.columns(found);
                both.1.columns(found);
            }
            Self::Case { when, otherwise } => {
                for (condition, result) in when {
                    condition.columns(found);
                    result.columns(found);
                }
                otherwise.columns(found);
            }
        }
    }
}
