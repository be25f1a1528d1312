//! Single connects as a table, with the names of addresses and pods beside them
//! if there are any.

use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, ERRNO, HOST, LATENCY_NS, OUTCOME, RTT_US, SYN_RETRANSMITS, TIME,
};

use super::{AnswerTable, Cell, Column, Kind};
use crate::columns::{NAME, POD};
use crate::names::Names;
use crate::scan::listing::COLUMNS;
use crate::stats::Key;

/// The columns in order: those of a listing, and names beside them.
fn in_order(named: bool) -> impl Iterator<Item = &'static str> {
    COLUMNS.into_iter().flat_map(move |column| {
        let beside = match column {
            DST_ADDR if named => Some(NAME),
            CGROUP if named => Some(POD),
            _ => None,
        };
        std::iter::once(column).chain(beside)
    })
}

/// The columns.
pub fn columns(named: bool) -> Vec<Column> {
    in_order(named).map(column).collect()
}

fn column(name: &'static str) -> Column {
    let (title, kind, detail) = match name {
        TIME => ("time (UTC)", Kind::Time(6), 0),
        LATENCY_NS => ("latency", Kind::Duration, 0),
        OUTCOME => (name, Kind::Name, 0),
        ERRNO => (name, Kind::Name, 3),
        SYN_RETRANSMITS => ("retrans", Kind::Count, 2),
        RTT_US => ("rtt µs", Kind::Name, 4),
        COMM => (name, Kind::Name, 0),
        DST_ADDR => (name, Kind::Name, 0),
        CGROUP => (name, Kind::Name, 6),
        HOST => (name, Kind::Name, 5),
        name => (name, Kind::Name, 1),
    };
    Column::new(name, title, kind, detail)
}

/// The cells of a row with the keys of [`COLUMNS`].
pub fn cells(row: Vec<Key>, names: Option<&Names>) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(row.len() + 2);
    for (column, key) in COLUMNS.into_iter().zip(row) {
        let name = match (names, column, &key) {
            (Some(names), DST_ADDR, Key::Text(address)) => Some(names.of(address)),
            (Some(names), CGROUP, Key::Text(cgroup)) => Some(names.pod(cgroup)),
            _ => None,
        };
        let name = name.map(|name| Cell::Text(name.to_owned()));
        cells.push(Cell::from(key));
        cells.extend(name);
    }
    cells
}

/// Whether a column holds text, in every row.
pub fn is_text(column: usize, named: bool) -> bool {
    let text = |name| matches!(name, OUTCOME | COMM | DST_ADDR | CGROUP | HOST | NAME | POD);
    in_order(named).nth(column).is_some_and(text)
}

impl AnswerTable<'_> {
    /// Rows with the keys of [`COLUMNS`].
    pub fn single(rows: Vec<Vec<Key>>, names: Option<&Names>) -> Self {
        let rows = rows.into_iter().map(|row| cells(row, names)).collect();
        Self::of(columns(names.is_some()), rows)
    }
}
