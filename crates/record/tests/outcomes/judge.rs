//! Expected against recorded, line by line.

use test_support::Row;

use crate::expected::Expected;
use crate::stage::{Done, Skip};

/// One line of the table.
#[derive(Debug)]
pub struct Line {
    pub case: String,
    pub expected: String,
    pub recorded: String,
    pub verdict: Verdict,
}

#[derive(Debug)]
pub enum Verdict {
    Right,
    Wrong(Vec<String>),
    Skipped(Skip),
}

/// Judges every case, and then every row that no case explains.
pub fn judge(cases: &[Done], rows: &[Row]) -> Vec<Line> {
    let mut lines: Vec<Line> = cases.iter().flat_map(|case| judge_case(case, rows)).collect();
    let pid = std::process::id().cast_signed();
    for row in rows {
        let explained = cases.iter().any(|case| case.report.is_ok() && accounts_for(case, row));
        let of_rig = row.pid == pid || cases.iter().any(|case| case.netns == row.netns);
        if of_rig && !explained {
            lines.push(Line {
                case: "(unexplained)".to_owned(),
                expected: "no row".to_owned(),
                recorded: describe_row(row),
                verdict: Verdict::Wrong(vec![format!("{row:?}")]),
            });
        }
    }
    lines
}

/// Whether the row was already looked at as one of this case's.
fn accounts_for(case: &Done, row: &Row) -> bool {
    case.netns == row.netns || namespaces(case).contains(&row.netns)
}

fn namespaces(case: &Done) -> Vec<i64> {
    match &case.report {
        Ok(Ok(expected)) => expected.iter().map(|expected| expected.netns).collect(),
        _ => Vec::new(),
    }
}

fn judge_case(case: &Done, rows: &[Row]) -> Vec<Line> {
    let line = |expected: &str, recorded: String, verdict| Line {
        case: case.name.to_owned(),
        expected: expected.to_owned(),
        recorded,
        verdict,
    };
    let expected = match &case.report {
        Ok(Ok(expected)) => expected,
        Ok(Err(skip)) => return vec![line("", String::new(), Verdict::Skipped(skip.clone()))],
        Err(panic) => return vec![line("", String::new(), Verdict::Wrong(vec![panic.clone()]))],
    };
    let recorded: Vec<&Row> = rows.iter().filter(|row| accounts_for(case, row)).collect();
    if expected.len() != recorded.len() {
        let wrong = recorded.iter().map(|row| format!("{row:?}")).collect();
        let recorded = format!("{} rows", recorded.len());
        return vec![line(&format!("{} rows", expected.len()), recorded, Verdict::Wrong(wrong))];
    }
    let mut pairs: Vec<(&Expected, &Row)> = Vec::new();
    let mut in_order: Vec<&Expected> = expected.iter().collect();
    in_order.sort_by_key(|expected| expected.start.from);
    pairs.extend(in_order.into_iter().zip(recorded));
    if pairs.is_empty() {
        return vec![line("no row", "no row".to_owned(), Verdict::Right)];
    }
    if pairs.iter().all(|(expected, _)| expected.truth.is_some_and(|truth| truth.median)) {
        return vec![judge_median(case.name, &pairs)];
    }
    let judged = pairs.iter().map(|(expected, row)| {
        let differences = expected.differences(row);
        let label = if expected.label.is_empty() {
            case.name.to_owned()
        } else {
            format!("{}: {}", case.name, expected.label)
        };
        Line {
            case: label,
            expected: describe(expected),
            recorded: describe_row(row),
            verdict: if differences.is_empty() {
                Verdict::Right
            } else {
                Verdict::Wrong(differences)
            },
        }
    });
    judged.collect()
}

/// Many rows of one kind: each has to be right, and their median error small.
fn judge_median(name: &str, pairs: &[(&Expected, &Row)]) -> Line {
    let mut wrong: Vec<String> =
        pairs.iter().flat_map(|(expected, row)| expected.differences(row)).collect();
    let truths = || pairs.iter().filter_map(|(expected, row)| Some((expected.truth?, *row)));
    let off = median(truths().map(|(truth, row)| row.latency_ns - truth.latency_ns));
    let tolerance = median(truths().map(|(truth, _)| truth.tolerance_ns));
    if off.abs() > tolerance {
        wrong.push(format!("median latency off by {off} ns, allowed {tolerance}"));
    }
    let truth = median(truths().map(|(truth, _)| truth.latency_ns));
    let latency = median(truths().map(|(_, row)| row.latency_ns));
    Line {
        case: name.to_owned(),
        expected: format!("{} established, {}", pairs.len(), milliseconds(truth)),
        recorded: format!(
            "{} rows, {}, off by {:.1} µs of {:.1}",
            pairs.len(),
            milliseconds(latency),
            off as f64 / 1e3,
            tolerance as f64 / 1e3
        ),
        verdict: if wrong.is_empty() { Verdict::Right } else { Verdict::Wrong(wrong) },
    }
}

fn median(values: impl Iterator<Item = i64>) -> i64 {
    let mut values: Vec<i64> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn describe(expected: &Expected) -> String {
    let (outcome, errno) = (expected.outcome, expected.errno);
    facts(outcome, errno, expected.flags, expected.retransmits)
}

fn describe_row(row: &Row) -> String {
    let facts = facts(&row.outcome, row.errno, row.flags, row.syn_retransmits);
    format!("{facts}, {}", milliseconds(row.latency_ns))
}

fn facts(outcome: &str, errno: Option<i32>, flags: i32, retransmits: i32) -> String {
    let mut text = outcome.to_owned();
    if let Some(errno) = errno {
        text.push_str(&format!(" {errno}"));
    }
    if flags != 0 {
        text.push_str(&format!(", flags {flags}"));
    }
    if retransmits != 0 {
        text.push_str(&format!(", {retransmits} SYN again"));
    }
    text
}

fn milliseconds(ns: i64) -> String {
    format!("{:.3} ms", ns as f64 / 1e6)
}
