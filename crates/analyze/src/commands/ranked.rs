//! Rankings of groups: what `percentiles`, `destinations`, `processes` and
//! `cgroups` share.

use clap::{Args, ValueEnum};

use super::{Answered, AskError, Run, merged};
use crate::answer::AnswerTable;
use crate::cli::args::{ByArgs, Input, Quantiles};
use crate::scan::ranking::{Asked, Order, ranking};
use crate::scan::{By, Rows};
use crate::stats::Measure;

/// Arguments of commands that rank groups.
#[derive(Debug, Args)]
pub struct Grouped {
    /// Number of groups to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    /// What puts a group first
    #[arg(long, value_enum, value_name = "KEY", default_value_t)]
    pub sort: Sort,
    #[command(flatten)]
    pub by: ByArgs,
    #[command(flatten)]
    pub quantiles: Quantiles,
    #[command(flatten)]
    pub input: Input,
}

/// Order of groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Sort {
    /// Most connects first
    #[default]
    Count,
    /// Most failed connects first
    Failures,
    /// Highest p99 first; groups with too few connects for a p99 last
    P99,
}

impl Grouped {
    /// Figures by these columns and what was asked for.
    ///
    /// # Errors
    /// As the scan.
    pub fn ask<'r>(
        &self,
        run: &'r Run<'_>,
        columns: &[&str],
        what: &str,
    ) -> Result<Answered<'r>, AskError> {
        let order = match self.sort {
            Sort::Count => Order::Count,
            Sort::Failures => Order::Failures,
            Sort::P99 => Order::P99,
        };
        let measure = self.quantiles.measure();
        table(run, self.by.after(columns), (order, self.top), measure, what)
    }
}

/// One row for each group.
///
/// # Errors
/// As the scan.
pub fn table<'r>(
    run: &'r Run<'_>,
    by: Vec<By>,
    (order, top): (Order, usize),
    measure: Measure,
    what: &str,
) -> Result<Answered<'r>, AskError> {
    let merged = merged::looked_at(run, &by);
    let keys = by.clone();
    let by = run.named(by);
    let names = names(&by);
    let asked = Asked { by, rows: Rows::default(), order, top, measure: measure.clone() };
    let (found, scanned) = ranking(&run.scan, asked, merged)?;
    let mut table = AnswerTable::grouped(&names, found.rows, &measure)
        .top(top, found.groups, what, "; --top 0 shows all")
        .with_notes(&measure);
    table.notes.extend(merged::notes(run, &keys, &scanned.found, &scanned.texts));
    Ok(Answered::table(table, scanned.rows))
}

/// Names of keys.
pub fn names(by: &[By]) -> Vec<String> {
    by.iter().map(|by| by.name()).collect()
}
