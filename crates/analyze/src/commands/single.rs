//! Single connects: what `slowest` and `events` share.

use std::sync::Arc;

use clap::Args;
use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, ERRNO, HOST, LATENCY_NS, OUTCOME, RTT_US, SYN_RETRANSMITS, TIME,
};

use super::{Answered, AskError, Run};
use crate::answer::{AnswerTable, Cell, Column, Kind, Read, Rows};
use crate::cli::args::Input;
use crate::columns::{NAME, POD};
use crate::names::Names;
use crate::scan::listing::{COLUMNS, Listing};
use crate::scan::top::RowOrder;
use crate::scan::{Budget, Rows as Which, ScanError};
use crate::stats::Key;
use crate::units;

/// Bytes of texts in rows that are held, not read again for each use of them.
const TEXTS: usize = 32 << 20;

/// Arguments of commands about single connects.
#[derive(Debug, Args)]
pub struct Single {
    /// Number of connects to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    #[command(flatten)]
    pub input: Input,
}

impl Single {
    /// The first rows in an order.
    ///
    /// # Errors
    /// As the scan.
    pub fn ask<'r>(
        &self,
        run: &'r Run<'_>,
        order: RowOrder,
        rows: Which,
    ) -> Result<Answered<'r>, AskError> {
        let listing = Listing::find(&run.scan, order, rows, self.top)?;
        let (len, count, selected) = (listing.len, listing.count, listing.selected);
        let named = Named { listing, names: run.names.clone() };
        let columns = named.columns().map(column).collect();
        let rows = match few(&named, run.scan.budget)? {
            Some(few) => Rows::All(few),
            None => {
                named.listing.check()?;
                Rows::Read(Box::new(named))
            }
        };
        let mut table = AnswerTable { columns, rows, ..AnswerTable::default() };
        if len < count {
            table.notes.push(format!(
                "{len} of {} connects shown; --top 0 shows all",
                units::count_u64(count)
            ));
        }
        Ok(Answered::table(table, selected))
    }
}

/// All rows, if they are few and their texts short.
fn few(named: &Named<'_>, budget: Budget) -> Result<Option<Vec<Vec<Cell>>>, ScanError> {
    if named.listing.len > budget.rows as u64 {
        return Ok(None);
    }
    let (mut rows, mut room) = (Vec::new(), TEXTS.min(budget.texts));
    for row in named.rows() {
        let row = row?;
        let bytes = row.iter().map(|cell| if let Cell::Text(text) = cell { text.len() } else { 0 });
        match room.checked_sub(bytes.sum()) {
            Some(left) => room = left,
            None => return Ok(None),
        }
        rows.push(row);
    }
    Ok(Some(rows))
}

/// Rows with the names of addresses and pods beside them, if there are any.
struct Named<'a> {
    listing: Listing<'a>,
    names: Option<Arc<Names>>,
}

impl Named<'_> {
    /// The columns, in order.
    fn columns(&self) -> impl Iterator<Item = &'static str> {
        let named = self.names.is_some();
        COLUMNS.into_iter().flat_map(move |column| {
            let beside = match column {
                DST_ADDR if named => Some(NAME),
                CGROUP if named => Some(POD),
                _ => None,
            };
            std::iter::once(column).chain(beside)
        })
    }

    fn cells(&self, row: Vec<Key>) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(row.len() + 2);
        for (column, key) in COLUMNS.into_iter().zip(row) {
            let name = match (&self.names, column, &key) {
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
}

impl Read for Named<'_> {
    fn rows(&self) -> Box<dyn Iterator<Item = Result<Vec<Cell>, ScanError>> + '_> {
        Box::new(self.listing.rows().map(|row| row.map(|row| self.cells(row))))
    }

    fn is_text(&self, column: usize) -> bool {
        let text = |name| matches!(name, OUTCOME | COMM | DST_ADDR | CGROUP | HOST | NAME | POD);
        self.columns().nth(column).is_some_and(text)
    }
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
