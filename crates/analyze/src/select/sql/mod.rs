//! `--where`: an SQL expression that is true or false of one connect.
//!
//! `sqlparser` reads the text ([`text`]). [`check`] takes the few kinds of
//! expression that have a clear meaning for one row, gives each a type, and
//! refuses all others with what to write instead. [`lower`] makes an expression
//! of polars of it, which [`evaluate`] asks of each row. What is taken means what
//! it means to DuckDB; where a number grows beyond 64 bits it is refused.
//!
//! Nothing else of this program knows polars.

mod cast;
mod check;
mod evaluate;
mod function;
mod like;
mod literal;
mod lower;
mod node;
mod prune;
mod text;
mod traits;

use std::sync::Arc;

use arrow::buffer::BooleanBuffer;
use arrow::record_batch::RecordBatch;

use super::Unusable;
use crate::columns::schema;
use crate::guard;
use lower::Lowered;
use node::Node;
pub use prune::{Bounds, Known, Nulls};

const NOT_UNDERSTOOD: &str = "it is not understood; use a simpler expression";
const CANNOT: &str = "--where cannot be used";
const FAILS: &str = "--where fails on a row";
/// Stack for reading an expression, bytes: ten times what the deepest takes in
/// a debug build.
const STACK: usize = 32 << 20;

/// Why an expression is not taken, in words for whoever typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refused(String);

/// Why a row has no answer, in words for whoever typed the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failed(String);

/// An expression over the columns that is true or false for a row.
#[derive(Debug, Clone)]
pub struct Condition {
    node: Arc<Node>,
    lowered: Arc<Lowered>,
    columns: Vec<&'static str>,
}

impl Condition {
    /// From SQL as typed.
    ///
    /// # Errors
    /// [`Unusable`] if it is not such an expression.
    pub fn new(sql: &str) -> Result<Self, Unusable> {
        let build = || {
            guard::caught(|| {
                let expression = text::parse(sql)?;
                let mut columns = Vec::new();
                let node = check::condition(&expression, &mut columns)?;
                let lowered = Arc::new(lower::lower(&node, &columns)?);
                // Tried on no rows: what polars does not take is found before a
                // file is read.
                let none = RecordBatch::new_empty(schema());
                match evaluate::mask(&lowered, &columns, &none) {
                    Ok(_) => Ok(Self { node: Arc::new(node), lowered, columns }),
                    Err(_) => Err(Refused(NOT_UNDERSTOOD.to_owned())),
                }
            })
        };
        // What stands within each other costs stack, of which a thread's own
        // has enough whatever `ulimit -s` says.
        let built = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, build);
            thread.ok().and_then(|thread| thread.join().ok())
        });
        match built {
            Some(Ok(Ok(condition))) => Ok(condition),
            Some(Ok(Err(Refused(why)))) => Err(Unusable::new(CANNOT, why)),
            Some(Err(_)) | None => Err(Unusable::new(CANNOT, NOT_UNDERSTOOD)),
        }
    }

    /// The columns it reads.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.columns.iter().copied()
    }

    /// Whether it can hold for a row among those of which `known` tells, by
    /// column, what all of them have.
    pub fn may_hold<'a>(&self, known: &dyn Fn(&'static str) -> Known<'a>) -> bool {
        prune::may_hold(&self.node, &|column| {
            self.columns.get(column).map_or_else(Known::default, |name| known(name))
        })
    }

    /// Of which rows it holds.
    ///
    /// # Errors
    /// [`Unusable`] if it cannot be told of some.
    pub fn mask(&self, rows: &RecordBatch) -> Result<BooleanBuffer, Unusable> {
        match guard::caught(|| evaluate::mask(&self.lowered, &self.columns, rows)) {
            Ok(Ok(Ok(mask))) => Ok(mask),
            Ok(Ok(Err(Failed(why)))) => Err(Unusable::new(FAILS, why)),
            // Whatever a library says about it is not for users.
            Ok(Err(_)) | Err(_) => Err(Unusable::new(FAILS, NOT_UNDERSTOOD)),
        }
    }
}

/// Text of an expression or a value, short enough for a message.
fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = crate::escape::terminal(text);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}…`", &line[..end]),
        None => format!("`{line}`"),
    }
}

#[cfg(test)]
mod tests;
