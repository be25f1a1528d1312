//! One module per output format; each writes a [`Report`] as it reads the rows.

mod csv;
mod json;
mod json_integers;
mod json_text;
pub mod layout;
pub mod markdown;
mod paint;
mod parquet;
pub mod sink;
mod table;
pub mod trust_text;

use std::io::Write;

pub use sink::{Out, RenderError};

use self::sink::Sink;
use crate::answer::Report;
use crate::cli::args::{Format, Integers};

/// What people read the answer on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Screen {
    /// Columns to fit tables into, none where the output is not a terminal.
    pub width: Option<usize>,
    /// Whether it shows colours.
    pub colour: bool,
}

/// Columns of a page where the output is not a terminal.
pub const PAGE_WIDTH: usize = 80;

/// Writes the report: the answer to `out`, and warnings of formats that have no
/// place for them to `said`, first.
///
/// # Errors
/// [`RenderError`]; a reader that went away is none.
pub fn render(
    mut report: Report<'_>,
    (format, integers): (Format, Integers),
    screen: Screen,
    (out, said): (&mut dyn Out, &mut dyn Write),
) -> Result<(), RenderError> {
    let report = &mut report;
    if matches!(format, Format::Csv | Format::Parquet) {
        // Nothing is left to do if this cannot be written.
        let _ = said.write_all(trust_text::plain(report).as_bytes());
    }
    let mut sink = Sink::new(out);
    let written = match format {
        Format::Html => crate::report::page(report, &mut sink),
        Format::Markdown if report.page.is_some() => crate::report::ticket(report, &mut sink),
        Format::Table => table::render(report, screen, &mut sink),
        Format::Markdown => markdown::render(report, &mut sink),
        Format::Json => json::render(report, integers, &mut sink),
        Format::Csv => csv::render(report, &mut sink),
        Format::Parquet => parquet::render(report, &mut sink),
    };
    sink.finish(written)
}
