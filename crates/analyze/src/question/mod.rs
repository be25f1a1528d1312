//! The questions: each takes the rows of the captures and returns typed
//! answers, knowing nothing of files, options as typed, or output formats.

mod destinations;
mod figures;
mod outcomes;
mod overall;
mod sample;
mod timeseries;

use connlat_schema::capture::columns;

pub use destinations::{COLUMNS as DESTINATION_COLUMNS, Order, destinations};
pub use figures::{Figures, Key, Row};
pub use outcomes::{OutcomeCount, errno_name, outcomes};
pub use overall::percentiles;
pub use sample::{Percentile, SMALL_SAMPLE_NOTE};
pub use timeseries::{TimeSeries, TooManyBuckets, every_for, span_of, timeseries};

/// Columns one may group by: those that name something. Times and latencies
/// have a question of their own or are what is measured.
pub const GROUP_COLUMNS: [&str; 18] = [
    columns::HOST,
    columns::BOOT_ID,
    columns::OUTCOME,
    columns::ERRNO,
    columns::SYN_RETRANSMITS,
    columns::PID,
    columns::TID,
    columns::UID,
    columns::COMM,
    columns::CGROUP,
    columns::CGROUP_ID,
    columns::NETNS,
    columns::IP_VERSION,
    columns::SRC_ADDR,
    columns::SRC_PORT,
    columns::DST_ADDR,
    columns::DST_PORT,
    columns::FLAGS,
];
