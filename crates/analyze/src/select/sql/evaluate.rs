//! What an expression is for a row, by SQL's logic of three values.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, AsArray, PrimitiveArray, StringArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use super::node::{Comparison, Node, Operation, Value};
use super::{Failed, cast, function};

/// The columns of some rows.
pub(super) struct Rows<'a> {
    columns: Vec<Column<'a>>,
    /// Answers by text of a column's dictionary, for each [`Node::OfText`].
    known: RefCell<Vec<Vec<Cell<Known>>>>,
}

enum Column<'a> {
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Time(&'a PrimitiveArray<TimestampMicrosecondType>),
    Text { keys: &'a PrimitiveArray<Int32Type>, texts: &'a StringArray, shared: Vec<SharedText> },
    Absent,
}

type SharedText = RefCell<Option<Arc<str>>>;

#[derive(Debug, Clone, Copy)]
enum Known {
    NotYet,
    Null,
    Is(bool),
}

impl<'a> Rows<'a> {
    /// The columns with these names.
    pub(super) fn of(rows: &'a RecordBatch, names: &[&str]) -> Self {
        let column = |name: &&str| {
            let Some(array) = rows.column_by_name(name) else { return Column::Absent };
            if let Some(values) = array.as_primitive_opt::<Int32Type>() {
                return Column::Int32(values);
            }
            if let Some(values) = array.as_primitive_opt::<Int64Type>() {
                return Column::Int64(values);
            }
            if let Some(values) = array.as_primitive_opt::<TimestampMicrosecondType>() {
                return Column::Time(values);
            }
            let words = array.as_dictionary_opt::<Int32Type>();
            match words.and_then(|words| Some((words.keys(), words.values().as_string_opt()?))) {
                Some((keys, texts)) => {
                    let shared = vec![RefCell::new(None); texts.len()];
                    Column::Text { keys, texts, shared }
                }
                None => Column::Absent,
            }
        };
        Self { columns: names.iter().map(column).collect(), known: RefCell::default() }
    }

    /// Whether an expression is true for a row.
    pub(super) fn holds(&self, node: &Node, row: usize) -> Result<bool, Failed> {
        Ok(self.value(node, row)? == Value::Bool(true))
    }

    fn column(&self, column: usize, row: usize) -> Value {
        fn integer<T: Into<i128>>(null: bool, value: impl FnOnce() -> T) -> Value {
            if null { Value::Null } else { Value::Exact(value().into()) }
        }
        match self.columns.get(column) {
            Some(Column::Int32(values)) => integer(values.is_null(row), || values.value(row)),
            Some(Column::Int64(values)) => integer(values.is_null(row), || values.value(row)),
            Some(Column::Time(values)) => integer(values.is_null(row), || values.value(row)),
            Some(Column::Text { keys, texts, shared }) => {
                let at = keys.is_valid(row).then(|| keys.value(row) as usize);
                let Some((at, shared)) = at.and_then(|at| Some((at, shared.get(at)?))) else {
                    return Value::Null;
                };
                let make = || Arc::from(texts.value(at));
                Value::Text(Arc::clone(shared.borrow_mut().get_or_insert_with(make)))
            }
            Some(Column::Absent) | None => Value::Null,
        }
    }

    fn value(&self, node: &Node, row: usize) -> Result<Value, Failed> {
        Ok(match node {
            Node::Literal(value) => value.clone(),
            Node::Column(column) => self.column(*column, row),
            Node::All(parts) => self.first(parts, false, row)?,
            Node::Any(parts) => self.first(parts, true, row)?,
            Node::Not(part) => match self.value(part, row)? {
                Value::Bool(value) => Value::Bool(!value),
                other => other,
            },
            Node::OfText { column, number, node } => self.of_text(*column, *number, node, row)?,
            Node::Compare(comparison, both) => {
                let (left, right) = (self.value(&both.0, row)?, self.value(&both.1, row)?);
                match (&left, &right) {
                    (Value::Null, _) | (_, Value::Null) => Value::Null,
                    _ => Value::Bool(comparison.holds(compare(&left, &right))),
                }
            }
            Node::Same(both) => {
                let (left, right) = (self.value(&both.0, row)?, self.value(&both.1, row)?);
                Value::Bool(compare(&left, &right) == Ordering::Equal)
            }
            Node::IsNull(part) => Value::Bool(self.value(part, row)? == Value::Null),
            Node::Is(wanted, part) => Value::Bool(self.value(part, row)? == Value::Bool(*wanted)),
            Node::OneOf { node, values, or_null } => match self.value(node, row)? {
                Value::Null => Value::Null,
                value => match values.binary_search_by(|one| compare(one, &value)) {
                    Ok(_) => Value::Bool(true),
                    Err(_) if *or_null => Value::Null,
                    Err(_) => Value::Bool(false),
                },
            },
            Node::Like(part, pattern) => match self.value(part, row)? {
                Value::Text(text) => Value::Bool(pattern.matches(&text)),
                _ => Value::Null,
            },
            Node::Reckon(operation, both) => {
                reckon(*operation, self.value(&both.0, row)?, self.value(&both.1, row)?)?
            }
            Node::Negate(part) => match self.value(part, row)? {
                Value::Exact(value) => exact(value.checked_neg())?,
                Value::Float(value) => Value::Float(-value),
                _ => Value::Null,
            },
            Node::Scale(part, by) => match self.value(part, row)? {
                Value::Exact(value) => exact(value.checked_mul(*by))?,
                other => other,
            },
            Node::ToFloat(part, scale) => match self.value(part, row)? {
                Value::Exact(value) => Value::Float(cast::to_float(value, *scale)),
                other => other,
            },
            Node::Convert { node, from, target } => {
                cast::convert(self.value(node, row)?, *from, *target)?
            }
            Node::Call(function, parts) => {
                function::call(function, parts, |part| self.value(part, row))?
            }
            Node::Case { when, otherwise } => {
                for (condition, result) in when {
                    if self.holds(condition, row)? {
                        return self.value(result, row);
                    }
                }
                self.value(otherwise, row)?
            }
        })
    }

    /// AND ends at the first that is false, OR at the first that is true.
    fn first(&self, parts: &[Node], ends: bool, row: usize) -> Result<Value, Failed> {
        let mut answer = Value::Bool(!ends);
        for part in parts {
            match self.value(part, row)? {
                Value::Bool(value) if value == ends => return Ok(Value::Bool(ends)),
                Value::Null => answer = Value::Null,
                _ => {}
            }
        }
        Ok(answer)
    }

    fn of_text(
        &self,
        column: usize,
        number: usize,
        node: &Node,
        row: usize,
    ) -> Result<Value, Failed> {
        let Some(Column::Text { keys, texts, .. }) = self.columns.get(column) else {
            return self.value(node, row);
        };
        if keys.is_null(row) {
            return self.value(node, row);
        }
        let at = keys.value(row) as usize;
        let known = {
            let mut all = self.known.borrow_mut();
            while all.len() <= number {
                all.push(Vec::new());
            }
            if all[number].is_empty() {
                all[number] = vec![Cell::new(Known::NotYet); texts.len()];
            }
            all[number].get(at).map_or(Known::NotYet, Cell::get)
        };
        match known {
            Known::Null => return Ok(Value::Null),
            Known::Is(value) => return Ok(Value::Bool(value)),
            Known::NotYet => {}
        }
        let value = self.value(node, row)?;
        let found = match value {
            Value::Bool(value) => Known::Is(value),
            _ => Known::Null,
        };
        if let Some(cell) = self.known.borrow()[number].get(at) {
            cell.set(found);
        }
        Ok(value)
    }
}

impl Comparison {
    pub(super) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
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

/// A number that is not too large.
pub(super) fn exact(value: Option<i128>) -> Result<Value, Failed> {
    value.map(Value::Exact).ok_or_else(|| {
        Failed("a number grows to more than 38 digits; use smaller factors".to_owned())
    })
}

fn reckon(operation: Operation, left: Value, right: Value) -> Result<Value, Failed> {
    let zero = || {
        Failed("it divides by zero; NULLIF(x, 0) makes zero a null, which no row has".to_owned())
    };
    Ok(match (left, right) {
        (Value::Exact(left), Value::Exact(right)) => match operation {
            Operation::Add => exact(left.checked_add(right))?,
            Operation::Subtract => exact(left.checked_sub(right))?,
            Operation::Multiply => exact(left.checked_mul(right))?,
            Operation::Divide | Operation::DivideWhole | Operation::Remainder if right == 0 => {
                return Err(zero());
            }
            Operation::Divide | Operation::DivideWhole => exact(left.checked_div(right))?,
            Operation::Remainder => exact(left.checked_rem(right))?,
            Operation::And => Value::Exact(left & right),
            Operation::Or => Value::Exact(left | right),
        },
        (Value::Float(left), Value::Float(right)) => Value::Float(match operation {
            Operation::Add => left + right,
            Operation::Subtract => left - right,
            Operation::Multiply => left * right,
            _ if right == 0.0 => return Err(zero()),
            Operation::Divide => left / right,
            _ => left % right,
        }),
        _ => Value::Null,
    })
}
