//! When the connects of a finding were made, whose they were and where they
//! went, and a few of their rows: for those who want to see and not to ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evidence::{Event, Evidence, TextId};
use super::grid::Grid;
use crate::names::Names;
use crate::scan::listing::COLUMNS;
use crate::stats::Key;

/// Rows that are kept.
const ROWS: usize = 5;
/// Programs and destinations that are named.
const NAMED: usize = 4;

/// Connects by name, the most first.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    /// As they stand in the capture, with their connects.
    pub named: Vec<(String, u64)>,
    /// Names there are beyond these, and their connects.
    pub more: (usize, u64),
}

/// The connects of a finding. Of a sample each counts for as many as it stands
/// for.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The intervals.
    pub grid: Grid,
    /// Connects that started in each.
    pub connects: Vec<u64>,
    /// By the name of the thread.
    pub programs: Counts,
    /// By address and port, with the name if there is one.
    pub destinations: Counts,
    /// The first rows, with the cells of [`COLUMNS`].
    pub rows: Vec<Vec<Key>>,
    /// Rows there are, as far as they were kept as evidence.
    pub of: usize,
    /// Names of the addresses and pods in them.
    pub names: Option<Arc<Names>>,
}

impl Picture {
    /// Of these connects, if pictures are wanted.
    pub fn of(evidence: &Evidence, events: &[&Event]) -> Option<Self> {
        let grid = evidence.grid?;
        let mut events = events.to_vec();
        events.sort_by_key(|event| (event.time, event.start_ns));
        let mut connects = vec![0_u64; grid.count];
        for event in &events {
            if let Some(count) = grid.place(event.time).and_then(|place| connects.get_mut(place)) {
                *count = count.saturating_add(event.weight.into());
            }
        }
        let place = |(dst, port): &(TextId, i64)| {
            let place = match evidence.raw(*dst) {
                six if six.contains(':') => format!("[{six}]:{port}"),
                four => format!("{four}:{port}"),
            };
            match evidence.names.as_ref().map_or("", |names| names.of(evidence.raw(*dst))) {
                "" => place,
                name => format!("{place} ({name})"),
            }
        };
        Some(Self {
            grid,
            connects,
            programs: counts(&events, |event| event.comm, |comm| evidence.raw(*comm).to_owned()),
            destinations: counts(&events, |event| (event.dst, event.dst_port), place),
            rows: events.iter().take(ROWS).map(|event| row(evidence, event)).collect(),
            of: events.len(),
            names: evidence.names.clone(),
        })
    }
}

fn counts<K: Ord>(
    events: &[&Event],
    key: impl Fn(&Event) -> K,
    name: impl Fn(&K) -> String,
) -> Counts {
    let mut counts: BTreeMap<K, u64> = BTreeMap::new();
    for event in events {
        let count = counts.entry(key(event)).or_default();
        *count = count.saturating_add(event.weight.into());
    }
    let mut counts: Vec<(String, u64)> =
        counts.iter().map(|(key, count)| (name(key), *count)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rest = counts.split_off(counts.len().min(NAMED));
    let connects = rest.iter().map(|(_, count)| *count).fold(0, u64::saturating_add);
    Counts { named: counts, more: (rest.len(), connects) }
}

fn row(evidence: &Evidence, event: &Event) -> Vec<Key> {
    use connlat_schema::capture::columns as c;
    let text = |text: TextId| Key::Text(evidence.raw(text).to_owned());
    let maybe = |value: Option<i32>| value.map_or(Key::Null, |value| Key::Integer(value.into()));
    let cell = |column: &str| match column {
        c::TIME => Key::Integer(event.time),
        c::LATENCY_NS => Key::Integer(event.latency_ns),
        c::OUTCOME => Key::Text(event.outcome.as_str().to_owned()),
        c::ERRNO => maybe(event.errno),
        c::SYN_RETRANSMITS => Key::Integer(event.retransmits.into()),
        c::RTT_US => maybe(event.rtt_us),
        c::PID => Key::Integer(event.pid.into()),
        c::COMM => text(event.comm),
        c::DST_ADDR => text(event.dst),
        c::DST_PORT => Key::Integer(event.dst_port),
        c::CGROUP => text(event.cgroup),
        c::HOST => text(event.host),
        _ => Key::Null,
    };
    COLUMNS.iter().map(|column| cell(column)).collect()
}
