//! What all findings look at, computed once, and which rows speak for and
//! against each family of trouble.

use connlat_schema::Outcome;

use super::baseline::Baselines;
use super::evidence::{Event, Evidence};
use super::scope::{Space, is_loopback};
use super::search::Contrast;
use super::symptom::{Symptom, Verdict, verdicts};

/// Symptoms that may have one reason.
#[derive(Debug, Clone, Copy)]
pub enum Family {
    Unreachable,
    /// No answer to the first SYN.
    Unanswered,
    Refused,
    /// Failed on this host, with these errnos.
    Local(fn(&Event) -> bool),
    LocalDelay,
    Slow,
    /// Slow or unanswered: whatever a stall does.
    Late,
}

impl Family {
    /// Whether a row is bad or good; none if it says nothing.
    fn role(self, event: &Event, verdict: Verdict) -> Option<bool> {
        use Symptom::{
            GivenUp, GivenUpSlow, Local, LocalDelay, NoAnswer, Refused, RefusedLate, RepeatedSyn,
            Slow, Unreachable,
        };
        if let Self::Local(of_class) = self {
            return match verdict {
                Verdict::Bad(Local) => of_class(event).then_some(true),
                _ => Some(false),
            };
        }
        let symptom = match verdict {
            Verdict::Nothing => return None,
            Verdict::Good => return Some(false),
            Verdict::Bad(symptom) => symptom,
        };
        match self {
            Self::Unreachable => match symptom {
                Unreachable => Some(true),
                Slow | LocalDelay | Refused | RepeatedSyn => Some(false),
                _ => None,
            },
            Self::Unanswered => match symptom {
                NoAnswer | RepeatedSyn | GivenUp => Some(true),
                Slow | LocalDelay | Refused | RefusedLate => Some(false),
                _ => None,
            },
            Self::Refused => match symptom {
                Refused | RefusedLate => Some(true),
                Slow | LocalDelay | RepeatedSyn => Some(false),
                _ => None,
            },
            Self::LocalDelay => match symptom {
                LocalDelay => Some(true),
                Slow => Some(false),
                _ => None,
            },
            Self::Slow => match symptom {
                Slow | GivenUpSlow => Some(true),
                _ => None,
            },
            Self::Late => match symptom {
                Slow | GivenUpSlow | NoAnswer | RepeatedSyn | GivenUp => Some(true),
                _ => None,
            },
            Self::Local(_) => None,
        }
    }

    /// What is sampled like the rest is counted like it.
    fn alike(self) -> bool {
        matches!(self, Self::Slow | Self::LocalDelay)
    }

    fn leaves_the_host(self) -> bool {
        !matches!(self, Self::Local(_) | Self::LocalDelay)
    }
}

/// Everything that findings look at, computed once.
pub struct Material<'a> {
    pub evidence: &'a Evidence,
    pub space: Space,
    pub usual: Baselines,
    pub verdicts: Vec<Verdict>,
    /// Rows that an incident has explained.
    pub claimed: Vec<bool>,
}

impl<'a> Material<'a> {
    pub fn of(evidence: &'a Evidence) -> Self {
        let usual = Baselines::of(evidence);
        let verdicts = verdicts(evidence, &usual);
        let claimed = vec![false; verdicts.len()];
        Self { evidence, space: Space::of(evidence), usual, verdicts, claimed }
    }

    pub fn event(&self, row: u32) -> &'a Event {
        &self.evidence.events[row as usize]
    }

    pub fn events(&self, rows: &[u32]) -> Vec<&'a Event> {
        rows.iter().map(|row| self.event(*row)).collect()
    }

    pub fn symptom(&self, row: u32) -> Option<Symptom> {
        match self.verdicts[row as usize] {
            Verdict::Bad(symptom) => Some(symptom),
            _ => None,
        }
    }

    /// Time that a bad connect lost, ns: all of it if it failed, what was more
    /// than usual if it got through.
    pub fn lost(&self, row: u32) -> i64 {
        let event = self.event(row);
        let usual = match event.outcome {
            Outcome::Established => self.usual.nearest(event).map_or(0, |usual| usual.p50),
            _ => 0,
        };
        event.latency_ns.saturating_sub(usual).max(0)
    }

    /// Connects that rows stand for.
    pub fn weight(&self, rows: &[u32]) -> u64 {
        super::evidence::weight(self.events(rows))
    }

    /// Rows that say something about a family and are not explained yet.
    pub fn rows(&self, family: Family) -> Vec<(u32, bool)> {
        let here =
            |event: &Event| event.src == event.dst || is_loopback(self.evidence.raw(event.dst));
        let rows = self.evidence.events.iter().enumerate();
        let mut rows: Vec<(u32, bool)> = rows
            .filter(|(row, _)| !self.claimed[*row])
            .filter_map(|(row, event)| Some((row as u32, family.role(event, self.verdicts[row])?)))
            .collect();
        // Connects within the host are no comparison for those that leave it.
        let within = |row: &(u32, bool)| here(self.event(row.0));
        if family.leaves_the_host() && !rows.iter().any(|row| row.1 && within(row)) {
            rows.retain(|row| !within(row));
        }
        rows
    }

    pub fn contrast(&self, family: Family, rows: Vec<(u32, bool)>, timed: bool) -> Contrast<'_> {
        let alike = family.alike() || self.evidence.thinned;
        let events = &self.evidence.events;
        // Of what went well only a part was kept: that none of it is seen in a
        // scope does not mean that there was none.
        let one_in = self.evidence.one_in;
        let unseen = if alike || one_in == 1 { 0.0 } else { UNSEEN * one_in as f64 };
        Contrast { space: &self.space, events, rows, alike, timed, unseen }
    }
}

/// Connects of a sample that may be missing where none is: 95 times in a
/// hundred it is no more.
const UNSEEN: f64 = 3.0;
