//! Tables of the page: cells as people read them, with their exact value for
//! sorting and for whoever reads the page with a program.

use serde::Serialize;

use crate::answer::{self, AnswerTable, Cell, Kind};
use crate::output::layout::{is_right, shown};

/// Columns with more detail are left to `--format json`.
const DETAIL: u8 = 7;

/// One table.
#[derive(Debug, Serialize)]
pub struct Table {
    pub id: &'static str,
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Shown>>,
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Column {
    /// As in JSON.
    pub name: String,
    pub title: String,
    /// Whether it is set flush right.
    pub right: bool,
}

#[derive(Debug, Serialize)]
pub struct Shown {
    pub text: String,
    /// The exact value, if it is no text: ns, µs since 1970, counts, shares.
    pub value: Option<String>,
}

/// A table of an answer, without some columns.
pub fn of(id: &'static str, caption: &str, table: &AnswerTable, hidden: &[&str]) -> Table {
    let shown = |column: &answer::Column| {
        // The row of everything has room for all.
        let detailed = column.detail > DETAIL && id != "rows";
        !detailed && !hidden.contains(&column.name.as_str())
    };
    let columns = table.columns.iter().enumerate().filter(|(_, column)| shown(column));
    let kept: Vec<usize> = columns.map(|(index, _)| index).collect();
    let column = |index: &usize| {
        let column = &table.columns[*index];
        let right = is_right(table, *index);
        Column { name: column.name.clone(), title: column.title.clone(), right }
    };
    let cells = |row: &Vec<Cell>| {
        kept.iter().map(|index| cell(&row[*index], table.columns[*index].kind)).collect()
    };
    Table {
        id,
        caption: caption.to_owned(),
        columns: kept.iter().map(column).collect(),
        rows: table.rows.held().iter().map(cells).collect(),
        notes: table.notes.clone(),
    }
}

/// One cell.
pub fn cell(cell: &Cell, kind: Kind) -> Shown {
    let value = match cell {
        Cell::Integer(value) => Some(value.to_string()),
        Cell::Ratio(value) => Some(value.to_string()),
        Cell::Null | Cell::TooSmall | Cell::Text(_) => None,
    };
    Shown { text: shown(cell, kind), value }
}
