//! A checked expression becomes one of polars, which works on whole columns.
//!
//! polars neither fails on a row nor ends an AND at the first part that is
//! false; integers wrap there, and dividing by zero gives something. So beside
//! each expression stands when it fails: only on rows that it is asked about.
//! Integers have 64 bits: what may grow beyond is reckoned a second time as
//! floating-point numbers, and that it is out of reach is a failure.

use polars::lazy::dsl::{coalesce, max_horizontal, min_horizontal};
use polars::prelude::{DataType, Scalar};
use polars::prelude::{Expr, LiteralValue, NULL, NamedFrom, PlSmallStr, Series, col, lit, when};

use super::node::{Comparison, Function, Node, Operation, Target, Value};
use super::traits::{bound, can_fail, is_float};
use super::{Refused, function};

/// Up to here floating-point numbers tell of an integer that it has 64 bits,
/// with room for their rounding.
const LARGEST: f64 = 9_223_372_036_854_700_000.0;
const TOO_LARGE: &str = "a number grows to more than 64 bits; use smaller factors";
const BY_ZERO: &str = "it divides by zero; NULLIF(x, 0) makes zero a null, which no row has";

/// An expression of polars with what else has to be worked out.
#[derive(Debug)]
pub(super) struct Lowered {
    pub expr: Expr,
    /// Parts that need one column of text only, which the others name
    /// [`of_text`].
    pub texts: Vec<OfText>,
    pub failures: Vec<Failure>,
    /// What the others name [`step`], in this order: worked out once, however
    /// many name it.
    pub steps: Vec<Expr>,
    /// Places of the columns that all of them but `texts` read.
    pub inputs: Vec<usize>,
}

/// True or false of a text.
#[derive(Debug)]
pub(super) struct OfText {
    /// Place of the column among those that are read.
    pub column: usize,
    pub expr: Expr,
}

/// A row on which the expression fails.
#[derive(Debug)]
pub(super) struct Failure {
    pub when: Expr,
    pub why: Why,
}

/// What to say of it.
#[derive(Debug)]
pub(super) enum Why {
    Fixed(&'static str),
    /// This value does not convert.
    Convert {
        value: Expr,
        from: u8,
        target: Target,
    },
}

/// The name of a column with the answers of an [`OfText`].
pub(super) fn of_text(place: usize) -> PlSmallStr {
    // No column of a capture has such a name.
    PlSmallStr::from_string(format!("of text {place}"))
}

/// The name of a column with the answers of one of [`Lowered::steps`].
pub(super) fn step(place: usize) -> PlSmallStr {
    PlSmallStr::from_string(format!("step {place}"))
}

/// Lowers an expression over the columns with these names.
///
/// # Errors
/// [`Refused`] if it holds a number that is too large.
pub(super) fn lower(node: &Node, columns: &[&'static str]) -> Result<Lowered, Refused> {
    let (texts, failures, steps, inputs) = Default::default();
    let mut lowering = Lowering { columns, texts, failures, steps, inputs };
    let expr = lowering.truth(node, &None)?;
    let Lowering { texts, failures, steps, inputs, .. } = lowering;
    Ok(Lowered { expr, texts, failures, steps, inputs })
}

/// Which rows a part is asked about; none: all.
type Asked = Option<Expr>;

struct Lowering<'a> {
    columns: &'a [&'static str],
    texts: Vec<OfText>,
    failures: Vec<Failure>,
    steps: Vec<Expr>,
    inputs: Vec<usize>,
}

impl Lowering<'_> {
    /// A part that is true, false or null.
    fn truth(&mut self, node: &Node, asked: &Asked) -> Result<Expr, Refused> {
        match node {
            Node::Literal(Value::Null) => Ok(lit(NULL).cast(DataType::Boolean)),
            node => self.part(node, asked),
        }
    }

    fn part(&mut self, node: &Node, asked: &Asked) -> Result<Expr, Refused> {
        Ok(match node {
            Node::Literal(value) => literal(value)?,
            Node::Column(column) => {
                self.inputs.push(*column);
                col(self.columns[*column])
            }
            Node::All(parts) => self.chain(parts, false, asked)?,
            Node::Any(parts) => self.chain(parts, true, asked)?,
            Node::Not(part) => self.truth(part, asked)?.not(),
            Node::OfText { column, node } => {
                let (failures, steps) = (self.failures.len(), self.steps.len());
                let inputs = self.inputs.len();
                let expr = self.truth(node, asked)?;
                // A text of no row must not fail, and steps are of rows.
                if self.failures.len() > failures || self.steps.len() > steps {
                    return Ok(expr);
                }
                self.inputs.truncate(inputs);
                self.texts.push(OfText { column: *column, expr });
                col(of_text(self.texts.len() - 1))
            }
            Node::Compare(comparison, both) => {
                let (left, right) = (self.part(&both.0, asked)?, self.part(&both.1, asked)?);
                comparison.of(left, right)
            }
            Node::Same(both) => match (&both.0, &both.1) {
                (Node::Literal(Value::Null), other) | (other, Node::Literal(Value::Null)) => {
                    self.part(other, asked)?.is_null()
                }
                (left, right) => self.part(left, asked)?.eq_missing(self.part(right, asked)?),
            },
            Node::IsNull(part) => self.part(part, asked)?.is_null(),
            Node::Is(true, part) => self.truth(part, asked)?.fill_null(lit(false)),
            Node::Is(false, part) => self.truth(part, asked)?.fill_null(lit(true)).not(),
            Node::OneOf { node, values, or_null } => {
                let found = one_of(self.part(node, asked)?, values);
                match or_null {
                    true => when(found).then(lit(true)).otherwise(lit(NULL)),
                    false => found,
                }
            }
            Node::Like(part, regex) => {
                self.part(part, asked)?.str().contains(lit(regex.as_str()), true)
            }
            Node::Reckon(operation, both) => self.reckon(*operation, both, asked)?,
            Node::Negate(part) => self.times(part, -1, asked)?,
            Node::Scale(part, by) => self.times(part, *by, asked)?,
            Node::ToFloat(part, scale) => {
                let value = self.part(part, asked)?.cast(DataType::Float64);
                value / float(10_f64.powi((*scale).into()))
            }
            Node::Convert { node, from, target } => {
                let value = self.part(node, asked)?;
                self.fail(
                    function::does_not_convert(value.clone(), *from, *target),
                    Why::Convert { value: value.clone(), from: *from, target: *target },
                    asked,
                );
                function::converted(value, *from, *target)
            }
            Node::Call(function, parts) => self.call(function, parts, asked)?,
            Node::Case { when: branches, otherwise } => self.case(branches, otherwise, asked)?,
        })
    }

    fn fail(&mut self, when: Expr, why: Why, asked: &Asked) {
        let when = when.fill_null(lit(false));
        let when = match asked {
            Some(asked) => asked.clone().and(when),
            None => when,
        };
        self.failures.push(Failure { when, why });
    }

    /// An expression that several others need.
    fn named(&mut self, expr: Expr) -> Expr {
        self.steps.push(expr);
        col(step(self.steps.len() - 1))
    }

    /// The rows that are left where this holds, too.
    fn also(&mut self, asked: &Asked, open: Expr) -> Asked {
        let both = match asked {
            Some(asked) => asked.clone().and(open),
            None => open,
        };
        Some(self.named(both))
    }

    /// AND and OR: a part is asked about rows that those before it leave open.
    fn chain(&mut self, parts: &[Node], ends: bool, asked: &Asked) -> Result<Expr, Refused> {
        let mut asked = asked.clone();
        let mut lowered = Vec::with_capacity(parts.len());
        for (place, part) in parts.iter().enumerate() {
            let mut expr = self.truth(part, &asked)?;
            // Only what can fail has to know.
            if parts[place + 1..].iter().any(can_fail) {
                expr = self.named(expr);
                let open = match ends {
                    true => expr.clone().fill_null(lit(false)).not(),
                    false => expr.clone().fill_null(lit(true)),
                };
                asked = self.also(&asked, open);
            }
            lowered.push(expr);
        }
        Ok(balanced(lowered, if ends { Expr::or } else { Expr::and }))
    }

    fn case(
        &mut self,
        branches: &[(Node, Node)],
        otherwise: &Node,
        asked: &Asked,
    ) -> Result<Expr, Refused> {
        let mut asked = asked.clone();
        let mut lowered = Vec::with_capacity(branches.len());
        let fails = can_fail(otherwise)
            || branches.iter().any(|(condition, result)| can_fail(condition) || can_fail(result));
        for (condition, result) in branches {
            let holds = self.truth(condition, &asked)?.fill_null(lit(false));
            if !fails {
                lowered.push((holds, self.part(result, &asked)?));
                continue;
            }
            let holds = self.named(holds);
            let here = self.also(&asked, holds.clone());
            lowered.push((holds.clone(), self.part(result, &here)?));
            asked = self.also(&asked, holds.not());
        }
        let otherwise = self.part(otherwise, &asked)?;
        Ok(lowered.into_iter().rev().fold(otherwise, |otherwise, (holds, result)| {
            when(holds).then(result).otherwise(otherwise)
        }))
    }

    fn times(&mut self, part: &Node, by: i128, asked: &Asked) -> Result<Expr, Refused> {
        let value = self.part(part, asked)?;
        if is_float(part) {
            return Ok(value * float(by as f64));
        }
        let by = i64::try_from(by).map_err(|_| too_large(by))?;
        let most = bound(part) * by.unsigned_abs() as f64;
        self.bounded(most, value.clone(), integer(by), |a, b| a * b, asked);
        Ok(value * integer(by))
    }

    /// That the result has 64 bits.
    fn bounded(
        &mut self,
        most: f64,
        left: Expr,
        right: Expr,
        reckon: fn(Expr, Expr) -> Expr,
        asked: &Asked,
    ) {
        if most > LARGEST {
            let wide = reckon(left.cast(DataType::Float64), right.cast(DataType::Float64));
            let out = wide.clone().gt(float(LARGEST)).or(wide.lt(float(-LARGEST)));
            self.fail(out, Why::Fixed(TOO_LARGE), asked);
        }
    }

    fn reckon(
        &mut self,
        operation: Operation,
        both: &(Node, Node),
        asked: &Asked,
    ) -> Result<Expr, Refused> {
        let (left, right) = (self.part(&both.0, asked)?, self.part(&both.1, asked)?);
        let floats = is_float(&both.0) || is_float(&both.1);
        let divides =
            matches!(operation, Operation::Divide | Operation::DivideWhole | Operation::Remainder);
        if divides {
            let zero = if floats { float(0.0) } else { integer(0) };
            self.fail(right.clone().eq(zero), Why::Fixed(BY_ZERO), asked);
        }
        let (a, b) = (bound(&both.0), bound(&both.1));
        let (most, reckon): (f64, fn(Expr, Expr) -> Expr) = match operation {
            Operation::Add => (a + b, |a, b| a + b),
            Operation::Subtract => (a + b, |a, b| a - b),
            Operation::Multiply => (a * b, |a, b| a * b),
            Operation::Divide => return Ok(left / right),
            Operation::DivideWhole => {
                // The smallest by -1.
                self.bounded(a, left.clone(), right.clone(), |a, b| a / b, asked);
                return Ok(function::divided(left, right));
            }
            Operation::Remainder if floats => return Ok(function::float_remainder(left, right)),
            Operation::Remainder => return Ok(function::remainder(left, right)),
            Operation::And => return Ok(left.and(right)),
            Operation::Or => return Ok(left.or(right)),
        };
        if !floats {
            self.bounded(most, left.clone(), right.clone(), reckon, asked);
        }
        Ok(reckon(left, right))
    }

    fn call(
        &mut self,
        function: &Function,
        parts: &[Node],
        asked: &Asked,
    ) -> Result<Expr, Refused> {
        if let Function::Coalesce = function {
            let (mut asked, mut lowered) = (asked.clone(), Vec::new());
            for part in parts {
                let mut expr = self.part(part, &asked)?;
                if parts.iter().any(can_fail) {
                    expr = self.named(expr);
                    asked = self.also(&asked, expr.clone().is_null());
                }
                lowered.push(expr);
            }
            return Ok(coalesce(&lowered));
        }
        let mut lowered = Vec::new();
        for part in parts {
            lowered.push(self.part(part, asked)?);
        }
        if let Function::Absolute = function
            && !is_float(&parts[0])
            && bound(&parts[0]) > LARGEST
        {
            let smallest = lowered[0].clone().eq(integer(i64::MIN));
            self.fail(smallest, Why::Fixed(TOO_LARGE), asked);
        }
        let horizontal = |made: polars::prelude::PolarsResult<Expr>| {
            made.map_err(|_| Refused("greatest and least need values".to_owned()))
        };
        let mut next = {
            let mut parts = lowered.clone().into_iter();
            move || parts.next().unwrap_or_else(|| lit(NULL))
        };
        Ok(match function {
            Function::Lower => function::lower(next()),
            Function::Upper => function::upper(next()),
            Function::Length => next().str().len_chars().cast(DataType::Int64),
            Function::Absolute => next().abs(),
            Function::StartsWith => next().str().starts_with(next()),
            Function::EndsWith => next().str().ends_with(next()),
            Function::Contains => next().str().contains_literal(next()),
            Function::Concatenate => next() + next(),
            Function::Matches(regex) => next().str().contains(lit(regex.as_str()), true),
            Function::Coalesce => next(),
            Function::Greatest => horizontal(max_horizontal(lowered))?,
            Function::Least => horizontal(min_horizontal(lowered))?,
            Function::NullIf => {
                let (value, other) = (next(), next());
                when(value.clone().eq(other).fill_null(lit(false))).then(lit(NULL)).otherwise(value)
            }
        })
    }
}

impl Comparison {
    fn of(self, left: Expr, right: Expr) -> Expr {
        match self {
            Self::Equal => left.eq(right),
            Self::NotEqual => left.neq(right),
            Self::Less => left.lt(right),
            Self::LessOrEqual => left.lt_eq(right),
            Self::Greater => left.gt(right),
            Self::GreaterOrEqual => left.gt_eq(right),
        }
    }
}

/// Joined in pairs, so that a long chain is not a deep one.
fn balanced(mut parts: Vec<Expr>, join: fn(Expr, Expr) -> Expr) -> Expr {
    while parts.len() > 1 {
        let mut rest = parts.into_iter();
        parts = Vec::with_capacity(rest.len().div_ceil(2));
        while let Some(left) = rest.next() {
            parts.push(match rest.next() {
                Some(right) => join(left, right),
                None => left,
            });
        }
    }
    parts.pop().unwrap_or_else(|| lit(true))
}

fn too_large(number: i128) -> Refused {
    Refused(format!("{number} is too large; integers have 64 bits here"))
}

/// A number with its type: polars takes others for the smallest that holds them,
/// and reckons in that.
fn integer(value: i64) -> Expr {
    Expr::Literal(LiteralValue::Scalar(Scalar::from(value)))
}

fn float(value: f64) -> Expr {
    Expr::Literal(LiteralValue::Scalar(Scalar::from(value)))
}

fn literal(value: &Value) -> Result<Expr, Refused> {
    Ok(match value {
        Value::Null => lit(NULL),
        Value::Bool(value) => lit(*value),
        Value::Exact(value) => integer(i64::try_from(*value).map_err(|_| too_large(*value))?),
        Value::Float(value) => float(*value),
        Value::Text(text) => lit(&**text),
    })
}

fn one_of(value: Expr, values: &[Value]) -> Expr {
    let name = PlSmallStr::EMPTY;
    let list = match values.first() {
        Some(Value::Exact(_)) => {
            // No column holds what has more than 64 bits.
            let numbers = values.iter().filter_map(|value| match value {
                Value::Exact(number) => i64::try_from(*number).ok(),
                _ => None,
            });
            Series::new(name, numbers.collect::<Vec<_>>())
        }
        Some(Value::Float(_)) => {
            let numbers = values.iter().filter_map(|value| match value {
                Value::Float(number) => Some(*number),
                _ => None,
            });
            Series::new(name, numbers.collect::<Vec<_>>())
        }
        Some(Value::Text(_)) => {
            let texts = values.iter().filter_map(|value| match value {
                Value::Text(text) => Some(&**text),
                _ => None,
            });
            Series::new(name, texts.collect::<Vec<_>>())
        }
        Some(Value::Bool(_)) => {
            let either = values.iter().map(|one| match one {
                Value::Bool(one) => value.clone().eq(lit(*one)),
                _ => lit(NULL).cast(DataType::Boolean),
            });
            return balanced(either.collect(), Expr::or);
        }
        // Only null was in it.
        Some(Value::Null) | None => {
            return when(value.is_null()).then(lit(NULL)).otherwise(lit(false));
        }
    };
    value.is_in(
        Expr::Literal(LiteralValue::Series(polars::prelude::SpecialEq::new(list))).implode(true),
        false,
    )
}
