//! Tables for tickets and post-mortems, with the warnings as a list.

use super::layout::{is_right, shown};
use super::trust_text;
use crate::answer::AnswerTable;
use crate::answer::Report;
use crate::escape;
use crate::quality::told;

pub(super) fn render(report: &Report<'_>) -> String {
    let mut out = String::new();
    for (name, value) in trust_text::facts(report) {
        out.push_str(&format!("- {name}: {}\n", escape::markdown(&value)));
    }
    for warning in told(&report.trust.warnings) {
        let warning = escape::markdown(&warning);
        out.push_str(&format!("- **warning:** {warning}\n"));
    }
    if let Some(findings) = &report.findings {
        out.push_str("\n### Findings, worst first\n\n");
        if findings.is_empty() {
            out.push_str(&format!("None: {}.\n", report.no_findings()));
        }
        for (index, finding) in findings.iter().enumerate() {
            let text = escape::markdown(&finding.text);
            // A command holds no backtick: it is made of what was checked.
            out.push_str(&format!("{}. {text}  \n   `{}`\n", index + 1, finding.command));
        }
    }
    for section in &report.sections {
        out.push('\n');
        if report.sections.len() > 1 {
            out.push_str(&format!("### {}\n\n", section.title));
        }
        match &section.table.drawing {
            Some(drawing) => out.push_str(&format!("```text\n{}\n```\n", drawing.join("\n"))),
            None => table(&mut out, &section.table),
        }
        for note in &section.table.notes {
            out.push_str(&format!("\n{}\n", escape::markdown(note)));
        }
    }
    out
}

fn table(out: &mut String, table: &AnswerTable) {
    let mut line = |cells: Vec<String>| out.push_str(&format!("| {} |\n", cells.join(" | ")));
    line(table.columns.iter().map(|column| escape::markdown(&column.title)).collect());
    let rule = |index| {
        if is_right(table, index) { "---:" } else { "---" }
    };
    line((0..table.columns.len()).map(|index| rule(index).to_owned()).collect());
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns);
        line(cells.map(|(cell, column)| escape::markdown(&shown(cell, column.kind))).collect());
    }
}
