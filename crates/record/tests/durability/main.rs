//! What was captured survives: kills, full disks, failing system calls, storms,
//! hours of rotation, journals that somebody tampered with, and directories
//! that somebody else owns.
//!
//! Most of it needs root and BPF. Without them each test says why it is
//! skipped; under `CI=true` it fails. Longer runs by environment:
//! `CONNLAT_KILL_ROUNDS` (10), `CONNLAT_STORM_CONNECTS` (100000),
//! `CONNLAT_SOAK_SECONDS` (8).

mod bundle;
mod disk;
mod faults;
mod hostile;
mod journals;
mod kill;
mod limits;
mod others;
mod pretender;
mod recover;
mod removed;
mod shortage;
mod signals;
mod snapshot;
mod soak;
mod stalled;
mod stderr;
mod storm;
mod terminal;
