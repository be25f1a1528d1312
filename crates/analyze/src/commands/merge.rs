//! `analyze merge`: makes one capture of many.

use std::path::PathBuf;

use clap::Args;

use crate::capture::{Captures, display_name};
use crate::merge::{MergeError, merge};
use crate::quality::{Trust, gaps, told};
use crate::scan::Budget;
use crate::units;

/// Makes one capture of many, such as the segments of a day
///
/// The captures must be of one boot of a machine, and recorded alike. Row groups of the new one
/// follow each other in time, whatever the order of the files, so that --from and --to read only
/// what they need. Its account is the sum of theirs, and says in which times between them nobody
/// recorded. Memory does not grow with the rows; a file takes some kB. Files that were merged stay.
/// An existing file is not replaced.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze merge -o web-1-day.parquet /srv/connlat/node=h-web-1/date=2026-11-24
  analyze merge --boot 6b2c7b9e-13f0-4d2c-8a55-0c1f2e3d4a5b -o boot.parquet captures/

Exit codes: 0 merged; 1 a file could not be read, or they do not belong together; 2 wrong usage.")]
pub struct Merge {
    /// Captures, bundles, directories of them, or patterns
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The capture to make
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Only captures of this boot of the machine, by its boot id
    #[arg(long, value_name = "ID")]
    boot: Option<String>,
    /// Fail if a directory or pattern holds something damaged, empty or unreadable, instead of
    /// leaving it out with a warning
    #[arg(long)]
    strict: bool,
}

impl Merge {
    /// Merges, in as much memory as the budget allows; what is to be said on standard
    /// output and on standard error.
    ///
    /// # Errors
    /// [`MergeError`].
    pub fn run(&self, budget: Budget) -> Result<(String, String), MergeError> {
        if std::fs::symlink_metadata(&self.output).is_ok() {
            return Err(crate::merge::OutputError::Exists(self.output.clone()).into());
        }
        let mut captures: Captures = Captures::open(&self.files, self.strict)?;
        if let Some(boot) = &self.boot {
            captures.each.retain(|capture| capture.info.boot_id == *boot);
            if captures.each.is_empty() {
                let boot = crate::escape::terminal(boot);
                return Err(MergeError::Refused(format!(
                    "no capture is of boot {boot}; `analyze info` gives the boot ids"
                )));
            }
        }
        let trust = Trust::new(&captures);
        let merged = merge(&captures, &trust, budget, &self.output)?;
        let mut warnings: String = told(&trust.warnings)
            .iter()
            .map(|warning| format!("analyze: warning: {warning}\n"))
            .collect();
        let info = &merged.info;
        if let Some(within) = info.merged.as_ref().filter(|within| within.gap_count > 0) {
            warnings.push_str(&format!(
                "analyze: warning: between the captures nobody recorded: {}\n",
                gaps(within)
            ));
        }
        let size: u64 = captures.each.iter().map(|capture| capture.bytes).sum();
        let text = format!(
            "{}: {} of {}, {} to {} UTC, {}, {} (they have {})\n",
            display_name(&self.output),
            units::counted(captures.each.len() as u64, "capture"),
            crate::escape::terminal(&info.host),
            units::time(info.start.time_us, 0),
            units::time(info.stop.time_us, 0),
            units::counted(merged.rows, "row"),
            units::bytes(merged.bytes),
            units::bytes(size),
        );
        Ok((text, warnings))
    }
}
