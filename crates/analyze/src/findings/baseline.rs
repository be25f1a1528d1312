//! What connects usually take, computed once and shared: per destination as
//! one network namespace of one machine sees it, for equal addresses need not
//! be the same place elsewhere.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

use super::evidence::{Event, Evidence, TextId};
use super::ranks::{ascending, rank};
use super::thresholds::T;

/// The fastest are one of so many, or the third where there are few.
const FASTEST: usize = 50;

/// Latencies of connects that were answered to the first SYN, ns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// What the fastest take: the round trip, whatever happens for most of the
    /// time.
    pub fastest: i64,
    pub p50: i64,
    pub p90: i64,
    pub connects: usize,
}

impl Usual {
    fn of(latencies: Vec<i64>) -> Option<Self> {
        let sorted = ascending(latencies);
        if sorted.is_empty() {
            return None;
        }
        let at = |q| rank(&sorted, q);
        let fastest = sorted.get((sorted.len() / FASTEST).max(2).min(sorted.len() - 1));
        Some(Self { fastest: *fastest?, p50: at(0.5)?, p90: at(0.9)?, connects: sorted.len() })
    }
}

type From = (TextId, i64);

/// Each event is looked up several times.
type Map<K, V> = HashMap<K, V, RandomState>;

/// What is usual from where to where.
pub struct Baselines {
    services: Map<(From, TextId, i64), Usual>,
    networks: Map<(From, TextId), Usual>,
    sources: Map<From, Usual>,
}

impl Baselines {
    /// Of every event that was answered to its first SYN.
    pub fn of(evidence: &Evidence) -> Self {
        let plain = || evidence.events.iter().filter(|e| e.measured && e.retransmits == 0);
        let (mut services, mut networks, mut sources) =
            (Map::default(), Map::default(), Map::default());
        for event in plain() {
            let from = (event.machine, event.netns);
            let push = |latencies: &mut Vec<i64>| latencies.push(event.latency_ns);
            push(services.entry((from, event.dst, event.dst_port)).or_default());
            push(networks.entry((from, event.net)).or_default());
            push(sources.entry(from).or_default());
        }
        Self { services: usual(services), networks: usual(networks), sources: usual(sources) }
    }

    /// At the destination itself, if enough were answered there.
    pub fn service(&self, event: &Event) -> Option<&Usual> {
        let from = (event.machine, event.netns);
        let known = self.services.get(&(from, event.dst, event.dst_port))?;
        (known.connects as u64 >= T.usual).then_some(known)
    }

    /// In the destination's network.
    pub fn network(&self, event: &Event) -> Option<&Usual> {
        self.networks.get(&((event.machine, event.netns), event.net))
    }

    /// The nearest that is known: at the destination, in its network, from the
    /// same namespace.
    pub fn nearest(&self, event: &Event) -> Option<&Usual> {
        let from = (event.machine, event.netns);
        let service = self.services.get(&(from, event.dst, event.dst_port));
        service.or_else(|| self.network(event)).or_else(|| self.sources.get(&from))
    }
}

fn usual<K: Eq + Hash>(latencies: Map<K, Vec<i64>>) -> Map<K, Usual> {
    latencies.into_iter().filter_map(|(key, values)| Some((key, Usual::of(values)?))).collect()
}
