//! One module per output format; each turns a [`Report`] into bytes.

mod csv;
mod json;
mod json_integers;
mod layout;
mod markdown;
mod paint;
mod parquet;
mod table;
mod trust_text;

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

/// What goes where.
#[derive(Debug, Default)]
pub struct Output {
    /// Standard output.
    pub bytes: Vec<u8>,
    /// Standard error: warnings of formats that have no place for them.
    pub warnings: String,
}

/// Renders the report.
pub fn render(
    report: &Report<'_>,
    (format, integers): (Format, Integers),
    screen: Screen,
) -> Result<Output, ::parquet::errors::ParquetError> {
    let (bytes, elsewhere) = match format {
        Format::Table => (table::render(report, screen).into_bytes(), false),
        Format::Markdown => (markdown::render(report).into_bytes(), false),
        Format::Json => (json::render(report, integers).into_bytes(), false),
        Format::Csv => (csv::render(report).into_bytes(), true),
        Format::Parquet => (parquet::render(report)?, true),
    };
    let warnings = if elsewhere { trust_text::plain(report) } else { String::new() };
    Ok(Output { bytes, warnings })
}
