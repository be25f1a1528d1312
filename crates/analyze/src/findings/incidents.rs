//! Where incidents are found: one after another in what is not explained yet.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::count::Count;
use super::incident::Incident;
use super::joined::joined;
use super::material::{Family, Material};
use super::search::{Contrast, Description};
use super::thresholds::T;
use super::when::{self, Pattern, When};

/// Incidents of one family at most: what is left then is noise.
const MOST: usize = 12;

/// Most that one connect can say about a stall, ns.
const LONGEST_STALL: i64 = 2_000_000_000;

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
        let taken: HashSet<u32, RandomState> = taken.into_iter().map(|row| row.0).collect();
        rows.retain(|row| !taken.contains(&row.0));
        found.push(incident);
    }
    let left = rows.into_iter().filter(|row| row.1).map(|row| row.0).collect();
    (joined(material, found), left)
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
    let of_left: HashSet<u32, RandomState> = left.iter().copied().collect();
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
    let inside = material.space.inside(&best.scope);
    let of_scope = |row: &&(u32, bool)| inside.holds(row.0);
    let met = contrast.rows.iter().filter(of_scope).count() as f64;
    let all = met + off.iter().filter(of_scope).count() as f64;
    let part = (period.length as f64 + period.every as f64 * 0.04).max(1.0);
    if met * period.every as f64 > 2.5 * part * all {
        return None;
    }
    let mut incident = incident(material, &contrast, &best);
    incident.when.pattern = Pattern::Periodic(period.every);
    incident.period = Some(period);
    (incident.rate() >= 0.5).then_some(incident)
}
