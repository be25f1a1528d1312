//! SYNs that had to be sent again: lost on the way, or dropped by a full
//! listen queue.

use std::collections::{BTreeMap, BTreeSet};

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group, weight};
use super::{Class, Finding, command};
use crate::units;

/// Retransmitted connects that make a finding.
const FEWEST: u64 = 5;
/// Share of connects that makes one.
const LOWEST_SHARE: f64 = 0.02;
/// How much more often than elsewhere it must be to be called local to a place.
const TIMES_THE_REST: f64 = 5.0;
/// Connects a port must have to be called fine.
const ENOUGH: u64 = 10;

/// Places where SYNs get lost, the widest that explains it.
pub fn lost_syns(evidence: &Evidence, silent: &BTreeSet<(usize, i64)>) -> Vec<Finding> {
    let concerned: Vec<&Event> = evidence
        .events
        .iter()
        .filter(|event| !matches!(event.outcome, Outcome::LocalError | Outcome::Unreachable))
        .filter(|event| !event.raced)
        .filter(|event| !silent.contains(&(event.dst, event.dst_port)))
        .collect();
    let total = Share::of(&concerned);
    if total.again < FEWEST {
        return Vec::new();
    }
    let nets = group(concerned.iter().copied(), |event| event.net);
    let shares: Vec<(usize, Share)> = nets.iter().map(|(net, e)| (*net, Share::of(e))).collect();
    let lossy = |share: &Share| share.again >= FEWEST && share.share() >= LOWEST_SHARE;
    let known = shares.iter().filter(|(_, share)| share.all >= ENOUGH).count();
    let bad: Vec<usize> = shares
        .iter()
        .filter(|(_, share)| {
            lossy(share) && share.share() >= TIMES_THE_REST * total.less(share).share()
        })
        .map(|(net, _)| *net)
        .collect();
    let worse_together = shares.iter().filter(|(_, share)| lossy(share)).count();
    if bad.is_empty() && worse_together == 0 {
        return Vec::new();
    }
    if known > 1 && bad.is_empty() {
        return vec![everywhere(evidence, &concerned)];
    }
    // One network is all there is: it is named, without anything to compare.
    let bad = if bad.is_empty() { nets.keys().copied().collect() } else { bad };
    let within = bad.iter().filter_map(|net| Some((*net, nets.get(net)?)));
    within.map(|(net, events)| in_network(evidence, net, events, &total)).collect()
}

/// Connects and those that sent a SYN again.
#[derive(Clone, Copy)]
struct Share {
    again: u64,
    all: u64,
}

impl Share {
    fn of(events: &[&Event]) -> Self {
        let again = events.iter().filter(|event| event.retransmits > 0).copied();
        Self { again: weight(again), all: weight(events.iter().copied()) }
    }

    fn less(self, other: &Self) -> Self {
        Self { again: self.again - other.again, all: self.all - other.all }
    }

    fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.again as f64 / self.all as f64 }
    }
}

/// Parts of a place that have to do with it: not those that are fine, or
/// nearly so.
fn concerned<K: Ord + Copy>(parts: &BTreeMap<K, Vec<&Event>>) -> Vec<K> {
    let shares: Vec<(K, Share)> = parts.iter().map(|(key, e)| (*key, Share::of(e))).collect();
    let worst = shares.iter().map(|(_, share)| share.share()).fold(0.0, f64::max);
    let fine = |share: &Share| {
        share.again == 0 || (share.all >= ENOUGH && share.share() * TIMES_THE_REST <= worst)
    };
    shares.iter().filter(|(_, share)| !fine(share)).map(|(key, _)| *key).collect()
}

fn everywhere(evidence: &Evidence, events: &[&Event]) -> Finding {
    let share = Share::of(events);
    Finding {
        kind: "syn_loss",
        class: Class::Cause,
        connects: share.again,
        text: format!(
            "SYNs get lost, to no network more than to others: {} of {} sent one again ({}){}; look at \
             this end of the network first",
            units::count_u64(share.again),
            units::counted(share.all, "connect"),
            units::percent(share.share()),
            steps(evidence, events)
        ),
        command: evidence.command.events("", &[Some("syn_retransmits > 0".to_owned())]),
    }
}

fn in_network(evidence: &Evidence, net: usize, events: &[&Event], total: &Share) -> Finding {
    let hosts = group(events.iter().copied(), |event| event.dst);
    let bad_hosts = concerned(&hosts);
    let retry = Some("syn_retransmits > 0".to_owned());
    let (share, finding);
    if let [host] = bad_hosts[..] {
        let events = &hosts[&host];
        let ports = group(events.iter().copied(), |event| event.dst_port);
        let bad_ports = concerned(&ports);
        let is_host = command::is("dst_addr", evidence.raw(host));
        if let [port] = bad_ports[..] {
            share = Share::of(&ports[&port]);
            let fine = Share::of(events).less(&share);
            let local = ports[&port].iter().any(|event| here(evidence, event));
            let place = evidence.dst(host, port);
            let port_only = format!("dst_port = {port}");
            let command = evidence.command.events("", &[is_host, Some(port_only), retry]);
            let many = counts(evidence, share, &ports[&port]);
            if local || fine.all >= ENOUGH {
                let why = if local {
                    "no network lies between".to_owned()
                } else {
                    format!(
                        "other ports of the host answered all of {} at once",
                        units::count_u64(fine.all)
                    )
                };
                let text =
                    format!("{place} drops SYNs: {many}; {why}, so its listen queue overflows");
                return Finding {
                    kind: "listen_overflow",
                    class: Class::Cause,
                    connects: share.again,
                    text,
                    command,
                };
            }
            finding = (place, command);
        } else {
            share = Share::of(events);
            finding = (evidence.text(host), evidence.command.events("", &[is_host, retry]));
        }
    } else {
        share = Share::of(events);
        let command = evidence.command.events("", &[evidence.in_network(net, events), retry]);
        finding = (evidence.text(net), command);
    }
    let (place, command) = finding;
    let rest = total.less(&share);
    let rest = match rest.all {
        0 => "there was nothing else to compare with".to_owned(),
        all => {
            format!("of {} to elsewhere {}", units::count_u64(all), units::count_u64(rest.again))
        }
    };
    let many = counts(evidence, share, events);
    Finding {
        kind: "syn_loss",
        class: Class::Cause,
        connects: share.again,
        text: format!("SYNs to {place} get lost: {many}; {rest}"),
        command,
    }
}

fn counts(evidence: &Evidence, share: Share, events: &[&Event]) -> String {
    format!(
        "{} of {} sent one again ({}){}",
        units::count_u64(share.again),
        units::counted(share.all, "connect"),
        units::percent(share.share()),
        steps(evidence, events)
    )
}

/// Whether the destination is this host.
fn here(evidence: &Evidence, event: &Event) -> bool {
    let address = evidence.raw(event.dst);
    event.src == event.dst || address == "::1" || address.starts_with("127.")
}

/// When the kernel sends SYNs again, s after the first.
fn retry_times(linear: i64) -> Vec<i64> {
    let (mut at, mut timeout) = (0, 1);
    (0..10)
        .map(|retry| {
            at += timeout;
            // Timeouts double once the linear ones are used up.
            if retry >= linear {
                timeout *= 2;
            }
            at
        })
        .collect()
}

/// Where the latencies of those that got through lie: on the retry timer.
fn steps(evidence: &Evidence, events: &[&Event]) -> String {
    // Timers are coarse and the handshake itself takes a while.
    let on = |at: i64, latency_ns: i64| {
        (at * 1_000_000_000 - 50_000_000..at * 1_150_000_000 + 150_000_000).contains(&latency_ns)
    };
    let mut counted: BTreeMap<i64, usize> = BTreeMap::new();
    for events in group(events.iter().copied(), |event| (event.host, event.netns)).values() {
        // Without the setting it is a kernel before 6.5, which has none.
        let linear = events
            .first()
            .and_then(|event| evidence.setting(event, "net.ipv4.tcp_syn_linear_timeouts"));
        let linear = linear.and_then(|count| count.parse().ok()).unwrap_or(0).clamp(0, 10);
        let times = retry_times(linear);
        for event in events.iter().filter(|event| event.measured && event.retransmits > 0) {
            if let Some(at) = times.iter().find(|at| on(**at, event.latency_ns)) {
                *counted.entry(*at).or_default() += 1;
            }
        }
    }
    if counted.is_empty() {
        return String::new();
    }
    let steps: Vec<String> =
        counted.iter().take(4).map(|(at, count)| format!("{count} after {at} s")).collect();
    format!(", and got through on steps of the retry timer: {}", steps.join(", "))
}

#[cfg(test)]
mod tests {
    use super::retry_times;

    #[test]
    fn retries_of_old_and_new_kernels() {
        assert_eq!(retry_times(0)[..5], [1, 3, 7, 15, 31]);
        assert_eq!(retry_times(4)[..8], [1, 2, 3, 4, 5, 7, 11, 19]);
    }
}
