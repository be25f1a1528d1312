//! One module per output format; each turns a [`Report`] into text.

mod csv;
mod json;
mod layout;
mod markdown;
mod table;
mod trust_text;

use crate::cli::Format;
use crate::report::Report;

/// What goes where.
#[derive(Debug, Default)]
pub struct Output {
    /// Standard output.
    pub text: String,
    /// Standard error: warnings of formats that have no place for them.
    pub warnings: String,
}

/// Renders the report; `width` is the terminal's, if the output goes to one.
pub fn render(report: &Report<'_>, format: Format, width: Option<usize>) -> Output {
    match format {
        Format::Table => Output { text: table::render(report, width), ..Output::default() },
        Format::Markdown => Output { text: markdown::render(report), ..Output::default() },
        Format::Json => Output { text: json::render(report), ..Output::default() },
        Format::Csv => Output {
            text: csv::render(report),
            warnings: trust_text::plain_warnings(&report.trust),
        },
    }
}
