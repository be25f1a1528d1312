//! Programs that connect to one place in a loop.

use std::cmp::Reverse;

use connlat_schema::Outcome;

use super::behaviour::{behaviour, by_caller, place_fields};
use super::command;
use super::evidence::weight;
use super::finding::Finding;
use super::material::Material;
use super::ranks::{ascending, rank};
use super::thresholds::T;
use crate::units;

/// Pauses between connects of a loop, ns, and how alike they are. A second and
/// more is what health checks have.
const LOOP_PAUSE: std::ops::RangeInclusive<i64> = 10_000_000..=900_000_000;
const LOOP_SPREAD: f64 = 1.25;
/// The longest pause in usual ones: bursts have longer ones between.
const LONGEST_LOOP: i64 = 5;
/// Share of all connects above which loops are how these programs work.
const USUAL_LOOPS: f64 = 0.5;

/// One process that connects to one place over and over, evenly.
pub fn loops(material: &Material<'_>) -> Vec<Finding> {
    let evidence = material.evidence;
    // A sample has gaps of its own.
    if evidence.one_in > 1 {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let settled = evidence.events.iter().filter(|e| e.outcome == Outcome::Established);
    let all = weight(settled.clone());
    for ((_, pid, comm, _, dst, port), settled) in by_caller(settled) {
        // A script that makes many processes is no loop of one.
        if pid.is_none() || (settled.len() as u64) < T.reconnects {
            continue;
        }
        let pauses =
            settled.windows(2).map(|pair| pair[1].start_ns.saturating_sub(pair[0].end_ns()));
        let pauses = ascending(pauses);
        let at = |q: f64| rank(&pauses, q).unwrap_or(0);
        let (low, middle, high) = (at(0.1), at(0.5), at(0.9));
        let even = high as f64 <= low as f64 * LOOP_SPREAD;
        if !LOOP_PAUSE.contains(&low) || !even || at(1.0) > low.saturating_mul(LONGEST_LOOP) {
            continue;
        }
        let first = settled[0];
        let text = format!(
            "{} ({}) connected to {} {} times, each time {} after the last: a loop of reconnects, or \
             polling",
            evidence.text(comm),
            first.pid,
            evidence.place(dst, port),
            settled.len(),
            units::duration(middle)
        );
        let command = evidence.command.events(
            "",
            &[
                Some(format!("pid = {}", first.pid)),
                command::is("dst_addr", evidence.raw(dst)),
                Some(format!("dst_port = {port}")),
            ],
        );
        let scope = place_fields(material, first);
        findings.push(behaviour(evidence, "reconnect_loop", &settled, scope, text, command));
    }
    let looping: u64 = findings.iter().map(|finding| finding.connects).sum();
    if looping as f64 > USUAL_LOOPS * all as f64 {
        return Vec::new();
    }
    findings.sort_by_key(|finding| Reverse(finding.connects));
    findings.truncate(2);
    findings
}
