//! The BPF program from user space: load, attach, read, account, detach.

mod error;
mod fdinfo;
mod load;
mod offsets;

pub use error::{AttachError, MINIMUM_KERNEL};
pub use load::{Probe, ProbeOptions};
pub use offsets::ResolvedOffsets;
