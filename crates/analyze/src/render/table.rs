//! For reading in a terminal: aligned columns without rules.

use super::layout::{lines, wrap};
use super::trust_text;
use crate::report::Report;

/// What a summary fits into when the output is not a terminal.
const SUMMARY_WIDTH: usize = 80;

pub(super) fn render(report: &Report<'_>, terminal: Option<usize>) -> String {
    // A summary is a page, so it has a width; other answers are also read by
    // pipes, which have none.
    let width = terminal.or(report.summary.then_some(SUMMARY_WIDTH));
    let text_width = width.unwrap_or(SUMMARY_WIDTH);
    let mut out = if report.summary {
        trust_text::block(&report.trust, text_width)
    } else {
        trust_text::heading(&report.trust, text_width)
    };
    let mut all_left_out: Vec<String> = Vec::new();
    for section in &report.sections {
        out.push('\n');
        if report.summary {
            out.push_str(&format!("{}\n", section.title));
        }
        let (lines, left_out) = lines(&section.table, width);
        if section.table.rows.is_empty() {
            out.push_str("(no connects)\n");
        } else {
            for line in lines {
                out.push_str(&line);
                out.push('\n');
            }
            if !report.summary {
                all_left_out.extend(left_out);
            }
        }
        for note in &section.table.notes {
            out.push_str(&wrap(note, text_width, 2));
            out.push('\n');
        }
    }
    if !all_left_out.is_empty() {
        let note = format!(
            "left out to fit the terminal: {}; piped output and the other formats have them",
            all_left_out.join(", ")
        );
        out.push_str(&wrap(&note, text_width, 2));
        out.push('\n');
    }
    out
}
