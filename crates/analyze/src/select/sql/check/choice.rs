//! LIKE and CASE.

use sqlparser::ast::{CaseWhen, Expr, Value as Sql, ValueWithSpan};

use super::super::like;
use super::super::node::{Comparison, Node, Value};
use super::super::text::DEEPEST;
use super::super::{Refused, quote};
use super::compare::comparison;
use super::{COPIED, Check, Kind, Typed, refused, unify};

impl Check<'_> {
    pub(super) fn like(
        &mut self,
        value: &Expr,
        pattern: &Expr,
        escape: Option<&ValueWithSpan>,
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

    pub(super) fn case(
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
