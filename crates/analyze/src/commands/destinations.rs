//! `analyze destinations`: figures by address and port.

use clap::Args;
use connlat_schema::capture::columns::{DST_ADDR, DST_PORT};

use super::ranked::Grouped;
use super::{Answered, Ask, AskError, Run};
use crate::cli::args::{Common, examples};

/// The destinations with the most connects, failures or latency
///
/// One row for each destination address and port.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze destinations --sort p99 --top 10 web-1.parquet"))]
pub struct Destinations {
    #[command(flatten)]
    grouped: Grouped,
}

impl Ask for Destinations {
    fn files(&self) -> &[std::path::PathBuf] {
        &self.grouped.input.files
    }

    fn common(&self) -> &Common {
        &self.grouped.input.common
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        self.grouped.ask(run, &[DST_ADDR, DST_PORT], "destinations")
    }
}
