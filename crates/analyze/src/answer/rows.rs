//! The rows of a table: all of them, or made one by one where they are too many
//! to be held.

use std::borrow::Cow;

use super::Cell;
use crate::scan::ScanError;

/// The rows of a table; each has a cell per column.
pub enum Rows<'a> {
    /// All of them.
    All(Vec<Vec<Cell>>),
    /// Read when they are asked for, as often as they are.
    Read(Box<dyn Read + 'a>),
}

/// Rows that are read when they are asked for. There is at least one.
pub trait Read {
    /// Each row, in order.
    fn rows(&self) -> Box<dyn Iterator<Item = Result<Vec<Cell>, ScanError>> + '_>;
    /// Whether a column holds text, in every row.
    fn is_text(&self, column: usize) -> bool;
}

impl Default for Rows<'_> {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Rows<'_> {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::All(rows) if rows.is_empty())
    }

    /// The rows if they are held, and none of those that are read.
    pub fn held(&self) -> &[Vec<Cell>] {
        match self {
            Self::All(rows) => rows,
            Self::Read(_) => &[],
        }
    }

    /// The rows if they are held, to be cut.
    pub fn held_mut(&mut self) -> Option<&mut Vec<Vec<Cell>>> {
        match self {
            Self::All(rows) => Some(rows),
            Self::Read(_) => None,
        }
    }

    /// Each row, in order; nothing comes after an error.
    pub fn each(&self) -> Box<dyn Iterator<Item = Result<Cow<'_, [Cell]>, ScanError>> + '_> {
        match self {
            Self::All(rows) => Box::new(rows.iter().map(|row| Ok(Cow::from(row)))),
            Self::Read(read) => Box::new(read.rows().map(|row| row.map(Cow::from))),
        }
    }

    /// Whether a cell of this column is text.
    pub fn is_text(&self, column: usize) -> bool {
        match self {
            Self::All(rows) => rows.iter().any(|row| matches!(row[column], Cell::Text(_))),
            Self::Read(read) => read.is_text(column),
        }
    }
}
