//! Tables for tickets and post-mortems, with the warnings as a list.

use std::io::Write;

use super::layout::{is_right, shown};
use super::sink::RenderError;
use super::trust_text;
use crate::answer::AnswerTable;
use crate::answer::Report;
use crate::escape::{self, cut};
use crate::quality::told;

/// In place of a command that is too long to be shown.
const NO_COMMAND: &str = "(its command is too long for this; `--format json` has it)";

/// Writes the report.
///
/// # Errors
/// [`RenderError`].
pub fn render(report: &Report<'_>, sink: &mut dyn Write) -> Result<(), RenderError> {
    let mut out = String::new();
    for (name, value) in trust_text::facts(report) {
        out.push_str(&format!("- {name}: {}\n", escape::markdown(&cut(&value, report.longest))));
    }
    for warning in told(&report.trust.warnings) {
        let warning = escape::markdown(&cut(&warning, report.longest));
        out.push_str(&format!("- **warning:** {warning}\n"));
    }
    if let Some(findings) = &report.findings {
        out.push_str("\n### Findings, worst first\n\n");
        if findings.is_empty() {
            out.push_str(&format!("None: {}.\n", report.no_findings()));
        }
        for (index, finding) in findings.iter().enumerate() {
            let text = escape::markdown(&finding.text);
            // More backticks than any that it holds, so that none ends the code.
            let most = finding.command.split(|c| c != '`').map(str::len).max().unwrap_or(0);
            let (fence, space) = ("`".repeat(most + 1), if most > 0 { " " } else { "" });
            let code = format!("{fence}{space}{}{space}{fence}", finding.command);
            let code = if finding.command.is_empty() { NO_COMMAND } else { &code };
            out.push_str(&format!("{}. {text}  \n   {code}\n", index + 1));
        }
        if report.findings_left_out > 0 {
            out.push_str(&format!("\nand {} more\n", report.findings_left_out));
        }
    }
    for section in &report.sections {
        out.push('\n');
        if report.sections.len() > 1 {
            out.push_str(&format!("### {}\n\n", section.title));
        }
        match &section.table.drawing {
            Some(drawing) => out.push_str(&format!("```text\n{}\n```\n", drawing.join("\n"))),
            None => {
                sink.write_all(std::mem::take(&mut out).as_bytes())?;
                table(sink, &section.table)?;
            }
        }
        for note in &section.table.notes {
            out.push_str(&format!("\n{}\n", escape::markdown(note)));
        }
    }
    Ok(sink.write_all(out.as_bytes())?)
}

fn table(out: &mut dyn Write, table: &AnswerTable<'_>) -> Result<(), RenderError> {
    let mut line = |cells: Vec<String>| writeln!(out, "| {} |", cells.join(" | "));
    line(table.columns.iter().map(|column| escape::markdown(&column.title)).collect())?;
    let rule = |index| {
        if is_right(table, index) { "---:" } else { "---" }
    };
    line((0..table.columns.len()).map(|index| rule(index).to_owned()).collect())?;
    for row in table.rows.each() {
        let row = row?;
        let cells = row.iter().zip(&table.columns);
        line(cells.map(|(cell, column)| escape::markdown(&shown(cell, column.kind))).collect())?;
    }
    Ok(())
}
