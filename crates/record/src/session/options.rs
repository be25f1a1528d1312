//! What a session is asked to do: filled by the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::limits::Limits;
use crate::capture::retention::Retention;
use crate::live::ScreenOptions;
use crate::privileges::User;
use crate::probe::ProbeOptions;

/// What was asked for, recording or live.
#[derive(Debug, Clone)]
pub struct Options {
    /// The capture to write, if any.
    pub capture: Option<CaptureOptions>,
    /// What to print while connects end, if anything.
    pub screen: Option<ScreenOptions>,
    /// When to stop by itself.
    pub duration: Option<Duration>,
    /// What to record and with how much memory.
    pub probe: ProbeOptions,
    /// Nice value of the recorder while it records.
    pub nice: i32,
    /// Who the recorder becomes, if that was asked for.
    pub user: Option<User>,
    /// What to run meanwhile; empty for nothing.
    pub command: Vec<OsString>,
}

impl Options {
    /// Before others: on a host that is overloaded a recorder that waits for
    /// its turn loses events.
    pub const DEFAULT_NICE: i32 = -10;
}

/// A capture to write, and its bounds.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// Where.
    pub destination: Destination,
    /// Whether an existing file may be replaced.
    pub force: bool,
    /// Permission bits of new files.
    pub mode: u32,
    /// When to stop by itself.
    pub limits: Limits,
    /// Which sealed segments to keep.
    pub retention: Retention,
}

/// Where captures go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file in the current directory, named after host and time.
    Default,
    /// This file.
    File(PathBuf),
    /// Segments in a tree of hosts and days.
    Tree {
        /// The directory it is in.
        root: PathBuf,
        /// When one segment ends and the next begins; `None` for one only.
        rotate: Option<Rotate>,
    },
}

/// When a segment is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotate {
    /// After this time.
    Age(Duration),
    /// When its journal has this many bytes.
    Bytes(u64),
}
