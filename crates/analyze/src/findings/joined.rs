//! Which incidents are one: they began together, or came back at one place.

use super::incident::Incident;
use super::material::Material;
use super::when::Pattern;

/// Two incidents that begin so soon after each other may be one, µs.
const TOGETHER: i64 = 1_000_000;
/// What began together at places of one kind, and what came back at the same
/// place, is one.
pub fn joined(material: &Material<'_>, incidents: Vec<Incident>) -> Vec<Incident> {
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
