//! The rows that findings rest on, in memory and in order of time.
//!
//! Every row of a capture of usual size. Of larger inputs: every connect that
//! failed or sent a SYN again, and an even sample of the others, each of which
//! then counts for as many as it stands for.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use connlat_schema::Outcome;
use foldhash::fast::RandomState;

use super::command::Command;
use super::grid::Grid;
use super::settings::Settings;
use crate::names::Names;

/// Where not every row is evidence, about so many of those that are unremarkable.
pub const SAMPLED: u64 = 150_000;

/// A text by number, see [`Evidence::raw`].
pub type TextId = u32;

/// One connect; there may be a million, so numbers are as small as their columns'.
/// Text is kept once and referred to by number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// µs since 1970 UTC.
    pub time: i64,
    pub start_ns: i64,
    pub latency_ns: i64,
    pub outcome: Outcome,
    pub errno: Option<i32>,
    pub retransmits: i32,
    pub rtt_us: Option<i32>,
    pub pid: i32,
    pub uid: i64,
    pub src_port: i32,
    pub dst_port: i64,
    pub netns: i64,
    pub host: TextId,
    /// The run of a machine's kernel it belongs to, whatever the host is called.
    pub machine: TextId,
    pub comm: TextId,
    pub cgroup: TextId,
    pub src: TextId,
    pub dst: TextId,
    /// Network of the destination.
    pub net: TextId,
    /// Whether the latency counts.
    pub measured: bool,
    /// Whether another attempt for the same need was taken instead of it.
    pub raced: bool,
    /// Connects it stands for.
    pub weight: u32,
}

impl Event {
    /// When it ended, CLOCK_MONOTONIC.
    pub fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.latency_ns)
    }

    /// Handshake RTT, ns.
    pub fn rtt_ns(&self) -> Option<i64> {
        self.rtt_us.map(|us| i64::from(us) * 1_000)
    }

    /// Whether the destination answered.
    pub fn answered(&self) -> bool {
        matches!(self.outcome, Outcome::Established | Outcome::Refused)
    }
}

/// Attempts of one program to one address that lost to another attempt.
#[derive(Debug, Clone)]
pub struct Races {
    /// One that lost.
    pub loser: Event,
    /// The one that was taken instead of it.
    pub winner: Event,
    /// How many lost.
    pub lost: u64,
    /// Whether the next attempt began only after this one was given up.
    pub in_order: bool,
    /// Whether the program's attempts to that address mostly lose.
    pub mostly: bool,
    /// Times from a start of the loser to that of the winner, ns, ascending.
    pub delays: Vec<i64>,
}

/// What findings rest on.
pub struct Evidence {
    /// In order of time.
    pub events: Vec<Event>,
    /// What their text columns refer to.
    pub texts: Vec<String>,
    /// Attempts that lost to another address.
    pub races: Vec<Races>,
    /// Whether connects are missing by outcome or latency, so that shares and
    /// percentiles mean nothing.
    pub partial: bool,
    /// Names of addresses and pods.
    pub names: Option<Arc<Names>>,
    /// Kernel settings by host and network namespace.
    pub settings: Settings,
    /// What shows the rows.
    pub command: Command,
    /// Intervals that findings are pictured in, if they are.
    pub grid: Option<Grid>,
    /// Connects each of the unremarkable events stands for.
    pub one_in: u64,
    /// Whether those that failed are an even sample, too.
    pub thinned: bool,
}

impl Evidence {
    /// Text by number, as it stands in the capture.
    pub fn raw(&self, text: TextId) -> &str {
        self.texts.get(text as usize).map_or("", String::as_str)
    }

    /// Text by number, safe for a terminal.
    pub fn text(&self, text: TextId) -> String {
        crate::escape::terminal(self.raw(text))
    }

    /// A destination as it is written.
    pub fn dst(&self, address: TextId, port: i64) -> String {
        let text = self.text(address);
        if text.contains(':') { format!("[{text}]:{port}") } else { format!("{text}:{port}") }
    }

    /// The same for people, with its name.
    pub fn place(&self, address: TextId, port: i64) -> String {
        let name = self.names.as_ref().map_or("", |names| names.of(self.raw(address)));
        with_name(self.dst(address, port), name)
    }

    /// An address with its name.
    pub fn address(&self, address: TextId) -> String {
        let name = self.names.as_ref().map_or("", |names| names.of(self.raw(address)));
        with_name(self.text(address), name)
    }

    /// A cgroup with its pod.
    pub fn cgroup(&self, cgroup: TextId) -> String {
        let pod = self.names.as_ref().map_or("", |names| names.pod(self.raw(cgroup)));
        with_name(self.text(cgroup), pod)
    }

    /// A kernel setting where an event comes from; `None` where it is unknown.
    pub fn setting(&self, event: &Event, name: &str) -> Option<&str> {
        self.settings.get(self.raw(event.host), self.raw(event.machine), event.netns, name)
    }

    /// First and last start, µs.
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.events.first()?.time, self.events.last()?.time))
    }
}

fn with_name(text: String, name: &str) -> String {
    if name.is_empty() { text } else { format!("{text} ({})", crate::escape::terminal(name)) }
}

/// Sum of the connects that events stand for.
pub fn weight<'a>(events: impl IntoIterator<Item = &'a Event>) -> u64 {
    events.into_iter().map(|event| u64::from(event.weight)).fold(0, u64::saturating_add)
}

/// Events by a key.
pub fn group<'a, K: Ord + Hash>(
    events: impl IntoIterator<Item = &'a Event>,
    key: impl Fn(&Event) -> K,
) -> BTreeMap<K, Vec<&'a Event>> {
    // Hashed first: there are far more events than groups.
    let mut groups: HashMap<K, Vec<&Event>, RandomState> = HashMap::default();
    for event in events {
        groups.entry(key(event)).or_default().push(event);
    }
    groups.into_iter().collect()
}
