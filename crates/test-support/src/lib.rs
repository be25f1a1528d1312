//! What the tests of all crates share.
//!
//! * [`Recording`]: a recorder that no test leaves behind, started plainly,
//!   through another program, or by a prepared command.
//! * [`Capture`]: a capture read back as rows and metadata; [`event`] is what
//!   unit tests make rows of.
//! * [`Namespace`] and [`Cgroup`]: places to connect from.
//! * [`connect`], [`server`], [`nobody`]; [`Load`] and [`Difference`] compare
//!   many connects with the rows there are.
//! * [`skip`]: the only way for a test not to run.
//!
//! Everything but skips is for Linux: the analyzer's tests run elsewhere, too.

mod skips;
pub use skips::{skip, skip_as, skip_on_this_kernel};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;
