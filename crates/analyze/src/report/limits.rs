//! How much of an answer a page holds: rows, findings, and characters of a name.

use crate::answer::{AnswerTable, Cell, Report};
use crate::escape::cut;
use crate::findings::{Counts, Finding, Picture};
use crate::stats::Key;
use crate::units;

/// What a page holds at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rows of a table. Those of intervals are few and never cut.
    rows: usize,
    findings: usize,
    /// Characters of a name.
    name: usize,
    /// Characters of a sentence.
    sentence: usize,
    /// Characters of a command; one that is cut could not be used.
    command: usize,
}

/// Each is tried until the page is small enough; the last always is.
pub const LADDER: [Limits; 4] = [
    Limits { rows: 80, findings: 20, name: 80, sentence: 1_500, command: 3_000 },
    Limits { rows: 40, findings: 15, name: 60, sentence: 800, command: 1_500 },
    Limits { rows: 20, findings: 10, name: 40, sentence: 400, command: 800 },
    Limits { rows: 10, findings: 5, name: 24, sentence: 200, command: 400 },
];

/// The same for the body of a ticket.
pub const OF_TICKETS: [Limits; 4] = [
    Limits { rows: 20, findings: 20, name: 80, sentence: 1_500, command: 2_000 },
    Limits { rows: 10, findings: 10, name: 60, sentence: 800, command: 1_000 },
    Limits { rows: 5, findings: 5, name: 40, sentence: 400, command: 600 },
    Limits { rows: 3, findings: 3, name: 24, sentence: 200, command: 300 },
];

/// Tables with a row for each interval, or for each place in a chart.
const WHOLE: [&str; 4] = ["timeseries", "outcomes_over_time", "heatmap", "distribution"];
/// Facts of one capture that a page has room for.
const FACTS: usize = 60;

impl Limits {
    /// Cuts what is more, and says so.
    pub fn apply(self, report: &mut Report<'_>) {
        report.longest = self.sentence;
        for section in &mut report.sections {
            let (most, longest) = match section.key {
                key if WHOLE.contains(&key) => (usize::MAX, self.name),
                // Facts, some of them long.
                "captures" => (self.rows.saturating_mul(FACTS) / 8, self.sentence),
                _ => (self.rows, self.name),
            };
            section.table.keep(most);
            for cell in section.table.rows.held_mut().into_iter().flatten().flatten() {
                if let Cell::Text(text) = cell {
                    cut_in_place(text, longest);
                }
            }
            for note in &mut section.table.notes {
                cut_in_place(note, self.sentence);
            }
        }
        let Some(findings) = &mut report.findings else { return };
        if findings.len() > self.findings {
            report.findings_left_out += findings.len() - self.findings;
            findings.truncate(self.findings);
        }
        findings.iter_mut().for_each(|finding| self.of_finding(finding));
    }

    fn of_finding(self, finding: &mut Finding) {
        cut_in_place(&mut finding.text, self.sentence);
        finding.examples.iter_mut().for_each(|example| cut_in_place(example, self.name));
        if finding.command.chars().count() > self.command {
            finding.command.clear();
        }
        for (_, value) in &mut finding.scope {
            value.text_mut().into_iter().for_each(|text| cut_in_place(text, self.name));
        }
        let Some(Picture { programs, destinations, rows, .. }) = &mut finding.picture else {
            return;
        };
        for Counts { named, .. } in [programs, destinations] {
            named.iter_mut().for_each(|(name, _)| cut_in_place(name, self.name));
        }
        for key in rows.iter_mut().flatten() {
            if let Key::Text(text) = key {
                cut_in_place(text, self.name);
            }
        }
    }
}

impl AnswerTable<'_> {
    /// Keeps the first rows and says how many there were.
    fn keep(&mut self, most: usize) {
        let Some(rows) = self.rows.held_mut().filter(|rows| rows.len() > most) else { return };
        let all = self.rows_of.unwrap_or(rows.len());
        rows.truncate(most);
        self.rows_of = Some(all);
        self.notes.retain(|note| !note.ends_with(CUT));
        self.notes.push(format!("{most} of {} rows{CUT}", units::count_u64(all as u64)));
    }
}

/// How the note about rows that were cut ends.
const CUT: &str = " shown, to keep this small; `analyze report --format json` has more";

fn cut_in_place(text: &mut String, most: usize) {
    // Bytes are at least as many as characters.
    if text.len() > most {
        *text = cut(text, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_once() {
        let mut table = AnswerTable::of(Vec::new(), vec![Vec::new(); 100]);
        table.keep(50);
        table.keep(20);
        assert_eq!(table.rows.held().len(), 20);
        assert_eq!(table.notes, [format!("20 of 100 rows{CUT}")]);
    }
}
