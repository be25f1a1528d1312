//! Destinations that do not answer, cannot be reached, or refuse.

use std::collections::BTreeSet;

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group, weight};
use super::{Class, Finding, command};
use crate::units;

/// Connects that make a finding.
const FEWEST: usize = 3;

/// Destinations without an answer.
pub struct Silent {
    pub findings: Vec<Finding>,
    /// (address, port).
    pub ports: BTreeSet<(usize, i64)>,
}

/// Whether an attempt waited for an answer in vain.
fn in_vain(event: &Event) -> bool {
    match event.outcome {
        Outcome::TimedOut => true,
        Outcome::Aborted | Outcome::InFlight => event.retransmits > 0,
        _ => false,
    }
}

/// The longest run of attempts in vain without an answer between them.
fn longest_run<'a>(events: &[&'a Event]) -> Vec<&'a Event> {
    let mut best: Vec<&Event> = Vec::new();
    let mut run: Vec<&Event> = Vec::new();
    for event in events {
        if in_vain(event) {
            run.push(event);
            if run.len() > best.len() {
                best.clone_from(&run);
            }
        } else if event.answered() {
            run.clear();
        }
    }
    best
}

/// Blackholes: hosts or ports from which nothing came back for a while.
pub fn silent(evidence: &Evidence) -> Silent {
    let mut found = Silent { findings: Vec::new(), ports: BTreeSet::new() };
    for (address, of_host) in group(&evidence.events, |event| event.dst) {
        let ports = group(of_host.iter().copied(), |event| event.dst_port);
        let mut runs: Vec<(i64, Vec<&Event>)> = Vec::new();
        for (port, events) in &ports {
            let run = longest_run(events);
            let vain = events.iter().filter(|event| in_vain(event)).count();
            if run.len() >= FEWEST && run.len() * 2 >= vain {
                runs.push((*port, run));
                found.ports.insert((address, *port));
            }
        }
        let Some((first_port, first_run)) = runs.first() else { continue };
        let whole_host = runs.len() == ports.len();
        let all: Vec<&Event> = runs.iter().flat_map(|(_, run)| run.iter().copied()).collect();
        let (place, condition) = if whole_host && runs.len() > 1 {
            (evidence.text(address), None)
        } else {
            (evidence.dst(address, *first_port), Some(format!("dst_port = {first_port}")))
        };
        let answered = weight(of_host.iter().copied().filter(|event| event.answered()));
        let since = all.iter().map(|event| event.time).min().unwrap_or(0);
        let until = all.iter().map(|event| event.time).max().unwrap_or(0);
        let longest = first_run.iter().map(|event| event.latency_ns).max().unwrap_or(0);
        let others = match (answered, whole_host) {
            (0, _) => "; nothing ever came back from it".to_owned(),
            (n, false) => format!("; other ports of the host answered {}: a firewall?", times(n)),
            (n, true) => format!("; it answered {} outside that time", times(n)),
        };
        found.findings.push(Finding {
            kind: "no_answer",
            class: Class::Cause,
            connects: weight(all.iter().copied()),
            text: format!(
                "{place} does not answer: {} in vain from {} to {}, up to {} each{others}",
                units::counted(weight(all.iter().copied()), "connect"),
                units::clock(since, 0),
                units::clock(until, 0),
                units::duration(longest)
            ),
            command: evidence
                .command
                .events("", &[command::is("dst_addr", evidence.raw(address)), condition]),
        });
    }
    found
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", units::count_u64(count)) }
}

/// Hosts that a router or the kernel says cannot be reached.
pub fn unreachable(evidence: &Evidence) -> Vec<Finding> {
    let failed = evidence.events.iter().filter(|event| event.outcome == Outcome::Unreachable);
    let groups = group(failed, |event| event.net).into_iter();
    groups
        .filter(|(_, events)| events.len() >= FEWEST)
        .map(|(net, events)| {
            let hosts = group(events.iter().copied(), |event| event.dst);
            let error = events[0].errno.and_then(crate::question::errno_name).unwrap_or("no errno");
            let (place, condition) = match hosts.keys().next() {
                Some(host) if hosts.len() == 1 => {
                    (evidence.text(*host), command::is("dst_addr", evidence.raw(*host)))
                }
                _ => (evidence.text(net), command::in_network(evidence.raw(net))),
            };
            Finding {
                kind: "unreachable",
                class: Class::Cause,
                connects: weight(events.iter().copied()),
                text: format!(
                    "{place} cannot be reached: {} ended with {error}, from {} to {}",
                    units::counted(weight(events.iter().copied()), "connect"),
                    units::clock(events[0].time, 0),
                    units::clock(events[events.len() - 1].time, 0)
                ),
                command: evidence.command.events("--failed", &[condition]),
            }
        })
        .collect()
}

/// Refused connects: a server that was away for a while, or a closed port.
pub fn refused(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((address, port), events) in group(&evidence.events, |event| (event.dst, event.dst_port)) {
        let is_refused = |event: &&&Event| event.outcome == Outcome::Refused;
        let refused: Vec<&Event> = events.iter().filter(is_refused).copied().collect();
        if refused.len() < FEWEST {
            continue;
        }
        let (first, last) = (refused[0].time, refused[refused.len() - 1].time);
        let established = |from: i64, to: i64| {
            weight(events.iter().copied().filter(|event| {
                event.outcome == Outcome::Established && (from..=to).contains(&event.time)
            }))
        };
        let (before, between, after) = (
            established(i64::MIN, first - 1),
            established(first, last),
            established(last + 1, i64::MAX),
        );
        let (place, count) = (evidence.dst(address, port), weight(refused.iter().copied()));
        let many = units::counted(count, "connect");
        let (kind, text) = if before + between + after == 0 {
            let text = format!("{place} refused every connect ({many}): nothing listens there");
            ("closed_port", text)
        } else if between > count {
            let share = count as f64 / (count + between) as f64;
            let text = format!(
                "{place} refused {many} ({}) all through the recording: some of what answers there \
                 does not listen",
                units::percent(share)
            );
            ("refused_often", text)
        } else {
            let around = match (before, after) {
                (0, _) => "it answered afterwards: the server was starting",
                (_, 0) => "it had answered before and did not again: the server stopped",
                _ => "it answered before and after: the server restarted",
            };
            let text = format!(
                "{place} refused {many} from {} to {} ({}); {around}",
                units::clock(first, 3),
                units::clock(last, 3),
                units::span(last - first)
            );
            ("refused_burst", text)
        };
        findings.push(Finding {
            kind,
            class: Class::Cause,
            connects: count,
            text,
            command: evidence.command.events(
                "--failed",
                &[
                    command::is("dst_addr", evidence.raw(address)),
                    Some(format!("dst_port = {port}")),
                ],
            ),
        });
    }
    findings
}
