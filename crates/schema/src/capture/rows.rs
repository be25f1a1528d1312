//! Rows of a capture: from and to events, and from and to Arrow's columns.

use std::borrow::Cow;
use std::net::IpAddr;

use arrow::array::{Array, ArrayBuilder, ArrayRef};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::cell::Cell;
pub use super::cell::{Timestamp, Value};
use super::columns::{self, every_column, schema};
use super::metadata::Instant;
use crate::Outcome;
use crate::decode::{ConnectEvent, comm_text};
use crate::wire::COMM_LEN;

/// Why rows are not rows of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// The column is missing, of another type, or has nulls it must not have.
    #[error("there is no column `{0}` as the capture format has it")]
    Column(&'static str),
    /// The cell holds what no event can have.
    #[error("column `{0}` of a row has a value that no connect can have")]
    Value(&'static str),
}

macro_rules! row {
    ($($(#[$meaning:meta])* $constant:ident $name:ident: $cell:ty,)+) => {
        /// One connect attempt as a capture has it, named as the columns.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Row<'a> {
            $($(#[$meaning])* pub $name: $cell,)+
        }

        impl Row<'_> {
            /// The name and the content of each cell, in the order of the columns.
            pub fn values(&self) -> impl Iterator<Item = (&'static str, Value<'_>)> {
                [$((columns::$constant, Cell::value(&self.$name)),)+].into_iter()
            }
        }

        /// Rows as a batch of [`schema`].
        ///
        /// # Errors
        /// [`ArrowError`] when Arrow cannot hold as many.
        pub fn batch<'a>(
            rows: impl IntoIterator<Item = Row<'a>>,
        ) -> Result<RecordBatch, ArrowError> {
            let rows = rows.into_iter();
            let expected = rows.size_hint().0;
            $(let mut $name = <$cell as Cell<'a>>::builder(expected);)+
            for row in rows {
                $(Cell::append(&row.$name, &mut $name);)+
            }
            let columns: Vec<ArrayRef> = vec![$(ArrayBuilder::finish(&mut $name),)+];
            RecordBatch::try_new(schema(), columns)
        }

        /// The rows of a batch.
        #[derive(Debug, Clone, Copy)]
        pub struct Rows<'a> {
            length: usize,
            $($name: &'a <$cell as Cell<'a>>::Array,)+
        }

        impl<'a> Rows<'a> {
            /// Finds the columns, whatever others there are.
            ///
            /// # Errors
            /// [`RowError::Column`].
            pub fn of(batch: &'a RecordBatch) -> Result<Self, RowError> {
                Ok(Self {
                    length: batch.num_rows(),
                    $($name: column::<$cell>(batch, columns::$constant)?,)+
                })
            }

            /// How many there are.
            pub fn len(&self) -> usize {
                self.length
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.length == 0
            }

            /// One of them; none from [`Rows::len`] on.
            pub fn get(&self, index: usize) -> Option<Row<'a>> {
                (index < self.length).then(|| Row {
                    $($name: <$cell as Cell<'a>>::get(self.$name, index),)+
                })
            }
        }
    };
}
every_column!(row);

impl<'a> Rows<'a> {
    /// All of them, in order.
    pub fn iter(self) -> impl Iterator<Item = Row<'a>> {
        (0..self.length).filter_map(move |index| self.get(index))
    }

    /// When each attempt ended.
    pub fn ends(self) -> impl Iterator<Item = Instant> {
        let numbers = self.time.values().iter().zip(self.start_ns.values());
        let numbers = numbers.zip(self.latency_ns.values());
        numbers.map(|((time, start), latency)| Instant {
            time_us: time.saturating_add(latency / 1_000),
            monotonic_ns: start.saturating_add(*latency),
        })
    }
}

fn column<'a, C: Cell<'a>>(
    batch: &'a RecordBatch,
    name: &'static str,
) -> Result<&'a C::Array, RowError> {
    let field = C::field(name);
    let column = batch.column_by_name(name).filter(|column| {
        column.data_type() == field.data_type() && (field.is_nullable() || column.null_count() == 0)
    });
    column.and_then(|column| column.as_any().downcast_ref()).ok_or(RowError::Column(name))
}

/// What a row says that its event does not.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// Host name.
    pub host: &'a str,
    /// Kernel boot id.
    pub boot_id: &'a str,
    /// cgroup v2 path, empty when unknown.
    pub cgroup: &'a str,
    /// What to add to CLOCK_MONOTONIC for the wall clock, ns.
    pub offset_ns: i64,
}

impl<'a> Row<'a> {
    /// The row of an event. Decoding made sure that every number fits.
    pub fn of_event(event: &ConnectEvent, recorded: Recorded<'a>) -> Self {
        let time_ns = event.start_ns.cast_signed().saturating_add(recorded.offset_ns);
        Self {
            host: recorded.host.into(),
            boot_id: recorded.boot_id.into(),
            // What is before 1970 rounds down, too.
            time: Timestamp(time_ns.div_euclid(1_000)),
            start_ns: event.start_ns.cast_signed(),
            latency_ns: event.latency_ns.cast_signed(),
            outcome: event.outcome.as_str().into(),
            errno: event.errno,
            syn_retransmits: event.syn_retransmits.cast_signed(),
            rtt_us: event.rtt_us.map(u32::cast_signed),
            pid: event.pid.cast_signed(),
            tid: event.tid.cast_signed(),
            uid: event.uid.into(),
            comm: comm_text(&event.comm).into(),
            cgroup: recorded.cgroup.into(),
            cgroup_id: event.cgroup_id.cast_signed(),
            netns: event.netns.into(),
            ip_version: if event.dst_addr.is_ipv4() { 4 } else { 6 },
            src_addr: event.src_addr.to_string().into(),
            dst_addr: event.dst_addr.to_string().into(),
            src_port: event.src_port.into(),
            dst_port: event.dst_port.into(),
            flags: event.flags.into(),
        }
    }

    /// The same row with text of its own.
    pub fn into_owned(self) -> Row<'static> {
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Row {
            host: owned(self.host),
            boot_id: owned(self.boot_id),
            outcome: owned(self.outcome),
            comm: owned(self.comm),
            cgroup: owned(self.cgroup),
            src_addr: owned(self.src_addr),
            dst_addr: owned(self.dst_addr),
            ..self
        }
    }
}

/// The event of a row. Bytes of a thread name that were not UTF-8 stay written
/// as `\xNN`, and what is longer than a name is cut.
impl TryFrom<&Row<'_>> for ConnectEvent {
    type Error = RowError;

    fn try_from(row: &Row<'_>) -> Result<Self, RowError> {
        fn number<N: TryFrom<i64>>(value: i64, column: &'static str) -> Result<N, RowError> {
            N::try_from(value).map_err(|_| RowError::Value(column))
        }
        fn address(text: &str, column: &'static str) -> Result<IpAddr, RowError> {
            text.parse().map_err(|_| RowError::Value(column))
        }
        let mut comm = [0; COMM_LEN];
        comm.iter_mut().zip(row.comm.bytes()).for_each(|(byte, of_text)| *byte = of_text);
        let rtt_us = row.rtt_us.map(|rtt| number(rtt.into(), columns::RTT_US));
        Ok(Self {
            start_ns: number(row.start_ns, columns::START_NS)?,
            latency_ns: number(row.latency_ns, columns::LATENCY_NS)?,
            outcome: Outcome::from_word(&row.outcome).ok_or(RowError::Value(columns::OUTCOME))?,
            errno: row.errno,
            syn_retransmits: number(row.syn_retransmits.into(), columns::SYN_RETRANSMITS)?,
            rtt_us: rtt_us.transpose()?,
            pid: number(row.pid.into(), columns::PID)?,
            tid: number(row.tid.into(), columns::TID)?,
            uid: number(row.uid, columns::UID)?,
            comm,
            cgroup_id: number(row.cgroup_id, columns::CGROUP_ID)?,
            netns: number(row.netns, columns::NETNS)?,
            src_addr: address(&row.src_addr, columns::SRC_ADDR)?,
            src_port: number(row.src_port.into(), columns::SRC_PORT)?,
            dst_addr: address(&row.dst_addr, columns::DST_ADDR)?,
            dst_port: number(row.dst_port.into(), columns::DST_PORT)?,
            flags: number(row.flags.into(), columns::FLAGS)?,
        })
    }
}

#[cfg(test)]
mod tests;
