//! `analyze percentiles`: figures overall or by key.

use clap::Args;

use super::{Answered, Ask, AskError, Run, ranked, takes_input};
use crate::cli::args::{ByArgs, Input, Quantiles, examples};
use crate::scan::ranking::Order;

/// Latency percentiles and failures, overall or by column
///
/// One row for all connects, or one for each combination of the keys given with --by, the most
/// frequent first.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze percentiles --by comm,dst_port web-1.parquet",
    "analyze percentiles --by subnet/24 --quantiles 0.5,0.999 --ci web-1.parquet"))]
pub struct Percentiles {
    /// Number of groups to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    top: usize,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    quantiles: Quantiles,
    #[command(flatten)]
    input: Input,
}

impl Ask for Percentiles {
    takes_input!();

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let measure = self.quantiles.measure();
        ranked::table(run, self.by.after(&[]), (Order::Count, self.top), measure, "groups")
    }
}
