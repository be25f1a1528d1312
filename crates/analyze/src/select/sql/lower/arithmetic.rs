//! Arithmetic in 64 bits, and when it fails.

use polars::prelude::{DataType, Expr};

use super::super::node::{Node, Operation};
use super::super::traits::{bound, is_float};
use super::super::{Refused, function};
use super::literal::{float, integer, too_large};
use super::{Asked, Lowering, TOO_LARGE, Why};

/// Up to here floating-point numbers tell of an integer that it has 64 bits,
/// with room for their rounding.
pub(super) const LARGEST: f64 = 9_223_372_036_854_700_000.0;
const BY_ZERO: &str = "it divides by zero; NULLIF(x, 0) makes zero a null, which no row has";

impl Lowering<'_> {
    pub(super) fn times(&mut self, part: &Node, by: i128, asked: &Asked) -> Result<Expr, Refused> {
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

    pub(super) fn reckon(
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
}
