//! Findings: what a person would be told first, each with the figures it
//! rests on and the command that shows the rows. `docs/analysis.md` defines
//! every one and says when not to believe it.

mod command;
mod evidence;
mod gather;
mod local;
mod loss;
mod onset;
mod pattern;
mod ports;
mod race;
mod ranks;
mod refused;
mod scope;
mod settings;
mod silent;
mod slow;

pub use command::Command;
pub use evidence::{Evidence, MOST_ROWS};
pub use gather::Gathering;
pub use scope::partial;
pub use settings::Settings;

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable name for programs.
    pub kind: &'static str,
    /// How it ranks before others.
    pub class: Class,
    /// Connects it concerns: what ranks within a class.
    pub connects: u64,
    /// The finding with its figures, safe for a terminal.
    pub text: String,
    /// What shows the rows.
    pub command: String,
}

/// What a finding says; later ones rank first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// When, or how to count.
    Context,
    /// What programs do about it.
    Behaviour,
    /// Why.
    Cause,
}

/// Everything that can be found, worst first.
pub fn all(evidence: &Evidence) -> Vec<Finding> {
    let silent = silent::silent(evidence);
    let mut findings = silent.findings;
    findings.extend(ports::local_errors(evidence));
    findings.extend(race::eyeballs(evidence));
    findings.extend(pattern::abandoned(evidence));
    findings.extend(pattern::storms(evidence));
    // Everything else compares with what went well.
    if !evidence.partial {
        findings.extend(refused::refused(evidence));
        findings.extend(loss::lost_syns(evidence, &silent.ports));
        let held_up = local::held_up(evidence);
        findings.extend(slow::destinations(evidence, &held_up.who));
        findings.extend(held_up.findings);
        findings.extend(pattern::loops(evidence));
        findings.extend(onset::onset(evidence));
    }
    findings.sort_by(|a, b| {
        b.class.cmp(&a.class).then(b.connects.cmp(&a.connects)).then(a.text.cmp(&b.text))
    });
    findings
}
