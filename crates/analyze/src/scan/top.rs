//! Single rows: the first so many in an order, found by what orders them and
//! fetched afterwards, so that nothing else of the other rows is read.

use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, DST_PORT, ERRNO, HOST, LATENCY_NS, OUTCOME, PID, RTT_US,
    SYN_RETRANSMITS, TIME,
};

use super::batch::{Batch, Place};
use super::column::Data;
use super::rows::Rows;
use super::text::Texts;
use super::{Accumulator, ColumnSet, Scan, ScanError};
use crate::stats::Key;

/// Columns shown of a single connect, with those that say most first.
pub const COLUMNS: [&str; 12] = [
    TIME,
    LATENCY_NS,
    OUTCOME,
    ERRNO,
    SYN_RETRANSMITS,
    RTT_US,
    PID,
    COMM,
    DST_ADDR,
    DST_PORT,
    CGROUP,
    HOST,
];

/// Which come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// Longest latency, then earliest start.
    Slowest,
    /// Earliest start, then shortest latency.
    Time,
}

impl RowOrder {
    /// What is smaller of a row that comes first.
    fn rank(self, time: i64, latency: i64) -> (i64, i64) {
        match self {
            Self::Slowest => (!latency, time),
            Self::Time => (time, latency),
        }
    }
}

/// The first rows in an order. Those alike are taken as they lie in the files.
#[derive(Clone)]
pub struct Top {
    order: RowOrder,
    rows: Rows,
    most: usize,
    kept: Vec<((i64, i64), Place)>,
    /// What comes later than this is not needed.
    last: Option<(i64, i64)>,
    count: u64,
}

impl Top {
    /// The first `most` rows, 0 for all.
    pub fn new(order: RowOrder, rows: Rows, most: usize) -> Self {
        let most = if most == 0 { usize::MAX } else { most };
        Self { order, rows, most, kept: Vec::new(), last: None, count: 0 }
    }

    /// Rows there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Lets go of what others come before of.
    fn trim(&mut self) {
        if self.kept.len() > self.most {
            self.kept.select_nth_unstable(self.most - 1);
            self.kept.truncate(self.most);
            self.last = self.kept.iter().map(|(rank, _)| *rank).max();
        }
    }

    /// The rows, in their order.
    ///
    /// # Errors
    /// As [`Scan::run`].
    pub fn fetch(mut self, scan: &Scan<'_>) -> Result<Vec<Vec<Key>>, ScanError> {
        self.trim();
        self.kept.sort_unstable();
        let places: Vec<Place> = self.kept.iter().map(|(_, place)| *place).collect();
        let mut fetched = scan.fetch(Fetched::default(), &places)?.found.0;
        fetched.sort_unstable_by_key(|(place, _)| *place);
        let row = |place: &Place| {
            let at = fetched.binary_search_by_key(place, |(place, _)| *place).ok()?;
            Some(fetched[at].1.clone())
        };
        Ok(places.iter().filter_map(row).collect())
    }
}

impl Accumulator for Top {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend([TIME, LATENCY_NS]);
        self.rows.columns(set);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let (times, latencies) = (batch.int64(TIME), batch.int64(LATENCY_NS));
        let mask = self.rows.mask(batch);
        for (row, (time, latency)) in times.iter().zip(latencies).enumerate() {
            if mask.as_ref().is_some_and(|mask| !mask[row]) {
                continue;
            }
            self.count += 1;
            let rank = self.order.rank(*time, *latency);
            if self.last.is_none_or(|last| rank <= last) {
                self.kept.push((rank, batch.place(row)));
            }
        }
        if self.kept.len() / 2 > self.most.saturating_add(1_000) {
            self.trim();
        }
    }

    fn merge(&mut self, other: Self, _: &Texts) {
        self.count += other.count;
        self.kept.extend(other.kept);
        self.trim();
    }
}

#[derive(Clone, Default)]
struct Fetched(Vec<(Place, Vec<Key>)>);

impl Accumulator for Fetched {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend(COLUMNS);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let key = |name: &str, row: usize| match batch.data(name) {
            Some(Data::Text(text)) => Key::Text(text.get(row).to_owned()),
            _ => batch.integer(name, row).map_or(Key::Null, Key::Integer),
        };
        self.0.extend((0..batch.rows).map(|row| {
            let keys = COLUMNS.iter().map(|name| key(name, row)).collect();
            (batch.place(row), keys)
        }));
    }

    fn merge(&mut self, other: Self, _: &Texts) {
        self.0.extend(other.0);
    }
}
