//! The columns of a capture: their names, order, types and meaning, once.
//!
//! [`every_column`] is the list. The constants and [`schema`] here, and the
//! [`Row`](super::rows::Row) with its way to and from Arrow, are made from it.
//!
//! Signed integers, UTC microseconds and plain strings only: every engine
//! reads those right without options. `docs/format.md` says what each means.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::cell::Cell;

/// Hands every column to a macro: what it means, the constant that holds its
/// name, its name, and the type of a cell.
///
/// The strings are declared `Utf8` (the files are dictionary-encoded inside, but
/// no reader sees a dictionary type).
macro_rules! every_column {
    ($consumer:ident) => {
        $consumer! {
            /// Host name, constant in a file.
            HOST host: Cow<'a, str>,
            /// Kernel boot id, constant in a file.
            BOOT_ID boot_id: Cow<'a, str>,
            /// Wall-clock time of the start, µs UTC.
            TIME time: Timestamp,
            /// CLOCK_MONOTONIC of the start, ns.
            START_NS start_ns: i64,
            /// Start to outcome, ns.
            LATENCY_NS latency_ns: i64,
            /// [`crate::Outcome`] as a word.
            OUTCOME outcome: Cow<'a, str>,
            /// Linux errno or null.
            ERRNO errno: Option<i32>,
            /// SYNs sent again.
            SYN_RETRANSMITS syn_retransmits: i32,
            /// Handshake RTT, µs, or null.
            RTT_US rtt_us: Option<i32>,
            /// Process id.
            PID pid: i32,
            /// Thread id.
            TID tid: i32,
            /// User id.
            UID uid: i64,
            /// Thread name.
            COMM comm: Cow<'a, str>,
            /// cgroup v2 path, empty when unknown.
            CGROUP cgroup: Cow<'a, str>,
            /// cgroup v2 id.
            CGROUP_ID cgroup_id: i64,
            /// Network namespace inode.
            NETNS netns: i64,
            /// 4 or 6.
            IP_VERSION ip_version: i32,
            /// Source address as text.
            SRC_ADDR src_addr: Cow<'a, str>,
            /// Destination address as text.
            DST_ADDR dst_addr: Cow<'a, str>,
            /// Source port.
            SRC_PORT src_port: i32,
            /// Destination port.
            DST_PORT dst_port: i32,
            /// Bits of [`crate::flags`].
            FLAGS flags: i32,
        }
    };
}
pub(super) use every_column;

macro_rules! names_and_schema {
    ($($(#[$meaning:meta])* $constant:ident $name:ident: $cell:ty,)+) => {
        $($(#[$meaning])* pub const $constant: &str = stringify!($name);)+

        /// The names in file order.
        pub const NAMES: [&str; [$($constant),+].len()] = [$($constant),+];

        /// The columns in file order; those that may be null are [`ERRNO`] and [`RTT_US`].
        pub fn schema() -> SchemaRef {
            use std::borrow::Cow;

            use super::cell::Timestamp;

            #[expect(clippy::extra_unused_lifetimes, reason = "types of cells name it")]
            fn fields<'a>() -> Vec<Field> {
                vec![$(<$cell as Cell<'a>>::field($constant),)+]
            }
            static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| Arc::new(Schema::new(fields())));
            Arc::clone(&SCHEMA)
        }
    };
}
every_column!(names_and_schema);

/// Order of the rows inside one row group: sorting this way saves about 30 %.
///
/// Row groups themselves follow each other in time.
pub const ROW_GROUP_SORT: [&str; 5] = [PID, DST_ADDR, DST_PORT, OUTCOME, START_NS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contract() {
        let columns: Vec<String> = schema()
            .fields()
            .iter()
            .map(|field| {
                let null = if field.is_nullable() { "?" } else { "" };
                format!("{} {}{null}", field.name(), field.data_type())
            })
            .collect();
        let expected = [
            "host Utf8",
            "boot_id Utf8",
            "time Timestamp(µs, \"UTC\")",
            "start_ns Int64",
            "latency_ns Int64",
            "outcome Utf8",
            "errno Int32?",
            "syn_retransmits Int32",
            "rtt_us Int32?",
            "pid Int32",
            "tid Int32",
            "uid Int64",
            "comm Utf8",
            "cgroup Utf8",
            "cgroup_id Int64",
            "netns Int64",
            "ip_version Int32",
            "src_addr Utf8",
            "dst_addr Utf8",
            "src_port Int32",
            "dst_port Int32",
            "flags Int32",
        ];
        assert_eq!(columns, expected);
    }

    #[test]
    fn the_sort_key_names_columns() {
        for name in ROW_GROUP_SORT {
            assert!(schema().field_with_name(name).is_ok(), "{name}");
        }
    }
}
