//! For reading in a terminal: aligned columns without rules.

use std::io::Write;

use super::layout::{lines, wrap, wrap_command};
use super::paint::{Ink, paint};
use super::sink::RenderError;
use super::{PAGE_WIDTH, Screen, trust_text};
use crate::answer::{Report, Section};
use crate::findings::{Class, Finding};

/// Findings on one page; the first few are the worst.
const FINDINGS: usize = 5;
/// Lines they have together at most, with their heading: what a terminal shows.
const FINDING_LINES: usize = 24;

pub(super) fn render(
    report: &Report<'_>,
    screen: Screen,
    sink: &mut dyn Write,
) -> Result<(), RenderError> {
    // A summary is a page, so it has a width; other answers are also read by
    // pipes, which have none.
    let width = screen.width.or(report.summary.then_some(PAGE_WIDTH));
    let text_width = width.unwrap_or(PAGE_WIDTH);
    let mut out = trust_text::text(report, text_width, screen.colour);
    if let Some(findings) = &report.findings {
        let none = report.no_findings();
        self::findings(&mut out, findings, none, text_width, screen.colour);
    }
    let mut all_left_out: Vec<String> = Vec::new();
    let titled = report.sections.len() > 1;
    for section in &report.sections {
        out.push('\n');
        if titled {
            out.push_str(&paint(&section.title, Ink::Heading, screen.colour));
            out.push('\n');
        }
        sink.write_all(std::mem::take(&mut out).as_bytes())?;
        let left_out = rows(sink, section, width)?;
        if !report.summary {
            all_left_out.extend(left_out);
        }
        for note in &section.table.notes {
            let note = wrap(&crate::escape::terminal(note), text_width, 2);
            out.push_str(&paint(&note, Ink::Quiet, screen.colour));
            out.push('\n');
        }
    }
    all_left_out.dedup();
    if !all_left_out.is_empty() {
        let note = format!(
            "left out to fit the terminal: {}; piped output and the other formats have them",
            all_left_out.join(", ")
        );
        out.push_str(&paint(&wrap(&note, text_width, 2), Ink::Quiet, screen.colour));
        out.push('\n');
    }
    Ok(sink.write_all(out.as_bytes())?)
}

/// The rows or their drawing; the titles of columns left out.
fn rows(
    out: &mut dyn Write,
    section: &Section<'_>,
    width: Option<usize>,
) -> Result<Vec<String>, RenderError> {
    if section.table.rows.is_empty() {
        out.write_all(b"(no connects)\n")?;
        return Ok(Vec::new());
    }
    match &section.table.drawing {
        Some(drawing) => {
            drawing.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            Ok(Vec::new())
        }
        None => lines(out, &section.table, width),
    }
}

fn findings(out: &mut String, findings: &[Finding], none: &str, width: usize, colour: bool) {
    out.push('\n');
    out.push_str(&paint("Findings, worst first", Ink::Heading, colour));
    out.push('\n');
    if findings.is_empty() {
        out.push_str(&format!("none: {none}\n"));
    }
    // The heading, and the line that says how many there are more.
    let mut lines = 2;
    let mut shown = 0;
    for (number, finding) in findings.iter().take(FINDINGS).enumerate() {
        let text = wrap(&format!("{}. {}", number + 1, finding.text), width, 3);
        let command = wrap_command(&finding.command, width, 3);
        lines += text.lines().count() + command.lines().count();
        if shown > 0 && lines > FINDING_LINES {
            break;
        }
        let ink = if finding.class >= Class::Standing { Ink::Alarm } else { Ink::Heading };
        out.push_str(&paint(&text, ink, colour));
        out.push('\n');
        out.push_str(&paint(&command, Ink::Quiet, colour));
        out.push('\n');
        shown += 1;
    }
    if findings.len() > shown {
        let more = findings.len() - shown;
        out.push_str(&format!("and {more} more; --format json has all\n"));
    }
}
