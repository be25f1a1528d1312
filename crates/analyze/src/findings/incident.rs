//! Incidents: what is bad for one reason, who has it and since when.

use connlat_schema::Outcome;

use super::baseline::Baselines;
use super::evidence::{Event, Evidence};
use super::scope::{Space, is_loopback};
use super::search::{Contrast, Count, Description};
use super::symptom::{Symptom, Verdict, verdicts};
use super::thresholds::T;
use super::when::{self, Pattern, Period, When};

/// Incidents of one family at most: what is left then is noise.
const MOST: usize = 12;
/// Two incidents that begin so soon after each other may be one, µs.
const TOGETHER: i64 = 1_000_000;

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

    fn contrast(&self, family: Family, rows: Vec<(u32, bool)>, timed: bool) -> Contrast<'_> {
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

/// Most that one connect can say about a stall, ns.
const LONGEST_STALL: i64 = 2_000_000_000;

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

/// Incidents of a family, the clearest first, and the bad rows that none
/// explains.
pub fn incidents(material: &Material<'_>, family: Family) -> (Vec<Incident>, Vec<u32>) {
    let mut rows = material.rows(family);
    let mut found: Vec<Incident> = Vec::new();
    while found.len() < MOST {
        let bad = rows.iter().filter(|row| row.1).count() as u64;
        if bad < T.failures {
            break;
        }
        let contrast = material.contrast(family, rows, true);
        let Some(best) = contrast.best().filter(clear) else {
            rows = contrast.rows;
            break;
        };
        let incident = incident(material, &contrast, &best);
        let taken: Vec<(u32, bool)> = match best.span {
            None => contrast.within(&best),
            Some(_) => {
                let (from, to) = (incident.when.first, incident.when.last);
                contrast.within(&Description { span: Some((from, to)), ..best })
            }
        };
        rows = contrast.rows;
        let taken: std::collections::HashSet<u32> = taken.into_iter().map(|row| row.0).collect();
        rows.retain(|row| !taken.contains(&row.0));
        found.push(incident);
    }
    let left = rows.into_iter().filter(|row| row.1).map(|row| row.0).collect();
    (merged(material, found), left)
}

/// More than chance.
fn clear(description: &Description) -> bool {
    let mostly = description.inside.rate() >= 0.5 && description.inside.bad >= T.failures as f64;
    let ratio = if mostly { T.clear / 2.0 } else { T.clear };
    description.ratio >= ratio && stands_out(description)
}

/// A low share is no other place's only if it is far above theirs.
fn stands_out(description: &Description) -> bool {
    let (inside, outside) = (description.inside.rate(), description.outside.rate());
    inside >= T.high_share || inside >= T.contrast * outside
}

fn incident(material: &Material<'_>, contrast: &Contrast<'_>, best: &Description) -> Incident {
    let whole = Description { span: None, ..best.clone() };
    let of_scope = contrast.within(&whole);
    let times: Vec<(i64, bool)> =
        of_scope.iter().map(|(row, bad)| (material.event(*row).time, *bad)).collect();
    let when = when::when(&times, best.span);
    let (first, last) = when.map_or((0, i64::MAX), |when| (when.first, when.last));
    let throughout = when.is_none_or(|when| when.pattern == Pattern::Scattered);
    let during = |row: u32| throughout || (first..=last).contains(&material.event(row).time);
    let rows = |bad: bool, inside: bool| -> Vec<u32> {
        let rows = of_scope.iter().filter(|row| row.1 == bad).map(|row| row.0);
        rows.filter(|row| during(*row) == inside).collect()
    };
    let (bad, good) = (rows(true, true), rows(false, true));
    let sum = |rows: &[u32]| rows.iter().map(|r| contrast.weight(material.event(*r))).sum::<f64>();
    let inside = Count { bad: sum(&bad), all: sum(&bad) + sum(&good) + contrast.unseen };
    let nowhen = When { began: None, ended: None, first, last, pattern: Pattern::Scattered };
    Incident {
        scopes: vec![best.scope.clone()],
        good,
        inside,
        good_else: material.weight(&rows(false, false)),
        bad,
        when: when.unwrap_or(nowhen),
        spells: 1,
        period: None,
        outside: best.outside,
        ratio: best.ratio,
        pure: best.pure,
    }
}

/// What is left as one incident of everything that was recorded, or of all
/// that the rows share.
pub fn remainder(material: &Material<'_>, family: Family, left: &[u32]) -> Option<Incident> {
    let rows = material.rows(family);
    let of_left: std::collections::HashSet<u32> = left.iter().copied().collect();
    let rows: Vec<(u32, bool)> =
        rows.into_iter().filter(|row| !row.1 || of_left.contains(&row.0)).collect();
    let contrast = material.contrast(family, rows, false);
    // What is not clear enough by itself is still the best that can be said.
    let best = contrast.best().filter(|best| best.ratio >= T.clear / 2.0 && stands_out(best));
    let total = contrast.total();
    let everything = best.unwrap_or(Description {
        scope: Vec::new(),
        span: None,
        inside: total,
        outside: Count::default(),
        ratio: 0.0,
        pure: true,
    });
    let everything = contrast.narrowed(everything);
    (!left.is_empty()).then(|| incident(material, &contrast, &everything))
}

/// Incidents within the bad part of every cycle.
pub fn periodic(material: &Material<'_>, family: Family) -> Option<Incident> {
    let rows = material.rows(family);
    let bad: Vec<(i64, f64)> = rows
        .iter()
        .filter(|row| row.1)
        .map(|row| (material.event(row.0).time, material.lost(row.0).min(LONGEST_STALL) as f64))
        .collect();
    let period = when::period(&bad)?;
    let (on, off): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| period.covers(material.event(row.0).time));
    let bad_off = off.iter().filter(|row| row.1).count();
    let sum = |rows: &mut dyn Iterator<Item = &(i64, f64)>| rows.map(|row| row.1).sum::<f64>();
    let lost_off = sum(&mut bad.iter().filter(|row| !period.covers(row.0)));
    if lost_off * 4.0 > sum(&mut bad.iter()) {
        return None;
    }
    let contrast = material.contrast(family, on, false);
    let best = contrast.best()?;
    let best = if best.ratio >= T.clear {
        best
    } else {
        let inside = contrast.total();
        let outside = Count { bad: bad_off as f64, all: off.len() as f64 };
        Description { scope: Vec::new(), span: None, inside, outside, ratio: T.clear, pure: true }
    };
    // More connects than at other times make their own queue, or are the rhythm
    // of a program.
    let of_scope = |row: &&(u32, bool)| material.space.holds(&best.scope, row.0 as usize);
    let inside = contrast.rows.iter().filter(of_scope).count() as f64;
    let all = inside + off.iter().filter(of_scope).count() as f64;
    let part = (period.length as f64 + period.every as f64 * 0.04).max(1.0);
    if inside * period.every as f64 > 2.5 * part * all {
        return None;
    }
    let mut incident = incident(material, &contrast, &best);
    incident.when.pattern = Pattern::Periodic(period.every);
    incident.period = Some(period);
    (incident.rate() >= 0.5).then_some(incident)
}

/// What began together at places of one kind, and what came back at the same
/// place, is one.
fn merged(material: &Material<'_>, incidents: Vec<Incident>) -> Vec<Incident> {
    let mut out: Vec<Incident> = Vec::new();
    for incident in incidents {
        let same = out
            .iter_mut()
            .find(|known| is_same(known, &incident) || are_one(material, known, &incident));
        match same {
            Some(known) => merge(known, incident),
            None => out.push(incident),
        }
    }
    out
}

/// Whether a spell at the same place weighs so much that it is one more, or
/// lies so near that it is the same.
fn is_same(known: &Incident, other: &Incident) -> bool {
    let comparable = is_near(known, other) || other.bad.len() * 4 >= known.bad.len();
    known.scopes == other.scopes && comparable
}

/// Whether two spells are apart by less than an eighth of the longer one.
fn is_near(a: &Incident, b: &Incident) -> bool {
    let length = |incident: &Incident| incident.when.last.saturating_sub(incident.when.first);
    let apart = a.when.first.max(b.when.first).saturating_sub(a.when.last.min(b.when.last));
    apart <= length(a).max(length(b)) / 8
}

fn are_one(material: &Material<'_>, a: &Incident, b: &Incident) -> bool {
    let kinds = |incident: &Incident| -> Option<Vec<_>> {
        let scope = incident.scopes.first().filter(|scope| !scope.is_empty())?;
        Some(scope.iter().map(|condition| material.space.dimension(*condition)).collect())
    };
    let (Some(of_a), Some(of_b)) = (kinds(a), kinds(b)) else { return false };
    let tolerance = ((a.when.last - a.when.first) / 8).max(TOGETHER);
    let near = |a: Option<i64>, b: Option<i64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= tolerance,
        (None, None) => true,
        _ => false,
    };
    let place = of_a.iter().zip(&of_b).all(|(a, b)| a == b || (a.is_place() && b.is_place()));
    of_a.len() == of_b.len()
        && place
        && a.when.pattern == b.when.pattern
        && a.when.pattern != Pattern::Scattered
        && near(a.when.began, b.when.began)
        && near(a.when.ended, b.when.ended)
        && (a.rate() - b.rate()).abs() < 0.3
}

fn merge(known: &mut Incident, other: Incident) {
    if known.scopes == other.scopes {
        if !is_near(known, &other) {
            // Once more at the same place.
            known.when.pattern = Pattern::Scattered;
            known.spells += other.spells;
        }
        let earlier = other.when.first < known.when.first;
        let later = other.when.last > known.when.last;
        if earlier {
            known.when.began = other.when.began;
        }
        if later {
            known.when.ended = other.when.ended;
        }
    } else {
        known.scopes.extend(other.scopes);
    }
    known.when.first = known.when.first.min(other.when.first);
    known.when.last = known.when.last.max(other.when.last);
    known.bad.extend(other.bad);
    known.bad.sort_unstable();
    known.bad.dedup();
    known.good.extend(other.good);
    known.inside.bad += other.inside.bad;
    known.inside.all += other.inside.all;
    known.good_else = known.good_else.max(other.good_else);
    known.ratio = known.ratio.max(other.ratio);
    known.pure &= other.pure;
}
