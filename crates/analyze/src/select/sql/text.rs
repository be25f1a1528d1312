//! The typed text becomes an expression, all of it or none.

use std::borrow::Cow;

use sqlparser::ast::Expr;
use sqlparser::dialect::DuckDbDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

use super::{Refused, literal, quote};

/// More is not typed by people.
const LONGEST: usize = 4_000;
/// Brackets and the like within each other. Each costs stack.
pub(super) const DEEPEST: usize = 40;

/// Reads an expression.
pub(super) fn parse(sql: &str) -> Result<Expr, Refused> {
    if sql.len() > LONGEST {
        return Err(Refused(format!("it is longer than {LONGEST} bytes; use a shorter one")));
    }
    let dialect = DuckDbDialect;
    let tokens = Tokenizer::new(&dialect, sql).tokenize().map_err(|_| {
        Refused("a quote or a comment in it does not end; text stands in single quotes".to_owned())
    })?;
    let tokens = with_units(tokens);
    if tokens.iter().all(|token| matches!(token, Token::Whitespace(_))) {
        return Err(Refused("it is empty; use an expression such as dst_port = 443".to_owned()));
    }
    // Each pair of brackets takes two steps of the parser.
    let mut parser = Parser::new(&dialect).with_recursion_limit(2 * DEEPEST).with_tokens(tokens);
    let expression = parser.parse_expr();
    let next = parser.peek_token().token;
    match expression {
        Ok(expression) if next == Token::EOF => Ok(expression),
        Ok(_) => {
            parser.prev_token();
            Err(left_over(&parser.peek_token().token, &next))
        }
        Err(sqlparser::parser::ParserError::RecursionLimitExceeded) => Err(too_deep()),
        Err(_) if next == Token::EOF => Err(Refused("it ends too early".to_owned())),
        Err(_) => Err(Refused(format!("it is not understood near {}", shown(&next)))),
    }
}

pub(super) fn too_deep() -> Refused {
    Refused(format!("more than {DEEPEST} parts stand within each other; use a simpler one"))
}

fn shown(token: &Token) -> String {
    quote(&token.to_string())
}

fn left_over(before: &Token, next: &Token) -> Refused {
    let what = shown(next);
    Refused(match (before, next) {
        (Token::Number(..) | Token::Placeholder(_), Token::Word(_)) => {
            format!("{what} is not a unit; use ns, us, ms, s, min or h, as in 50ms")
        }
        (_, Token::SemiColon) => "it goes on after `;`; use one expression".to_owned(),
        _ => format!("{what} does not belong to it; use one whole expression"),
    })
}

/// Joins a number and its unit into one token, which the parser takes for a
/// parameter: SQL has no such literals. So are the parts of 50_000.
fn with_units(tokens: Vec<Token>) -> Vec<Token> {
    let mut joined: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let Token::Number(digits, false) = token else {
            joined.push(token);
            continue;
        };
        let mut number = digits;
        let mut word = plain_word(tokens.peek()).map(str::to_owned);
        if let Some((more, unit)) = word.as_deref().and_then(more_digits) {
            number.push_str(&more);
            word = (!unit.is_empty()).then(|| unit.to_owned());
            tokens.next();
            if let Some(unit) = word {
                joined.push(match literal::unit(&unit) {
                    Some(_) => Token::Placeholder(format!("{number}{unit}")),
                    None => Token::Placeholder(format!("{number}_{unit}")),
                });
                continue;
            }
            word = plain_word(tokens.peek()).map(str::to_owned);
        }
        let mut spaces = Vec::new();
        if word.is_none() {
            while let Some(Token::Whitespace(Whitespace::Space)) = tokens.peek() {
                spaces.extend(tokens.next());
            }
            word = plain_word(tokens.peek()).map(str::to_owned);
        }
        match word.filter(|word| literal::unit(word).is_some()) {
            Some(unit) => {
                tokens.next();
                joined.push(Token::Placeholder(format!("{number}{unit}")));
            }
            None => {
                joined.push(Token::Number(number, false));
                joined.extend(spaces);
            }
        }
    }
    joined
}

fn plain_word(token: Option<&Token>) -> Option<&str> {
    match token {
        Some(Token::Word(word)) if word.quote_style.is_none() => Some(&word.value),
        _ => None,
    }
}

/// Digits after underscores, and what follows them: `_000ms`.
fn more_digits(word: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = word.find(|c: char| c != '_' && !c.is_ascii_digit()).unwrap_or(word.len());
    let (digits, unit) = word.split_at(end);
    let mut groups = digits.split('_');
    let well_formed = groups.next() == Some("") && groups.all(|group| !group.is_empty());
    (well_formed && end > 0).then(|| (digits.replace('_', "").into(), unit))
}
