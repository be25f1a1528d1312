//! Findings: what a person would be told first, each with the figures it
//! rests on and the command that shows the rows. `docs/analysis.md` says how
//! they are found and when not to believe them.
//!
//! Every row has a verdict of its own ([`symptom`]); the bad ones of a family
//! are contrasted with the good ones over who, where and when ([`search`]);
//! each contrast that is more than chance is an incident ([`incidents`]), and
//! each kind of incident says what its rows prove.

mod baseline;
mod behaviour;
mod command;
mod count;
mod deployment;
mod evidence;
mod fallback;
mod finding;
mod gather;
mod grid;
mod incident;
mod incidents;
mod joined;
mod load;
mod material;
mod modes;
mod moments;
mod partial;
mod picture;
mod ports;
mod race;
mod ranks;
mod reconnect;
mod refused;
mod row_filter;
mod scope;
mod search;
mod settings;
mod shell;
mod slow;
mod stall;
mod storm;
mod symptom;
mod thresholds;
mod timers;
mod unanswered;
mod unreachable;
mod when;
mod words;

pub use command::Command;
pub use evidence::Evidence;
pub use finding::{Class, Finding};
pub use gather::Gathering;
pub use grid::Grid;
pub use partial::partial;
pub use picture::{Counts, Picture};
pub use settings::Settings;

use material::Material;
use scope::Value;

/// Everything that can be found, worst first.
pub fn all(evidence: &Evidence) -> Vec<Finding> {
    let mut material = Material::of(evidence);
    let mut findings = ports::findings(&material);
    findings.extend(unreachable::findings(&mut material));
    // What compares with what went well needs all of it.
    let whole = !evidence.partial;
    if whole {
        findings.extend(stall::stalls(&mut material));
    }
    if whole {
        findings.extend(refused::findings(&mut material));
    }
    findings.extend(unanswered::findings(&mut material));
    if whole {
        findings.extend(stall::local(&mut material));
        let moved = deployment::findings(&material);
        findings.extend(slow::findings(&mut material));
        findings.extend(moved);
    }
    findings.extend(without_repeats(fallback::findings(&material), &findings));
    findings.extend(behaviour::abandoned(&material));
    findings.extend(storm::storms(&material));
    if whole {
        findings.extend(reconnect::loops(&material));
    }
    findings.sort_by(|a, b| {
        let harm = b.harm().total_cmp(&a.harm());
        // Not by their texts: names must not change the order.
        b.class.cmp(&a.class).then(harm).then(a.began.cmp(&b.began))
    });
    findings
}

/// Without fallbacks from a family of which it is said already that it does
/// not answer.
fn without_repeats(fallbacks: Vec<Finding>, known: &[Finding]) -> Vec<Finding> {
    let six = ("family", Value::Text("ipv6".to_owned()));
    let said = known.iter().any(|f| f.kind == "no_answer" && f.scope.contains(&six));
    fallbacks.into_iter().filter(|f| !said || !f.scope.contains(&six)).collect()
}
