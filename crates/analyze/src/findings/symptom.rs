//! What each row proves by itself, beside what is usual at its destination.

use std::collections::HashMap;

use connlat_schema::Outcome;

use super::baseline::Baselines;
use super::evidence::{Event, Evidence};
use super::thresholds::T;
use super::timers;

/// Why a connect is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symptom {
    /// A reset within the usual time of an answer.
    Refused,
    /// A reset long after.
    RefusedLate,
    /// The kernel gave up, or the SYN was repeated in vain until the program or
    /// the recording ended.
    NoAnswer,
    /// Answered, but not to the first SYN, or only by a repeated SYN-ACK.
    RepeatedSyn,
    /// An ICMP error or no route.
    Unreachable,
    /// Given up by the program before the SYN was repeated, and far later than
    /// answers usually come.
    GivenUp,
    /// The same, where others waited about as long and were answered.
    GivenUpSlow,
    /// Failed on this host before a SYN left.
    Local,
    /// Latency far above the measured round trip.
    LocalDelay,
    /// Slow for its own destination.
    Slow,
}

impl Symptom {
    /// Stable name for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::RefusedLate => "refused_late",
            Self::NoAnswer => "no_answer",
            Self::RepeatedSyn => "repeated_syn",
            Self::Unreachable => "unreachable",
            Self::GivenUp | Self::GivenUpSlow => "given_up",
            Self::Local => "no_local_port",
            Self::LocalDelay | Self::Slow => "slow",
        }
    }
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answered as usual.
    Good,
    /// Says nothing: young and in flight, cancelled early, or lost a race.
    Nothing,
    Bad(Symptom),
}

/// Of each event, in their order.
pub fn verdicts(evidence: &Evidence, usual: &Baselines) -> Vec<Verdict> {
    let events = &evidence.events;
    let mut verdicts: Vec<Verdict> = events.iter().map(|event| verdict(event, usual)).collect();
    // Whoever gives up while others wait as long for an answer met a slow
    // place, not a silent one.
    let place = |event: &Event| (event.machine, event.netns, event.dst, event.dst_port);
    let mut slow: HashMap<_, Vec<i64>> = HashMap::new();
    let mut given_up: HashMap<_, Vec<usize>> = HashMap::new();
    for (row, event) in events.iter().enumerate() {
        match verdicts[row] {
            Verdict::Bad(Symptom::Slow) => {
                slow.entry(place(event)).or_default().push(event.latency_ns);
            }
            Verdict::Bad(Symptom::GivenUp) => given_up.entry(place(event)).or_default().push(row),
            _ => {}
        }
    }
    for (place, rows) in given_up {
        let Some(slow) = slow.get(&place) else { continue };
        for row in &rows {
            let as_long = slow.iter().filter(|ns| **ns >= events[*row].latency_ns / 2).count();
            if as_long * 5 >= rows.len() {
                verdicts[*row] = Verdict::Bad(Symptom::GivenUpSlow);
            }
        }
    }
    verdicts
}

/// What one event says.
pub fn verdict(event: &Event, usual: &Baselines) -> Verdict {
    if event.raced {
        return Verdict::Nothing;
    }
    match event.outcome {
        Outcome::LocalError => Verdict::Bad(Symptom::Local),
        Outcome::Unreachable => Verdict::Bad(Symptom::Unreachable),
        Outcome::TimedOut => Verdict::Bad(Symptom::NoAnswer),
        Outcome::Refused if is_late(event, usual) => Verdict::Bad(Symptom::RefusedLate),
        Outcome::Refused => Verdict::Bad(Symptom::Refused),
        Outcome::InFlight | Outcome::Aborted if timers::waited_for_a_retry(event) => {
            Verdict::Bad(Symptom::NoAnswer)
        }
        Outcome::Aborted if in_vain(event, usual) => Verdict::Bad(Symptom::GivenUp),
        Outcome::Aborted if event.latency_ns >= T.vain_more && is_slow(event, usual) => {
            Verdict::Bad(Symptom::GivenUpSlow)
        }
        Outcome::InFlight | Outcome::Aborted => Verdict::Nothing,
        Outcome::Established if timers::waited_for_a_retry(event) => {
            Verdict::Bad(Symptom::RepeatedSyn)
        }
        // A SYN repeated within milliseconds answers a challenge ACK: the
        // server still held an old connection of the same ports.
        Outcome::Established if event.retransmits > 0 || !event.measured => Verdict::Good,
        Outcome::Established if answered_late(event, usual) => Verdict::Bad(Symptom::RepeatedSyn),
        Outcome::Established if is_local(event) => Verdict::Bad(Symptom::LocalDelay),
        Outcome::Established if is_slow(event, usual) => Verdict::Bad(Symptom::Slow),
        Outcome::Established => Verdict::Good,
    }
}

fn is_late(event: &Event, usual: &Baselines) -> bool {
    let known = usual.service(event).or_else(|| usual.network(event));
    let expected = known.map_or(0, |usual| usual.p90);
    timers::waited_for_a_retry(event) || event.latency_ns >= expected.saturating_add(T.late_more)
}

fn in_vain(event: &Event, usual: &Baselines) -> bool {
    let usual = usual.nearest(event).map_or(0, |usual| usual.p90);
    event.latency_ns >= T.vain_more && event.latency_ns as f64 >= usual as f64 * T.vain_times
}

/// Answered on the timer with which servers repeat their SYN-ACK, which runs
/// as long as that of the SYN: the first one was lost.
fn answered_late(event: &Event, usual: &Baselines) -> bool {
    let known = usual.service(event).or_else(|| usual.network(event));
    let Some(trip) = known.map(|usual| usual.fastest) else { return false };
    let more = event.latency_ns.saturating_sub(trip);
    let on = |timer: i64| (timer - timer / 20..timer + timer / 20).contains(&more);
    trip * 4 < T.first_retry && [1, 3].iter().any(|n| on(n * T.first_retry))
}

/// The kernel measures the round trip from the SYN on: what comes before it
/// left is not in it.
fn is_local(event: &Event) -> bool {
    let Some(rtt) = event.rtt_ns() else { return false };
    let more = event.latency_ns.saturating_sub(rtt);
    rtt > 0 && more >= T.local_more && more as f64 >= rtt as f64 * T.local_times
}

fn is_slow(event: &Event, usual: &Baselines) -> bool {
    let Some(usual) = usual.service(event) else { return false };
    let more = event.latency_ns.saturating_sub(usual.fastest);
    more >= T.slow_more && event.latency_ns as f64 >= usual.fastest as f64 * T.slow_times
}
