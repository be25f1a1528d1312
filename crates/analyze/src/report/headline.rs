//! What comes first: the heading, the figures everyone asks for, and whether
//! to believe them.

use serde::Serialize;

use super::table::{Shown, cell};
use crate::answer::{AnswerTable, Report};
use crate::units;

/// One figure in large letters.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub name: &'static str,
    /// Its name in JSON.
    pub key: &'static str,
    pub shown: Shown,
    /// What is said beneath.
    pub beneath: String,
    /// Whether it is no good news.
    pub bad: bool,
}

/// As typed, else by the hosts.
pub fn title(report: &Report<'_>) -> String {
    if let Some(Some(title)) = &report.page {
        return title.clone();
    }
    match report.trust.hosts.as_slice() {
        [] => "TCP connects".to_owned(),
        [host] if report.trust.machines < 2 => format!("TCP connects of {host}"),
        [host] => format!("TCP connects of {} machines called {host}", report.trust.machines),
        [host, others @ ..] => {
            format!(
                "TCP connects of {host} and {}",
                units::counted(others.len() as u64, "other host")
            )
        }
    }
}

/// When that was.
pub fn recorded(report: &Report<'_>) -> String {
    let trust = report.trust;
    format!(
        "{} to {} UTC, {}",
        units::time(trust.start, 0),
        units::time(trust.stop, 0),
        units::span(trust.stop.saturating_sub(trust.start))
    )
}

/// The figures.
pub fn figures(report: &Report<'_>, whole: &AnswerTable<'_>) -> Vec<Figure> {
    let at = |name: &str| whole.columns.iter().position(|column| column.name == name);
    let shown = |name: &str| {
        let index = at(name)?;
        Some(cell(whole.rows.held().first()?.get(index)?, whole.columns[index].kind))
    };
    let is_zero = |shown: &Shown| shown.value.as_deref() == Some("0");
    let mut figures = Vec::new();
    let mut figure = |name, key, beneath: String, alarming: bool| {
        if let Some(shown) = shown(key) {
            let bad = alarming && !is_zero(&shown);
            figures.push(Figure { name, key, shown, beneath, bad });
        }
    };
    let rate =
        shown("failure_rate").map_or_else(String::new, |rate| format!("{} of all", rate.text));
    let selected = if report.selected.is_some() { "selected" } else { "recorded" };
    figure("connects", "connects", selected.to_owned(), false);
    figure("failed", "failed", rate, true);
    figure("p50", "p50_ns", "half took no longer".to_owned(), false);
    figure("p99", "p99_ns", "99 of 100 took no longer".to_owned(), false);
    figure("max", "max_ns", "the longest established".to_owned(), false);
    figure("SYNs sent again", "syn_retransmits", "of all connects".to_owned(), false);
    let unknown = report.trust.losses_unknown();
    let lost = report.trust.lost_total();
    figures.push(Figure {
        name: "lost",
        key: "lost_total",
        shown: Shown {
            text: if unknown { "unknown".to_owned() } else { units::count_u64(lost) },
            value: (!unknown).then(|| lost.to_string()),
        },
        beneath: "connects without a row".to_owned(),
        bad: unknown || lost > 0,
    });
    figures
}
