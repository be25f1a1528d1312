//! Single connects: what `slowest` and `events` share.

use std::sync::Arc;

use clap::Args;

use super::{Answered, AskError, Run};
use crate::answer::{AnswerTable, Cell, Read, Rows, single};
use crate::cli::args::Input;
use crate::names::Names;
use crate::scan::listing::Listing;
use crate::scan::top::RowOrder;
use crate::scan::{Budget, Rows as Which, ScanError};
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
        let columns = single::columns(named.names.is_some());
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

impl Read for Named<'_> {
    fn rows(&self) -> Box<dyn Iterator<Item = Result<Vec<Cell>, ScanError>> + '_> {
        let names = self.names.as_deref();
        Box::new(self.listing.rows().map(move |row| row.map(|row| single::cells(row, names))))
    }

    fn is_text(&self, column: usize) -> bool {
        single::is_text(column, self.names.is_some())
    }
}
