//! Groups that are worth a look for one of several reasons: most connects, most
//! failures, the highest p99. A page that can be sorted must have them all.

use std::collections::BTreeSet;

use crate::answer::AnswerTable;
use crate::commands::{Run, merged, ranked};
use crate::scan::merged::Merged;
use crate::scan::ranking::{Asked, Order, Ranking};
use crate::scan::{By, Rows, Texts};
use crate::stats::{Key, Measure, Row};
use crate::units;

/// Groups by order, the first so many of each.
const ORDERS: [(Order, usize); 3] = [(Order::Count, 40), (Order::Failures, 20), (Order::P99, 20)];

/// A table of such groups.
pub struct Several {
    /// Keys.
    pub by: Vec<By>,
    /// What is asked of the same groups, in each order.
    pub orders: Vec<Asked>,
    /// The command that has all of them.
    command: &'static str,
    /// What they are called.
    what: &'static str,
}

impl Several {
    /// By columns, with the names of what they hold.
    pub fn new(run: &Run<'_>, columns: &[&str], command: &'static str, what: &'static str) -> Self {
        let by = run.named(columns.iter().filter_map(|name| By::column(name)).collect());
        let asked = |(order, top)| Asked {
            by: by.clone(),
            rows: Rows::default(),
            order,
            top,
            measure: Measure::usual(),
        };
        Self { orders: ORDERS.map(asked).into(), by, command, what }
    }

    /// One of them: a scan feeds all alike.
    pub fn any(&self) -> &Asked {
        &self.orders[0]
    }

    /// All that were found, each once, those with the most connects first.
    /// With what [`merged::looked_at`] found.
    pub fn table(
        &self,
        run: &Run<'_>,
        found: Vec<Ranking>,
        measure: &Measure,
        (merged, texts): (&[Merged], &Texts),
    ) -> AnswerTable<'static> {
        let groups = found.iter().map(|ranking| ranking.groups).max().unwrap_or(0);
        let mut seen: BTreeSet<Vec<Key>> = BTreeSet::new();
        let mut rows: Vec<Row> = Vec::new();
        for (ranking, asked) in found.into_iter().zip(&self.orders) {
            let stands_out = |row: &Row| match asked.order {
                Order::Count => true,
                Order::Failures => row.figures.failed > 0,
                Order::P99 => row.figures.percentile(measure, "p99").is_some(),
            };
            for row in ranking.rows.into_iter().filter(stands_out) {
                if seen.insert(row.keys.clone()) {
                    rows.push(row);
                }
            }
        }
        rows.sort_by(|a, b| self.any().compare(a, b));
        let shown = rows.len();
        let mut table = AnswerTable::grouped(&ranked::names(&self.by), rows, measure);
        if shown < groups {
            table.notes.push(format!(
                "{shown} of {} {} shown: those with the most connects, the most failures and the \
                 highest p99; `analyze {} --top 0` has all",
                units::count_u64(groups as u64),
                self.what,
                self.command
            ));
        }
        let mut table = table.with_notes(measure);
        table.notes.extend(merged::notes(run, &self.by, merged, texts));
        table
    }
}
