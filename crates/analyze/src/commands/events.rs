//! `analyze events`: single connects in order of time.

use clap::Args;

use super::single::Single;
use super::{Answered, Ask, AskError, Run};
use crate::cli::args::{Common, examples};
use crate::scan::Rows;
use crate::scan::top::RowOrder;

/// Single connects in order of time
#[derive(Debug, Args)]
#[command(after_help = examples!(
    "analyze events --failed --where \"dst_addr = '10.0.0.7'\" web-1.parquet"))]
pub struct Events {
    #[command(flatten)]
    single: Single,
}

impl Ask for Events {
    fn files(&self) -> &[std::path::PathBuf] {
        &self.single.input.files
    }

    fn common(&self) -> &Common {
        &self.single.input.common
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        self.single.ask(run, RowOrder::Time, Rows::default())
    }
}
