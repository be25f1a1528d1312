//! What the template is given: the answer in the order of the page.

use serde::Serialize;

use super::error::PageError;
use super::finding::{self, Shown};
use super::headline::{self, Figure};
use super::over_time::{self, Charts};
use super::spread::{self, Spread};
use super::table::{self, Table};
use crate::answer::{AnswerTable, Cell, Report};
use crate::escape::cut;
use crate::output::trust_text;
use crate::quality::told;

/// Characters of a heading.
const HEADING: usize = 160;

/// The page.
#[derive(Debug, Serialize)]
pub struct View {
    title: String,
    recorded: String,
    figures: Vec<Figure>,
    facts: Vec<(&'static str, String)>,
    warnings: Vec<String>,
    /// What is said where nothing was found.
    none_found: &'static str,
    findings: Vec<Shown>,
    findings_left_out: usize,
    charts: Option<Charts>,
    intervals: Option<Table>,
    outcomes_over_time: Option<Table>,
    spread: Option<Spread>,
    whole: Option<Table>,
    outcomes: Option<Table>,
    destinations: Option<Table>,
    processes: Option<Table>,
    singles: Vec<Table>,
    captures: Vec<Capture>,
    captures_notes: Vec<String>,
}

/// One capture, with what is known of it.
#[derive(Debug, Serialize)]
struct Capture {
    file: String,
    facts: Vec<(String, String)>,
}

/// The view of a report.
///
/// # Errors
/// [`PageError`] for a chart.
pub fn of(report: &Report<'_>) -> Result<View, PageError> {
    let none = AnswerTable::default();
    // Every row would say the same.
    let hidden: &[&str] = if report.trust.hosts.len() < 2 { &["host"] } else { &[] };
    let section = |key: &str| report.sections.iter().find(|section| section.key == key);
    let answer = |key: &str| section(key).map_or(&none, |section| &section.table);
    let shown = |key: &str| {
        let section = section(key).filter(|section| !section.table.rows.is_empty())?;
        Some(table::of(section.key, &section.title, &section.table, hidden))
    };
    let findings = report.findings.iter().flatten().enumerate();
    let findings = findings.map(|(place, finding)| finding::of(place + 1, finding));
    let fact = |(name, value): (&'static str, String)| (name, cut(&value, report.longest));
    Ok(View {
        title: cut(&headline::title(report), HEADING),
        recorded: headline::recorded(report),
        figures: headline::figures(report, answer("rows")),
        facts: trust_text::facts(report).into_iter().map(fact).collect(),
        warnings: told(&report.trust.warnings)
            .into_iter()
            .map(|warning| cut(&warning, report.longest))
            .collect(),
        none_found: report.no_findings(),
        findings: findings.collect::<Result<_, _>>()?,
        findings_left_out: report.findings_left_out,
        charts: over_time::of(
            answer("timeseries"),
            answer("outcomes_over_time"),
            answer("heatmap"),
        )?,
        intervals: shown("timeseries"),
        outcomes_over_time: shown("outcomes_over_time"),
        spread: spread::of(answer("distribution"))?,
        whole: shown("rows"),
        outcomes: shown("outcomes"),
        destinations: shown("destinations"),
        processes: shown("processes"),
        singles: ["slowest", "failed"].into_iter().filter_map(shown).collect(),
        captures: captures(answer("captures")),
        captures_notes: answer("captures").notes.clone(),
    })
}

/// File by file.
fn captures(table: &AnswerTable) -> Vec<Capture> {
    let mut captures: Vec<Capture> = Vec::new();
    for row in table.rows.held() {
        let [Cell::Text(file), Cell::Text(fact), Cell::Text(value)] = &row[..] else { continue };
        // The size comes first of each, and two files may have one name.
        if fact == "size" || captures.is_empty() {
            captures.push(Capture { file: file.clone(), facts: Vec::new() });
        }
        if let Some(capture) = captures.last_mut() {
            capture.facts.push((fact.clone(), value.clone()));
        }
    }
    captures
}
