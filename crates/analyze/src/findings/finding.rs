//! A finding, as people and programs read it.

use super::incident::Incident;
use super::material::{Family, Material};
use super::picture::Picture;
use super::scope::Field;
use super::thresholds::T;
use super::{row_filter, words};

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Stable name for programs.
    pub kind: &'static str,
    /// How it ranks before others.
    pub class: Class,
    /// What the rows show.
    pub symptom: Option<&'static str>,
    /// Why, if the rows prove it.
    pub cause: Option<&'static str>,
    /// Why else it may be.
    pub alternatives: Vec<&'static str>,
    /// Who is affected; nothing is everything recorded.
    pub scope: Vec<Field>,
    /// Destinations, the most affected first.
    pub examples: Vec<String>,
    /// When it began and ended, µs since 1970 UTC, as far as known.
    pub began: Option<i64>,
    pub ended: Option<i64>,
    /// Whether it had not ended when the recording stopped.
    pub ongoing: bool,
    pub pattern: &'static str,
    /// Bad connects it explains, what ranks within a class.
    pub connects: u64,
    /// Connects in its scope while it lasted, and the good ones of them.
    pub of: u64,
    pub good: u64,
    /// Time lost, ns.
    pub waited_ns: i64,
    pub confidence: Confidence,
    /// The finding with its figures, safe for a terminal.
    pub text: String,
    /// What shows the rows.
    pub command: String,
    /// When and who, where a picture was asked for.
    pub picture: Option<Picture>,
}

/// What a finding says; later ones rank first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// What programs do about it.
    Behaviour,
    /// Rare misfortunes.
    Background,
    /// What was so before the recording and did no more harm than before.
    Standing,
    /// What went wrong.
    Cause,
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    /// Stable name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Finding {
    /// Time lost and connects that went wrong, as one number: a failure that
    /// costs no time is still worth a fifth of a second.
    pub fn harm(&self) -> f64 {
        self.waited_ns as f64 / 1e9 + self.connects as f64 * 0.2
    }
}

/// How sure an incident is.
fn confidence(incident: &Incident) -> Confidence {
    match incident {
        Incident { ratio, pure: true, bad, .. } if *ratio >= 2.0 * T.clear && bad.len() >= 8 => {
            Confidence::High
        }
        Incident { ratio, .. } if *ratio >= T.clear => Confidence::Medium,
        _ => Confidence::Low,
    }
}

/// A finding of an incident, without its words.
pub fn of(
    material: &Material<'_>,
    family: Family,
    incident: &Incident,
    kind: &'static str,
) -> Finding {
    let connects = material.weight(&incident.bad);
    let good = material.weight(&incident.good);
    let symptom = words::symptom(material, incident);
    let waited = incident.bad.iter().map(|row| words::lost(material, *row));
    let standing = incident.when.pattern == super::when::Pattern::Always
        && incident.good.is_empty()
        && incident.good_else == 0;
    Finding {
        kind,
        class: if standing { Class::Standing } else { Class::Cause },
        symptom,
        cause: None,
        alternatives: Vec::new(),
        scope: words::fields(material, incident),
        examples: words::examples(material, incident),
        began: incident.when.began,
        ended: incident.when.ended,
        ongoing: incident.when.ongoing(),
        pattern: incident.when.pattern.name(),
        connects,
        of: connects.saturating_add(good),
        good,
        waited_ns: waited.fold(0, i64::saturating_add),
        confidence: confidence(incident),
        text: String::new(),
        command: row_filter::command(material, family, incident),
        picture: Picture::of(material.evidence, &material.events(&incident.bad)),
    }
}
