//! Gathers the evidence while the rows pass by.

use std::collections::HashMap;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use connlat_schema::Outcome;
use connlat_schema::capture::columns::{
    BOOT_ID, CGROUP, COMM, DST_ADDR, DST_PORT, ERRNO, HOST, LATENCY_NS, NETNS, PID, RTT_US,
    SRC_ADDR, SRC_PORT, START_NS, SYN_RETRANSMITS, TIME, UID,
};

use super::Command;
use super::evidence::{Event, Evidence, SAMPLED, TextId};
use super::race;
use super::settings::Settings;
use crate::scan::batch::{MEASURED_BY, NOT_MEASURED};
use crate::scan::{Accumulator, Batch, ColumnSet, Texts, network};

const TEXTS: [&str; 6] = [HOST, BOOT_ID, COMM, CGROUP, SRC_ADDR, DST_ADDR];
const NUMBERS: [&str; 11] = [
    TIME,
    START_NS,
    ERRNO,
    SYN_RETRANSMITS,
    RTT_US,
    PID,
    UID,
    SRC_PORT,
    DST_PORT,
    LATENCY_NS,
    NETNS,
];

/// Different texts up to which all rows are evidence: what is looked into of each place
/// takes a kilobyte.
const MOST_TEXTS: usize = 200_000;

/// Rows that become evidence.
#[derive(Clone)]
pub struct Gathering {
    /// By capture and row group, in the order of its rows.
    events: Vec<((usize, usize), Vec<Event>)>,
    /// Of the rows that are not remarkable, each of so many by its start.
    one_in: u64,
    /// Remarkable rows kept at most; if there are more, they are thinned out
    /// like the others.
    most: u64,
    /// Those met, by all threads: what one keeps must not depend on its share.
    remarkable: Arc<AtomicU64>,
    thinned: bool,
}

impl Gathering {
    /// Of so many rows all if they are at most `most`, else a sample beside
    /// what is remarkable.
    pub fn new(rows: u64, most: u64) -> Self {
        let one_in = if rows > most { rows.div_ceil(SAMPLED.min(most).max(1)) } else { 1 };
        let (events, remarkable) = Default::default();
        Self { events, one_in, most: most / 4, remarkable, thinned: false }
    }

    fn thin(&mut self) {
        let remarkable = self.remarkable.load(Ordering::Relaxed);
        if self.one_in > 1 && remarkable > self.most && !self.thinned {
            self.thinned = true;
            let one_in = self.one_in as i64;
            for (_, events) in &mut self.events {
                events.retain(|event| event.start_ns % one_in == 0);
            }
        }
    }

    /// Makes a sample of all rows, as if they had been too many from the start.
    fn sample(&mut self) {
        let rows: usize = self.events.iter().map(|(_, events)| events.len()).sum();
        self.one_in = (rows as u64).div_ceil(SAMPLED).max(1);
        self.thinned = self.remarkable.load(Ordering::Relaxed) > SAMPLED;
        let (one_in, thinned) = (self.one_in as i64, self.thinned);
        for (_, events) in &mut self.events {
            events.retain(|event| {
                let remarkable = event.outcome.is_failure() || event.retransmits > 0;
                event.start_ns % one_in == 0 || (remarkable && !thinned)
            });
        }
    }

    /// What was gathered, in order of time.
    pub fn evidence(mut self, texts: &Texts, settings: Settings, command: Command) -> Evidence {
        self.events.sort_by_key(|(group, _)| *group);
        if self.one_in == 1 && texts.count() > MOST_TEXTS {
            self.sample();
        }
        let (one_in, thinned) = (self.one_in, self.thinned);
        let mut events = Vec::with_capacity(self.events.iter().map(|(_, e)| e.len()).sum());
        for (_, of_group) in self.events {
            events.extend(of_group);
        }
        sort(&mut events);
        let texts = numbered(&mut events, texts);
        let each = u32::try_from(one_in).unwrap_or(u32::MAX);
        for event in &mut events {
            let remarkable = event.outcome.is_failure() || event.retransmits > 0;
            event.weight = if remarkable && !thinned { 1 } else { each };
        }
        let races = race::mark(&mut events, &texts, one_in);
        let partial = false;
        let (names, grid) = (None, None);
        Evidence { events, texts, races, partial, names, settings, command, grid, one_in, thinned }
    }
}

impl Accumulator for Gathering {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend(TEXTS);
        set.extend(NUMBERS);
        set.extend(MEASURED_BY);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let (outcomes, buckets) = (batch.outcomes(), batch.buckets());
        let (starts, retransmits) = (batch.int64(START_NS), batch.int32(SYN_RETRANSMITS));
        let group = (batch.capture, batch.group);
        if self.events.last().is_none_or(|(last, _)| *last != group) {
            self.events.push((group, Vec::new()));
        }
        let Some((_, of_group)) = self.events.last_mut() else { return };
        let one_in = self.one_in as i64;
        let mut met = 0;
        for row in 0..batch.rows {
            // Of a later version, if none; nothing is known about it.
            let outcome = Outcome::from_u8(outcomes[row]);
            let again = retransmits[row];
            let remarkable = again > 0 || outcome.is_some_and(Outcome::is_failure);
            met += u64::from(remarkable);
            // Start times end in digits that are as good as random.
            let sampled = one_in == 1 || starts[row] % one_in == 0;
            let kept = sampled || (remarkable && !self.thinned);
            let Some(outcome) = outcome.filter(|_| kept) else { continue };
            let number = |name: &str| batch.integer(name, row);
            let small = |name: &str| number(name).and_then(|number| i32::try_from(number).ok());
            let get = |name: &str| number(name).unwrap_or(0);
            let text =
                |name: &str| batch.text(name).map_or(0, |text| text.number(row, batch.texts));
            let event = Event {
                time: get(TIME),
                start_ns: starts[row],
                latency_ns: get(LATENCY_NS),
                outcome,
                errno: small(ERRNO),
                retransmits: again,
                rtt_us: small(RTT_US),
                pid: small(PID).unwrap_or(0),
                uid: get(UID),
                src_port: small(SRC_PORT).unwrap_or(0),
                dst_port: get(DST_PORT),
                netns: get(NETNS),
                host: text(HOST),
                machine: text(BOOT_ID),
                comm: text(COMM),
                cgroup: text(CGROUP),
                src: text(SRC_ADDR),
                dst: text(DST_ADDR),
                net: 0,
                measured: buckets[row] != NOT_MEASURED,
                raced: false,
                weight: 1,
            };
            of_group.push(event);
        }
        self.remarkable.fetch_add(met, Ordering::Relaxed);
        self.thin();
    }

    fn merge(&mut self, other: Self, _: &Texts) {
        self.events.extend(other.events);
        self.thinned &= other.thinned;
        self.thin();
    }
}

/// Sorts by time, those at the same time as they lie in the files.
fn sort(events: &mut [Event]) {
    // Events are large and many: what is sorted is where they are, and then each
    // is moved once, without a second copy of all.
    let mut from: Vec<u32> = (0..events.len() as u32).collect();
    from.sort_unstable_by_key(|at| {
        let event = &events[*at as usize];
        (event.time, event.start_ns, *at)
    });
    for first in 0..from.len() {
        let mut to = first;
        // Around the circle of places that ends where it began.
        loop {
            let next = std::mem::replace(&mut from[to], to as u32) as usize;
            if next == first || next == to {
                break;
            }
            events.swap(to, next);
            to = next;
        }
    }
}

/// Gives texts numbers in the order of time, whatever thread met them first and
/// however they compare: the same captures always give the same answer, and
/// captures with other names (`analyze redact`) the same but for the names. Gives
/// each event its network, too.
fn numbered(events: &mut [Event], texts: &Texts) -> Vec<String> {
    let known = texts.all();
    let mut ordered = Ordered::default();
    let mut again: Vec<Option<TextId>> = vec![None; known.len()];
    let columns: [fn(&mut Event) -> &mut TextId; 6] = [
        |event| &mut event.host,
        |event| &mut event.machine,
        |event| &mut event.comm,
        |event| &mut event.cgroup,
        |event| &mut event.src,
        |event| &mut event.dst,
    ];
    for column in columns {
        for event in events.iter_mut() {
            let number = column(event);
            let Some(new) = again.get_mut(*number as usize) else { continue };
            let text = &known[*number as usize];
            *number = *new.get_or_insert_with(|| ordered.number(text));
        }
    }
    // Without a boot id the host's name is all there is.
    for event in events.iter_mut() {
        if ordered.texts.get(event.machine as usize).is_none_or(String::is_empty) {
            event.machine = event.host;
        }
    }
    let mut networks: HashMap<TextId, TextId> = HashMap::new();
    for event in events.iter_mut() {
        event.net = *networks.entry(event.dst).or_insert_with(|| {
            let address = ordered.texts.get(event.dst as usize).map_or("", String::as_str);
            let network = network(address, 24);
            ordered.number(&network)
        });
    }
    ordered.texts
}

#[derive(Default)]
struct Ordered {
    texts: Vec<String>,
    numbers: HashMap<String, TextId>,
}

impl Ordered {
    fn number(&mut self, text: &str) -> TextId {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as TextId;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}
