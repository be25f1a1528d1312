//! Incidents: what is bad for one reason, who has it and since when.

use super::count::Count;
use super::when::{Period, When};

/// What is bad for one reason.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Conditions of each scope: several fail together.
    pub scopes: Vec<Vec<u32>>,
    /// Bad rows, in order of time.
    pub bad: Vec<u32>,
    /// Good rows of the scopes while it lasted.
    pub good: Vec<u32>,
    /// Bad connects and all, of the scopes while it lasted.
    pub inside: Count,
    /// Good connects of the scopes at other times.
    pub good_else: u64,
    pub when: When,
    /// Spans of time it is made of.
    pub spells: usize,
    pub period: Option<Period>,
    /// Bad and all, outside.
    pub outside: Count,
    pub ratio: f64,
    pub pure: bool,
}

impl Incident {
    /// Bad connects among those of the scopes while it lasted.
    pub fn rate(&self) -> f64 {
        self.inside.rate()
    }

    /// Whether everything recorded is concerned.
    pub fn everything(&self) -> bool {
        self.scopes.iter().any(Vec::is_empty)
    }
}
