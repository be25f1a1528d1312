//! The rows that findings rest on, in memory and in order of time.
//!
//! Every row of a capture of usual size. Of larger inputs: every connect that
//! failed or sent a SYN again, and an even sample of the others, each of which
//! then counts for as many as it stands for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, DST_PORT, ERRNO, FLAGS, HOST, LATENCY_NS, OUTCOME, PID, RTT_US,
    SRC_ADDR, SRC_PORT, START_NS, SYN_RETRANSMITS, TID, TIME,
};
use connlat_schema::{Outcome, flags};
use polars::prelude::*;

use super::race::{self, Races};
use super::{Command, command};
use crate::question;
use crate::source::collect;

/// Rows kept in memory.
pub const MOST_ROWS: u64 = 1_000_000;

/// One connect. Text is kept once and referred to by number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// µs since 1970 UTC.
    pub time: i64,
    pub start_ns: i64,
    pub latency_ns: i64,
    pub outcome: Outcome,
    pub errno: Option<i64>,
    pub retransmits: i64,
    pub rtt_us: Option<i64>,
    pub pid: i64,
    pub tid: i64,
    pub src_port: i64,
    pub dst_port: i64,
    pub host: usize,
    pub comm: usize,
    pub cgroup: usize,
    pub src: usize,
    pub dst: usize,
    /// Network of the destination.
    pub net: usize,
    /// Whether the latency counts.
    pub measured: bool,
    /// Whether it lost to another address of the same service.
    pub raced: bool,
    /// Connects it stands for.
    pub weight: u64,
}

impl Event {
    /// When it ended, CLOCK_MONOTONIC.
    pub fn end_ns(&self) -> i64 {
        self.start_ns.saturating_add(self.latency_ns)
    }

    /// Whether the destination answered.
    pub fn answered(&self) -> bool {
        matches!(self.outcome, Outcome::Established | Outcome::Refused)
    }
}

/// Kernel settings by name, by host.
pub type Sysctls = BTreeMap<String, BTreeMap<String, String>>;

/// What findings rest on.
pub struct Evidence {
    /// In order of time.
    pub events: Vec<Event>,
    texts: Vec<String>,
    /// Attempts that lost to another address.
    pub races: Vec<Races>,
    /// Whether connects are missing by outcome or latency, so that shares and
    /// percentiles mean nothing.
    pub partial: bool,
    /// Kernel settings by host.
    pub sysctls: Sysctls,
    /// What shows the rows.
    pub command: Command,
    /// Connects each of the unremarkable events stands for.
    pub one_in: u64,
    /// Whether those that failed are an even sample, too.
    pub thinned: bool,
}

impl Evidence {
    /// Text by number, as it stands in the capture.
    pub fn raw(&self, text: usize) -> &str {
        self.texts.get(text).map_or("", String::as_str)
    }

    /// Text by number, safe for a terminal.
    pub fn text(&self, text: usize) -> String {
        crate::escape::terminal(self.raw(text))
    }

    /// A destination for people.
    pub fn dst(&self, address: usize, port: i64) -> String {
        let text = self.text(address);
        if text.contains(':') { format!("[{text}]:{port}") } else { format!("{text}:{port}") }
    }

    /// The condition of being one of these events' destinations in a network,
    /// as SQL inside double quotes of a shell.
    pub fn in_network(&self, net: usize, events: &[&Event]) -> Option<String> {
        let addresses: BTreeSet<&str> = events.iter().map(|event| self.raw(event.dst)).collect();
        command::in_network(self.raw(net), &addresses)
    }

    /// A kernel setting of a host, given by the number of its name.
    pub fn sysctl(&self, host: usize, name: &str) -> Option<&str> {
        Some(self.sysctls.get(self.raw(host))?.get(name)?.trim())
    }

    /// First and last start, µs.
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.events.first()?.time, self.events.last()?.time))
    }
}

/// Sum of the connects that events stand for.
pub fn weight<'a>(events: impl IntoIterator<Item = &'a Event>) -> u64 {
    events.into_iter().map(|event| event.weight).fold(0, u64::saturating_add)
}

/// Events by a key.
pub fn group<'a, K: Ord>(
    events: impl IntoIterator<Item = &'a Event>,
    key: impl Fn(&Event) -> K,
) -> BTreeMap<K, Vec<&'a Event>> {
    let mut groups: BTreeMap<K, Vec<&Event>> = BTreeMap::new();
    for event in events {
        groups.entry(key(event)).or_default().push(event);
    }
    groups
}

/// Reads the evidence.
pub fn gather(
    frame: &LazyFrame,
    rows: u64,
    most: u64,
    sysctls: Sysctls,
    command: Command,
) -> PolarsResult<Evidence> {
    let mut frame = frame.clone();
    let (mut one_in, mut thinned) = (1, false);
    if rows > most {
        // Start times end in digits that are as good as random.
        one_in = rows.div_ceil(most / 2);
        let divisor = lit(i64::try_from(one_in).unwrap_or(i64::MAX));
        let remarkable = question::failed().or(col(SYN_RETRANSMITS).gt(lit(0)));
        let sampled = (col(START_NS) % divisor.clone()).eq(lit(0));
        // Where most are remarkable they are thinned out, too.
        let kept = remarkable.clone().or(sampled.clone());
        let counted =
            collect(frame.clone().select([remarkable.sum().cast(DataType::Int64).alias("n")]))?;
        thinned = counted.column("n")?.i64()?.get(0).unwrap_or(0).unsigned_abs() > most / 2;
        frame = frame.filter(if thinned { sampled } else { kept });
    }
    const NUMBERS: [&str; 10] =
        [START_NS, LATENCY_NS, ERRNO, SYN_RETRANSMITS, RTT_US, PID, TID, SRC_PORT, DST_PORT, FLAGS];
    const TEXTS: [&str; 6] = [HOST, COMM, CGROUP, SRC_ADDR, DST_ADDR, OUTCOME];
    let mut columns = vec![col(TIME).cast(DataType::Int64)];
    columns.extend(NUMBERS.map(|name| col(name).cast(DataType::Int64)));
    columns.extend(TEXTS.map(col));
    let answer = collect(frame.select(columns))?;
    let number = |name: &str| answer.column(name)?.i64();
    let text = |name: &str| answer.column(name)?.str();
    let time = number(TIME)?;
    let numbers = NUMBERS.iter().map(|name| number(name)).collect::<PolarsResult<Vec<_>>>()?;
    let mut interned = Interned::default();
    let mut codes = Vec::new();
    for name in &TEXTS[..5] {
        codes.push(interned.column(text(name)?));
    }
    let outcomes = text(OUTCOME)?;
    let mut events = Vec::with_capacity(answer.height());
    for (row, dst) in codes[4].iter().copied().enumerate() {
        let word = outcomes.get(row).unwrap_or_default();
        // Of a later version; nothing is known about it.
        let Some(outcome) = Outcome::ALL.into_iter().find(|known| known.as_str() == word) else {
            continue;
        };
        let optional = |column: usize| numbers[column].get(row);
        let get = |column: usize| optional(column).unwrap_or(0);
        let plain = get(9) & i64::from(flags::NO_LATENCY) == 0;
        let remarkable = outcome.is_failure() || get(3) > 0;
        events.push(Event {
            time: time.get(row).unwrap_or(0),
            start_ns: get(0),
            latency_ns: get(1),
            outcome,
            errno: optional(2),
            retransmits: get(3),
            rtt_us: optional(4),
            pid: get(5),
            tid: get(6),
            src_port: get(7),
            dst_port: get(8),
            host: codes[0][row],
            comm: codes[1][row],
            cgroup: codes[2][row],
            src: codes[3][row],
            dst,
            net: interned.network(dst),
            measured: outcome == Outcome::Established && plain,
            raced: false,
            weight: if remarkable && !thinned { 1 } else { one_in },
        });
    }
    events.sort_by_key(|event| (event.time, event.start_ns));
    let (texts, partial) = (interned.texts, false);
    let races = race::mark(&mut events, &texts, one_in);
    Ok(Evidence { events, texts, races, partial, sysctls, command, one_in, thinned })
}

#[derive(Default)]
struct Interned {
    texts: Vec<String>,
    numbers: HashMap<String, usize>,
    networks: HashMap<usize, usize>,
}

impl Interned {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }

    fn column(&mut self, column: &StringChunked) -> Vec<usize> {
        column.iter().map(|text| self.number(text.unwrap_or_default())).collect()
    }

    fn network(&mut self, address: usize) -> usize {
        if let Some(network) = self.networks.get(&address) {
            return *network;
        }
        let network = question::network(&self.texts[address].clone(), 24);
        let number = self.number(&network);
        self.networks.insert(address, number);
        number
    }
}
