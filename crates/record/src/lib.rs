//! The recorder: from the kernel's tracepoint to a capture on disk.
//!
//! ```text
//! probe    BPF object, kernel offsets, ring buffer     ─┐
//! host     who and where we are, clocks, cgroups        ├─► session ─► capture
//! cli      what was asked for                          ─┘
//! ```
//!
//! * [`bundle`]: the archive that `snapshot` makes for a ticket;
//! * [`check`]: what a recording needs, and what is missing here;
//! * [`cli`]: arguments as typed, then as validated options;
//! * [`files`]: every path operation, and the rule for them;
//! * [`probe`]: loads and attaches the BPF program and reads what it says;
//! * [`host`]: facts about the machine that go into the capture;
//! * [`live`]: connects on the screen as they end;
//! * [`privileges`]: what is given up once the probe is attached;
//! * [`session`]: one recording from attach to stop;
//! * [`capture`]: events to rows, journal, and the sealed Parquet file.

pub mod bundle;
pub mod capture;
pub mod check;
pub mod cli;
pub mod files;
pub mod host;
pub mod live;
mod message;
mod outlet;
pub mod privileges;
pub mod probe;
pub mod session;
mod threads;
