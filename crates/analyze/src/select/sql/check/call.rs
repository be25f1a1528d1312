//! Calls of functions, and casts.

use sqlparser::ast::{
    CastKind, DataType, Expr, Function as Call, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use super::super::function::{self, KNOWN};
use super::super::like;
use super::super::node::{Function, Node, Target, TargetKind};
use super::super::{Refused, quote};
use super::{COPIED, Check, Kind, Typed, refused, unify};

pub(super) use function::is_of_now;

/// Text after text.
pub(super) fn concatenate(left: Typed, right: Typed, text: String) -> Result<Typed, Refused> {
    for side in [&left, &right] {
        if side.kind != Kind::Text {
            return refused(format!(
                "`||` joins text; {} is {}",
                quote(&side.text),
                side.kind.name()
            ));
        }
    }
    let parts = vec![left.node, right.node];
    Ok(Typed::new(Node::Call(Function::Concatenate, parts), Kind::Text, text))
}

impl Check<'_> {
    pub(super) fn function(
        &mut self,
        call: &Call,
        depth: usize,
        text: String,
    ) -> Result<Typed, Refused> {
        let name = call.name.to_string().to_lowercase();
        if function::is_of_many(&name) || call.over.is_some() {
            return refused(format!(
                "{} takes more than one connect to tell; use an expression about one",
                quote(&text)
            ));
        }
        if is_of_now(&name) {
            return refused("the time of now says nothing of a capture; use --from -10m");
        }
        let plain = call.filter.is_none()
            && call.null_treatment.is_none()
            && call.within_group.is_empty()
            && matches!(call.parameters, FunctionArguments::None);
        let arguments = match &call.args {
            FunctionArguments::List(list)
                if plain && list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                list.args
                    .iter()
                    .map(|argument| match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                        _ => None,
                    })
                    .collect::<Option<Vec<&Expr>>>()
            }
            _ => None,
        };
        let unknown =
            || Refused(format!("the function {} is not known; these are: {KNOWN}", quote(&name)));
        let arguments = arguments.ok_or_else(unknown)?;
        let parts = arguments
            .into_iter()
            .map(|argument| self.part(argument, depth + if name == "nullif" { COPIED } else { 0 }))
            .collect::<Result<Vec<_>, _>>()?;
        let wrong = |expected: &str| {
            refused::<Typed>(format!("{} takes {expected}; see {}", quote(&name), quote(&text)))
        };
        let kinds: Vec<Kind> = parts.iter().map(|part| part.kind).collect();
        let one_text = matches!(kinds[..], [Kind::Text]);
        let two_texts = matches!(kinds[..], [Kind::Text, Kind::Text]);
        let nodes = |parts: Vec<Typed>| parts.into_iter().map(|part| part.node).collect();
        let typed = |function, parts, kind| {
            Ok(Typed::new(Node::Call(function, nodes(parts)), kind, text.clone()))
        };
        match name.as_str() {
            "lower" | "lcase" if one_text => typed(Function::Lower, parts, Kind::Text),
            "upper" | "ucase" if one_text => typed(Function::Upper, parts, Kind::Text),
            "length" | "len" | "char_length" | "character_length" if one_text => {
                typed(Function::Length, parts, Kind::Number(0))
            }
            "lower" | "lcase" | "upper" | "ucase" | "length" | "len" | "char_length"
            | "character_length" => wrong("one text"),
            "starts_with" if two_texts => typed(Function::StartsWith, parts, Kind::Bool),
            "ends_with" | "suffix" if two_texts => typed(Function::EndsWith, parts, Kind::Bool),
            "contains" if two_texts => typed(Function::Contains, parts, Kind::Bool),
            "starts_with" | "ends_with" | "suffix" | "contains" => wrong("two texts"),
            "regexp_matches" => match (two_texts, parts.last().and_then(Typed::literal_text)) {
                (true, Some(pattern)) => {
                    let function = Function::Matches(like::regex(pattern)?);
                    typed(function, parts.into_iter().take(1).collect(), Kind::Bool)
                }
                _ => wrong("a text and a pattern in single quotes"),
            },
            "abs" => match kinds[..] {
                [kind @ (Kind::Number(_) | Kind::Float | Kind::Duration)] => {
                    let unit = parts[0].unit;
                    typed(Function::Absolute, parts, kind).map(|typed| Typed { unit, ..typed })
                }
                _ => wrong("one number"),
            },
            "greatest" | "least" if kinds.contains(&Kind::Text) => wrong("numbers"),
            "coalesce" | "ifnull" | "greatest" | "least" if !parts.is_empty() => {
                let function = match name.as_str() {
                    "greatest" => Function::Greatest,
                    "least" => Function::Least,
                    _ => Function::Coalesce,
                };
                let (parts, kind) = unify::all_of_one_kind(parts)?;
                typed(function, parts, kind)
            }
            "nullif" if parts.len() == 2 => {
                let (parts, kind) = unify::all_of_one_kind(parts)?;
                typed(Function::NullIf, parts, kind)
            }
            "coalesce" | "ifnull" | "greatest" | "least" | "nullif" => wrong("values of one kind"),
            _ => Err(unknown()),
        }
    }

    pub(super) fn cast(
        &mut self,
        kind: &CastKind,
        expression: &Expr,
        data_type: &DataType,
        depth: usize,
        text: String,
    ) -> Result<Typed, Refused> {
        let part = self.part(expression, depth)?;
        let name = data_type.to_string().to_uppercase();
        let or_null = matches!(kind, CastKind::TryCast | CastKind::SafeCast);
        let (to, result) = match name.as_str() {
            "TINYINT" | "INT1" => (TargetKind::Integer(8), Kind::Number(0)),
            "SMALLINT" | "INT2" => (TargetKind::Integer(16), Kind::Number(0)),
            "INTEGER" | "INT" | "INT4" => (TargetKind::Integer(32), Kind::Number(0)),
            "BIGINT" | "INT8" | "INT64" => (TargetKind::Integer(64), Kind::Number(0)),

            "DOUBLE" | "DOUBLE PRECISION" | "FLOAT8" => (TargetKind::Double, Kind::Float),
            "VARCHAR" | "TEXT" | "STRING" => (TargetKind::Text, Kind::Text),
            _ if name.starts_with("TIMESTAMP") || name == "DATE" => {
                return match part.literal_text() {
                    Some(_) => unify::to_time(part),
                    None => refused("times are not converted; use --from and --to"),
                };
            }
            _ => {
                return refused(format!(
                    "there is no type {}; CAST takes INTEGER, BIGINT, DOUBLE and VARCHAR",
                    quote(&name)
                ));
            }
        };
        let from = match (part.kind, to) {
            (Kind::Number(scale), TargetKind::Integer(_) | TargetKind::Double) => scale,
            (Kind::Number(0) | Kind::Text, _) => 0,
            (Kind::Float, TargetKind::Integer(_) | TargetKind::Double) => 0,
            (kind, _) => {
                return refused(format!(
                    "{} is {}, which is not converted to {name}",
                    quote(&part.text),
                    kind.name()
                ));
            }
        };
        let unit = part.unit.filter(|_| to == TargetKind::Integer(64));
        let target = Target { kind: to, or_null };
        let node = Node::Convert { node: part.node.into(), from, target };
        Ok(Typed { unit, ..Typed::new(node, result, text) })
    }
}
