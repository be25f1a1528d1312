//! Single connects: what `slowest` and `events` share.

use clap::Args;
use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, ERRNO, HOST, LATENCY_NS, OUTCOME, RTT_US, SYN_RETRANSMITS, TIME,
};

use super::{Answered, AskError, Run};
use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::cli::args::Input;
use crate::scan::Rows;
use crate::scan::top::{COLUMNS, RowOrder, Top};
use crate::stats::Key;
use crate::units;

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
    pub fn ask(&self, run: &Run<'_>, order: RowOrder, rows: Rows) -> Result<Answered, AskError> {
        let scanned = run.scan.run(Top::new(order, rows, self.top))?;
        let all = scanned.found.count();
        let mut table = table(scanned.found.fetch(&run.scan)?);
        if (table.rows.len() as u64) < all {
            table.notes.push(format!(
                "{} of {} connects shown; --top 0 shows all",
                table.rows.len(),
                units::count_u64(all)
            ));
        }
        Ok(Answered::table(table, scanned.rows))
    }
}

fn table(rows: Vec<Vec<Key>>) -> AnswerTable {
    let columns = COLUMNS.map(|name| {
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
    });
    let cells = |row: Vec<Key>| row.into_iter().map(Cell::from).collect();
    let rows = rows.into_iter().map(cells).collect();
    AnswerTable::of(columns.into(), rows)
}
