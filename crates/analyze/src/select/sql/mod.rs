//! `--where`: an SQL expression that is true or false of one connect.
//!
//! `sqlparser` reads the text ([`text`]). [`check`] takes the few kinds of
//! expression that have a clear meaning for one row, gives each a type, and
//! refuses all others with what to write instead. [`evaluate`] then tells of
//! each row whether it holds. What is taken means what it means to DuckDB;
//! integers are exact, with up to 38 digits, where DuckDB has fewer.

mod cast;
mod check;
mod evaluate;
mod function;
mod like;
mod literal;
mod node;
mod text;

use arrow::buffer::BooleanBuffer;
use arrow::record_batch::RecordBatch;

use super::Unusable;
use crate::guard;
use evaluate::Rows;
use node::Node;

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
    node: Node,
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
                Ok(Self { node, columns })
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
            Some(Err(_)) | None => {
                Err(Unusable::new(CANNOT, "it is not understood; use a simpler expression"))
            }
        }
    }

    /// The columns it reads.
    pub fn columns(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.columns.iter().copied()
    }

    /// Of which rows it holds.
    ///
    /// # Errors
    /// [`Unusable`] if it cannot be told of some.
    pub fn mask(&self, rows: &RecordBatch) -> Result<BooleanBuffer, Unusable> {
        let columns = Rows::of(rows, &self.columns);
        let mut failed = None;
        let mask = BooleanBuffer::collect_bool(rows.num_rows(), |row| {
            if failed.is_some() {
                return false;
            }
            columns.holds(&self.node, row).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        });
        match failed {
            Some(Failed(why)) => Err(Unusable::new(FAILS, why)),
            None => Ok(mask),
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
