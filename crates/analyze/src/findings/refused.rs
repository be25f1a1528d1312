//! Refused connects: a server that was away for a while, one of several that
//! does not listen, or a port where nothing ever did.

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group, weight};
use super::{Class, Finding, command};
use crate::units;

/// Refused connects that make a finding.
const FEWEST: usize = 3;
/// Those among others that answered, and their share.
const FEWEST_AMONG: u64 = 5;
const LOWEST_SHARE: f64 = 0.02;
/// How many times fewer runs of refusals there must be than chance would make.
const FEWER_RUNS: f64 = 3.0;

/// Destinations that refuse.
pub fn refused(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((address, port), events) in group(&evidence.events, |event| (event.dst, event.dst_port)) {
        let answers: Vec<&Event> = events.iter().copied().filter(|e| e.answered()).collect();
        let refused: Vec<&Event> =
            answers.iter().copied().filter(|event| event.outcome == Outcome::Refused).collect();
        if refused.len() < FEWEST {
            continue;
        }
        let Some((kind, text)) = say(&evidence.dst(address, port), &answers, &refused) else {
            continue;
        };
        findings.push(Finding {
            kind,
            class: Class::Cause,
            connects: weight(refused.iter().copied()),
            text,
            command: evidence.command.events(
                "",
                &[
                    command::is("dst_addr", evidence.raw(address)),
                    Some(format!("dst_port = {port}")),
                    Some("outcome = 'refused'".to_owned()),
                ],
            ),
        });
    }
    findings
}

fn say(place: &str, answers: &[&Event], refused: &[&Event]) -> Option<(&'static str, String)> {
    let (first, last) = (refused[0].time, refused[refused.len() - 1].time);
    let count = weight(refused.iter().copied());
    let established = weight(answers.iter().copied()) - count;
    let many = units::counted(count, "connect");
    if established == 0 {
        let text = format!("{place} refused every connect ({many}): nothing listens there");
        return Some(("closed_port", text));
    }
    let is_run = |pair: &[&Event]| {
        pair[0].outcome != Outcome::Refused && pair[1].outcome == Outcome::Refused
    };
    let runs = answers.windows(2).filter(|pair| is_run(pair)).count()
        + usize::from(answers[0].outcome == Outcome::Refused);
    // Refusals and others in random order make about so many runs.
    let others = (answers.len() - refused.len()) as f64;
    let chance = refused.len() as f64 * (others + 1.0) / answers.len() as f64;
    if runs == 1 || runs as f64 * FEWER_RUNS <= chance {
        let at = |event: &&Event| event.outcome == Outcome::Refused;
        let around = match (answers.first().is_some_and(at), answers.last().is_some_and(at)) {
            (true, true) => "it answered between: the server was there for a while",
            (true, false) => "it answered afterwards: the server was starting",
            (false, true) => "it had answered before and did not again: the server stopped",
            (false, false) if runs > 1 => {
                "it answered between: the server restarts again and again"
            }
            (false, false) => "it answered before and after: the server restarted",
        };
        let spells = if runs > 1 { format!(", {runs} times") } else { String::new() };
        let text = format!(
            "{place} refused {many} from {} to {} ({}{spells}); {around}",
            units::clock(first, 3),
            units::clock(last, 3),
            units::span(last - first)
        );
        return Some(("refused_burst", text));
    }
    let share = count as f64 / (count + established) as f64;
    (count >= FEWEST_AMONG && share >= LOWEST_SHARE).then(|| {
        let text = format!(
            "{place} refused {many} of {} ({}), now and then: one of several servers behind it does \
             not listen, or its queue overflows",
            units::count_u64(count + established),
            units::percent(share)
        );
        ("refused_often", text)
    })
}
