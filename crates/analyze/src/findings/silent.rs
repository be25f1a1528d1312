//! Destinations that do not answer, or of which a router says that they
//! cannot be reached.

use std::collections::{BTreeMap, BTreeSet};

use connlat_schema::Outcome;

use super::evidence::{Event, Evidence, group, weight};
use super::ranks::quantile;
use super::{Class, Finding, command};
use crate::units;

/// Connects that make a finding, and those that do if none waited for a
/// second.
const FEWEST: usize = 3;
const FEWEST_EARLY: usize = 5;
/// Those that do among others that were answered, and their share.
const FEWEST_AMONG: u64 = 5;
const LOWEST_SHARE: f64 = 0.02;
/// When the kernel sends a SYN again for the first time, ns.
const FIRST_RETRY: i64 = 1_000_000_000;
/// A connect given up before that waited in vain if it took so many times what
/// is usual there, and so long, ns.
const TIMES_USUAL: i64 = 5;
const AT_LEAST: i64 = 50_000_000;
/// Measured connects that say what is usual.
const ENOUGH: usize = 3;

/// Destinations without an answer.
pub struct Silent {
    pub findings: Vec<Finding>,
    /// (address, port) of everything named here.
    pub ports: BTreeSet<(usize, i64)>,
}

/// What the slower connects to a place take while it answers.
struct Usual {
    ports: BTreeMap<(usize, i64), i64>,
    nets: BTreeMap<usize, i64>,
    all: i64,
}

impl Usual {
    fn of(evidence: &Evidence) -> Self {
        let plain: Vec<&Event> =
            evidence.events.iter().filter(|e| e.measured && e.retransmits == 0).collect();
        let p90 = |events: Vec<&Event>| (events.len() >= ENOUGH).then(|| quantile(events, 0.9));
        let ports = group(plain.iter().copied(), |event| (event.dst, event.dst_port));
        let nets = group(plain.iter().copied(), |event| event.net);
        Self {
            ports: ports.into_iter().filter_map(|(key, e)| Some((key, p90(e)?))).collect(),
            nets: nets.into_iter().filter_map(|(key, e)| Some((key, p90(e)?))).collect(),
            all: p90(plain).unwrap_or(0),
        }
    }

    /// Whether an attempt waited for an answer in vain.
    fn in_vain(&self, event: &Event) -> bool {
        match event.outcome {
            Outcome::TimedOut => true,
            Outcome::Aborted | Outcome::InFlight if event.raced => false,
            Outcome::Aborted | Outcome::InFlight => {
                let usual = self.ports.get(&(event.dst, event.dst_port));
                let usual = usual.or_else(|| self.nets.get(&event.net)).unwrap_or(&self.all);
                let limit = usual.saturating_mul(TIMES_USUAL).max(AT_LEAST);
                event.retransmits > 0 || event.latency_ns >= limit
            }
            _ => false,
        }
    }

    /// The longest run of attempts in vain without an answer between them.
    fn longest_run<'a>(&self, events: &[&'a Event]) -> Vec<&'a Event> {
        let mut best: Vec<&Event> = Vec::new();
        let mut run: Vec<&Event> = Vec::new();
        for event in events {
            if self.in_vain(event) {
                run.push(event);
            } else if event.answered() {
                if run.len() > best.len() {
                    best = std::mem::take(&mut run);
                }
                run.clear();
            }
        }
        if run.len() > best.len() { run } else { best }
    }
}

/// Ports of hosts with the attempts that waited in vain.
type Runs<'a> = BTreeMap<(usize, i64), Vec<&'a Event>>;

/// Hosts and ports from which nothing came back for a while, and networks that
/// cannot be reached.
pub fn silent(evidence: &Evidence) -> Silent {
    let usual = Usual::of(evidence);
    let mut found = Silent { findings: Vec::new(), ports: BTreeSet::new() };
    for (net, of_net) in group(&evidence.events, |event| event.net) {
        if let Some((finding, hosts)) = unreachable(evidence, net, &of_net, &usual) {
            found.findings.push(finding);
            let of_hosts = of_net.iter().filter(|event| hosts.contains(&event.dst));
            found.ports.extend(of_hosts.map(|event| (event.dst, event.dst_port)));
        }
        let mut runs: Runs<'_> = BTreeMap::new();
        for (place, events) in group(of_net.iter().copied(), |e| (e.dst, e.dst_port)) {
            let run = usual.longest_run(&events);
            let vain = events.iter().filter(|event| usual.in_vain(event)).count();
            let early = run.iter().all(|event| waited_little(event));
            let fewest = if early { FEWEST_EARLY } else { FEWEST };
            if !found.ports.contains(&place) && run.len() >= fewest && run.len() * 2 >= vain {
                runs.insert(place, run);
            }
        }
        found.ports.extend(runs.keys());
        found.findings.extend(no_answers(evidence, net, &of_net, runs));
    }
    found
}

/// One finding for a network from which nothing answers, else one for a host.
fn no_answers(evidence: &Evidence, net: usize, of_net: &[&Event], runs: Runs<'_>) -> Vec<Finding> {
    let hosts: BTreeSet<usize> = runs.keys().map(|(host, _)| *host).collect();
    let all: Vec<&Event> = runs.values().flatten().copied().collect();
    let (since, until) = span(&all);
    let alive = |event: &&Event| event.answered() && (since..=until).contains(&event.time);
    if hosts.len() > 1 && !of_net.iter().copied().any(|event| alive(&event)) {
        return vec![no_answer(evidence, (net, &hosts), of_net, &runs)];
    }
    let each = hosts.into_iter().map(|host| {
        let of_host: Vec<&Event> =
            of_net.iter().copied().filter(|event| event.dst == host).collect();
        let runs: Runs<'_> = runs
            .iter()
            .filter(|((other, _), _)| *other == host)
            .map(|(place, run)| (*place, run.clone()))
            .collect();
        no_answer(evidence, (net, &BTreeSet::from([host])), &of_host, &runs)
    });
    each.collect()
}

fn waited_little(event: &Event) -> bool {
    event.outcome != Outcome::TimedOut && event.retransmits == 0 && event.latency_ns < FIRST_RETRY
}

fn no_answer(
    evidence: &Evidence,
    (net, hosts): (usize, &BTreeSet<usize>),
    around: &[&Event],
    runs: &Runs<'_>,
) -> Finding {
    let all: Vec<&Event> = runs.values().flatten().copied().collect();
    let (since, until) = span(&all);
    let longest = all.iter().map(|event| event.latency_ns).max().unwrap_or(0);
    let answered = |silent: bool| {
        weight(around.iter().copied().filter(|event| {
            let meanwhile = (since..=until).contains(&event.time);
            event.answered()
                && runs.contains_key(&(event.dst, event.dst_port)) == silent
                && (silent || meanwhile)
        }))
    };
    let (own, others) = (answered(true), answered(false));
    let others = if evidence.partial {
        String::new()
    } else if others > 0 {
        format!(
            "; other ports of the host answered {} meanwhile: a firewall, or a full listen queue",
            times(others)
        )
    } else if own > 0 {
        format!("; it answered {} at other times", times(own))
    } else {
        "; nothing ever came back from it".to_owned()
    };
    let ports: BTreeSet<i64> = runs.keys().map(|(_, port)| *port).collect();
    let ports: Vec<String> = ports.iter().map(i64::to_string).collect();
    let (place, conditions) = match (hosts.first(), &ports[..]) {
        (Some(host), [port]) if hosts.len() == 1 => {
            let place = evidence.dst(*host, port.parse().unwrap_or_default());
            let is_host = command::is("dst_addr", evidence.raw(*host));
            (place, vec![is_host, Some(format!("dst_port = {port}"))])
        }
        (Some(host), _) if hosts.len() == 1 => {
            let listed = match &ports[..] {
                [first, second, _, _, ..] => {
                    format!("{first}, {second} and {} more", ports.len() - 2)
                }
                few => few.join(", "),
            };
            let place = format!("{} (ports {listed})", evidence.text(*host));
            (place, vec![command::is("dst_addr", evidence.raw(*host))])
        }
        _ => {
            let place = format!("{} ({} hosts)", evidence.text(net), hosts.len());
            (place, vec![evidence.in_network(net, &all)])
        }
    };
    let (within, ended) = if all.iter().all(|event| waited_little(event)) {
        (format!(" within {}", units::duration(longest)), "were given up".to_owned())
    } else {
        (String::new(), format!("waited up to {} in vain", units::duration(longest)))
    };
    Finding {
        kind: "no_answer",
        class: Class::Cause,
        connects: weight(all.iter().copied()),
        text: format!(
            "{place} does not answer{within}: {} {ended} from {} to {}{others}",
            units::counted(weight(all.iter().copied()), "connect"),
            units::clock(since, 0),
            units::clock(until, 0),
        ),
        command: evidence.command.events(
            "",
            &[
                conditions,
                vec![Some("outcome IN ('timed_out', 'aborted', 'in_flight')".to_owned())],
            ]
            .concat(),
        ),
    }
}

/// First and last start, µs.
fn span(events: &[&Event]) -> (i64, i64) {
    let times = || events.iter().map(|event| event.time);
    (times().min().unwrap_or(0), times().max().unwrap_or(0))
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{} times", units::count_u64(count)) }
}

/// A network or host of which a router or the kernel says that it cannot be
/// reached. Routers limit how many ICMP errors they send: other attempts get no
/// answer at all.
fn unreachable(
    evidence: &Evidence,
    net: usize,
    of_net: &[&Event],
    usual: &Usual,
) -> Option<(Finding, BTreeSet<usize>)> {
    let told: Vec<&Event> = of_net
        .iter()
        .copied()
        .filter(|event| event.outcome == Outcome::Unreachable && !event.raced)
        .collect();
    if told.len() < FEWEST {
        return None;
    }
    let (since, until) = span(&told);
    let mut hosts: BTreeSet<usize> = told.iter().map(|event| event.dst).collect();
    for (host, events) in group(of_net.iter().copied(), |event| event.dst) {
        let mut meanwhile = events.iter().filter(|event| (since..=until).contains(&event.time));
        if meanwhile.clone().any(|event| usual.in_vain(event))
            && !meanwhile.any(|event| event.answered())
        {
            hosts.insert(host);
        }
    }
    let of_hosts: Vec<&Event> =
        of_net.iter().copied().filter(|event| hosts.contains(&event.dst)).collect();
    let vain: Vec<&Event> = of_hosts.iter().copied().filter(|e| usual.in_vain(e)).collect();
    let both: Vec<&Event> = told.iter().chain(&vain).copied().collect();
    let (place, condition) = match hosts.first() {
        Some(host) if hosts.len() == 1 => {
            (evidence.text(*host), command::is("dst_addr", evidence.raw(*host)))
        }
        _ => (evidence.text(net), evidence.in_network(net, &both)),
    };
    let errors = group(told.iter().copied(), |event| event.errno);
    let error = errors.iter().max_by_key(|(_, events)| events.len());
    let error = error.and_then(|(errno, _)| crate::errno::name((*errno)?));
    let silent = match weight(vain.iter().copied()) {
        0 => String::new(),
        count => format!(
            ", {} more without an answer (routers limit such errors)",
            units::count_u64(count)
        ),
    };
    let (since, until) = span(&both);
    let established = |meanwhile: bool| {
        weight(of_hosts.iter().copied().filter(|event| {
            event.outcome == Outcome::Established
                && (since..=until).contains(&event.time) == meanwhile
        }))
    };
    let count = weight(both.iter().copied());
    let (before, meanwhile) = (established(false), established(true));
    if meanwhile > count {
        // Hosts picked because they failed would make any share look high.
        let all = if hosts.len() > 1 {
            weight(of_net.iter().copied().filter(|e| (since..=until).contains(&e.time)))
        } else {
            count + meanwhile
        };
        if count < FEWEST_AMONG || (count as f64) < LOWEST_SHARE * all as f64 {
            return None;
        }
    }
    let established = match (meanwhile > 0, before) {
        _ if evidence.partial => String::new(),
        (true, _) => format!("; {} were established meanwhile", units::count_u64(meanwhile)),
        (false, 0) => "; none was established".to_owned(),
        (false, _) => format!("; {} were established at other times", units::count_u64(before)),
    };
    let finding = Finding {
        kind: "unreachable",
        class: Class::Cause,
        connects: count,
        text: format!(
            "{place} cannot be reached: {} ended with {}{silent}, from {} to {}{established}",
            units::counted(weight(told.iter().copied()), "connect"),
            error.unwrap_or("no errno"),
            units::clock(since, 0),
            units::clock(until, 0)
        ),
        command: evidence.command.events("--failed", &[condition]),
    };
    Some((finding, hosts))
}
