//! Calls of functions.

use polars::lazy::dsl::{coalesce, max_horizontal, min_horizontal};
use polars::prelude::{DataType, Expr, NULL, lit, when};

use super::super::node::{Function, Node};
use super::super::traits::{bound, can_fail, is_float};
use super::super::{Refused, function};
use super::arithmetic::LARGEST;
use super::literal::integer;
use super::{Asked, Lowering, TOO_LARGE, Why};

impl Lowering<'_> {
    pub(super) fn call(
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
