//! Events to the columns of the capture.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns;
use connlat_schema::decode::{ConnectEvent, comm_text};

use crate::host::CgroupPaths;

/// Makes batches of [`columns::schema`] from events.
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
        let events = events.as_slice();
        let cgroups: Vec<Arc<str>> =
            events.iter().map(|event| self.cgroups.path(event.cgroup_id)).collect();

        // Decoding made sure that every number fits its signed column.
        let int64 = |value: fn(&ConnectEvent) -> u64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(events.iter().map(|e| value(e).cast_signed())))
        };
        let int32 = |value: fn(&ConnectEvent) -> u32| -> ArrayRef {
            Arc::new(Int32Array::from_iter_values(events.iter().map(|e| value(e).cast_signed())))
        };
        let optional = |value: fn(&ConnectEvent) -> Option<i32>| -> ArrayRef {
            Arc::new(events.iter().map(value).collect::<Int32Array>())
        };
        let text = |value: fn(&ConnectEvent) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(events.iter().map(value)))
        };
        let constant = |value: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, events.len())))
        };
        let times = events
            .iter()
            .map(|event| (event.start_ns.cast_signed().saturating_add(offset_ns)).div_euclid(1000));
        let arrays = columns::schema()
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                columns::HOST => Ok(constant(&self.host)),
                columns::BOOT_ID => Ok(constant(&self.boot_id)),
                columns::TIME => Ok(Arc::new(
                    TimestampMicrosecondArray::from_iter_values(times.clone()).with_timezone("UTC"),
                ) as ArrayRef),
                columns::START_NS => Ok(int64(|e| e.start_ns)),
                columns::LATENCY_NS => Ok(int64(|e| e.latency_ns)),
                columns::OUTCOME => Ok(text(|e| e.outcome.as_str().to_owned())),
                columns::ERRNO => Ok(optional(|e| e.errno)),
                columns::SYN_RETRANSMITS => Ok(int32(|e| e.syn_retransmits)),
                columns::RTT_US => Ok(optional(|e| e.rtt_us.map(u32::cast_signed))),
                columns::PID => Ok(int32(|e| e.pid)),
                columns::TID => Ok(int32(|e| e.tid)),
                columns::UID => Ok(int64(|e| e.uid.into())),
                columns::COMM => Ok(text(|e| comm_text(&e.comm))),
                columns::CGROUP => {
                    Ok(Arc::new(StringArray::from_iter_values(cgroups.iter())) as ArrayRef)
                }
                columns::CGROUP_ID => Ok(int64(|e| e.cgroup_id)),
                columns::NETNS => Ok(int64(|e| e.netns.into())),
                columns::IP_VERSION => Ok(int32(|e| if e.dst_addr.is_ipv4() { 4 } else { 6 })),
                columns::SRC_ADDR => Ok(text(|e| e.src_addr.to_string())),
                columns::SRC_PORT => Ok(int32(|e| e.src_port.into())),
                columns::DST_ADDR => Ok(text(|e| e.dst_addr.to_string())),
                columns::DST_PORT => Ok(int32(|e| e.dst_port.into())),
                columns::FLAGS => Ok(int32(|e| e.flags.into())),
                other => Err(ArrowError::SchemaError(format!("no source for column {other}"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(columns::schema(), arrays)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
    use test_support::event;

    use super::*;

    fn odd(start_ns: u64) -> ConnectEvent {
        ConnectEvent {
            start_ns,
            errno: Some(111),
            uid: u32::MAX,
            comm: *b"c\xffrl\0\0\0\0\0\0\0\0\0\0\0\0",
            netns: u32::MAX,
            dst_addr: "2001:db8::1".parse().expect("an address"),
            ..event()
        }
    }

    fn builder() -> RowBuilder {
        RowBuilder::new("h".into(), "b".into(), CgroupPaths::open())
    }

    #[test]
    fn rows_are_in_the_order_of_their_starts_with_wall_clock_time() {
        let events = vec![odd(3_000), odd(1_999)];
        let batch = builder().batch(events, 1_000_000).expect("rows");
        let starts = batch[columns::START_NS].as_primitive::<Int64Type>();
        assert_eq!(starts.values(), &[1_999, 3_000]);
        let times = batch[columns::TIME].as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.values(), &[1_001, 1_003]);
    }

    #[test]
    fn large_and_missing_values() {
        let batch = builder().batch(vec![odd(0)], -1).expect("rows");
        assert_eq!(batch[columns::UID].as_primitive::<Int64Type>().value(0), 4_294_967_295);
        assert_eq!(batch[columns::NETNS].as_primitive::<Int64Type>().value(0), 4_294_967_295);
        assert_eq!(batch[columns::ERRNO].as_primitive::<Int32Type>().value(0), 111);
        assert!(batch[columns::RTT_US].is_null(0));
        assert_eq!(batch[columns::IP_VERSION].as_primitive::<Int32Type>().value(0), 6);
        assert_eq!(batch[columns::COMM].as_string::<i32>().value(0), "c\\xffrl");
        assert_eq!(batch[columns::DST_ADDR].as_string::<i32>().value(0), "2001:db8::1");
        let times = batch[columns::TIME].as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.value(0), -1, "before 1970 rounds down");
    }

    #[test]
    fn no_events_make_an_empty_batch() {
        assert_eq!(builder().batch(Vec::new(), 0).expect("rows").num_rows(), 0);
    }
}
