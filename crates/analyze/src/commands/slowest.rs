//! `analyze slowest`: the connects that took longest.

use clap::Args;

use super::histogram::with_latency;
use super::single::Single;
use super::{Answered, Ask, AskError, Run};
use crate::cli::args::{Common, examples};
use crate::scan::top::RowOrder;

/// The connects that took longest
///
/// Of established connects; with --failed, of failed ones.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze slowest --top 50 web-1.parquet"))]
pub struct Slowest {
    #[command(flatten)]
    single: Single,
}

impl Ask for Slowest {
    fn files(&self) -> &[std::path::PathBuf] {
        &self.single.input.files
    }

    fn common(&self) -> &Common {
        &self.single.input.common
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        self.single.ask(run, RowOrder::Slowest, with_latency(run.selection))
    }
}
