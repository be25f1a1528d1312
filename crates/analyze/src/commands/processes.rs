//! `analyze processes`: figures by thread name and control group.

use clap::Args;
use connlat_schema::capture::columns::{CGROUP, COMM};

use super::ranked::Grouped;
use super::{Answered, Ask, AskError, Run};
use crate::cli::args::{Common, examples};

/// Who connected: thread names and their control groups
///
/// One row for each thread name and cgroup; add --by pid for single processes.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze processes --sort failures --by pid web-1.parquet"))]
pub struct Processes {
    #[command(flatten)]
    grouped: Grouped,
}

impl Ask for Processes {
    fn files(&self) -> &[std::path::PathBuf] {
        &self.grouped.input.files
    }

    fn common(&self) -> &Common {
        &self.grouped.input.common
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        self.grouped.ask(run, &[COMM, CGROUP], "processes")
    }
}
