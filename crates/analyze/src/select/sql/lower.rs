//! A checked expression becomes one of polars, which works on whole columns.
//!
//! polars neither fails on a row nor ends an AND at the first part that is
//! false; integers wrap there, and dividing by zero gives something. So beside
//! each expression stands when it fails: only on rows that it is asked about.
//! Integers have 64 bits: what may grow beyond is reckoned a second time as
//! floating-point numbers, and that it is out of reach is a failure.

mod arithmetic;
mod call;
mod literal;

use polars::prelude::{DataType, Expr, NULL, PlSmallStr, col, lit, when};

use super::node::{Comparison, Node, Target, Value};
use super::traits::can_fail;
use super::{Refused, function};
use literal::{float, literal, one_of};

const TOO_LARGE: &str = "a number grows to more than 64 bits; use smaller factors";

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
