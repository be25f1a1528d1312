//! `analyze cgroups`: figures by control group.

use clap::Args;
use connlat_schema::capture::columns::CGROUP;

use super::ranked::Grouped;
use super::{Answered, Ask, AskError, Run};
use crate::cli::args::{Common, examples};

/// Which control groups connected: services and containers
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze cgroups --sort p99 web-1.parquet"))]
pub struct Cgroups {
    #[command(flatten)]
    grouped: Grouped,
}

impl Ask for Cgroups {
    fn files(&self) -> &[std::path::PathBuf] {
        &self.grouped.input.files
    }

    fn common(&self) -> &Common {
        &self.grouped.input.common
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        self.grouped.ask(run, &[CGROUP], "cgroups")
    }
}
