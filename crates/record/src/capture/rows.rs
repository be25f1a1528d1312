//! Events to the columns of the capture.

use std::sync::Arc;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::rows::{Recorded, Row, batch};
use connlat_schema::decode::ConnectEvent;

use crate::host::CgroupPaths;

/// Makes batches of a capture's columns from events.
#[derive(Debug)]
pub struct RowBuilder {
    host: String,
    boot_id: String,
    cgroups: CgroupPaths,
}

impl RowBuilder {
    /// For one host and boot.
    pub fn new(host: String, boot_id: String, cgroups: CgroupPaths) -> Self {
        Self { host, boot_id, cgroups }
    }

    /// One batch, in the order of the starts; `offset_ns` is added to
    /// monotonic time for the wall clock.
    ///
    /// # Errors
    /// [`ArrowError`] when a column does not fit the schema.
    pub fn batch(
        &mut self,
        mut events: Vec<ConnectEvent>,
        offset_ns: i64,
    ) -> Result<RecordBatch, ArrowError> {
        // The ring buffer orders by end, and not even strictly.
        events.sort_by_key(|event| event.start_ns);
        let cgroups: Vec<Arc<str>> =
            events.iter().map(|event| self.cgroups.path(event.cgroup_id)).collect();
        let (host, boot_id) = (self.host.as_str(), self.boot_id.as_str());
        batch(events.iter().zip(&cgroups).map(|(event, cgroup)| {
            Row::of_event(event, Recorded { host, boot_id, cgroup, offset_ns })
        }))
    }
}

#[cfg(test)]
mod tests {
    use connlat_schema::capture::rows::{Rows, Timestamp};
    use test_support::event;

    use super::*;

    fn at(start_ns: u64) -> ConnectEvent {
        ConnectEvent { start_ns, ..event() }
    }

    fn builder() -> RowBuilder {
        RowBuilder::new("h".into(), "b".into(), CgroupPaths::open())
    }

    #[test]
    fn rows_are_in_the_order_of_their_starts_with_wall_clock_time() {
        let events = vec![at(3_000), at(1_999)];
        let batch = builder().batch(events, 1_000_000).expect("rows");
        let rows = Rows::of(&batch).expect("our columns").iter();
        let starts: Vec<_> = rows.map(|row| (row.start_ns, row.time)).collect();
        assert_eq!(starts, [(1_999, Timestamp(1_001)), (3_000, Timestamp(1_003))]);
    }

    #[test]
    fn no_events_make_an_empty_batch() {
        assert_eq!(builder().batch(Vec::new(), 0).expect("rows").num_rows(), 0);
    }
}
