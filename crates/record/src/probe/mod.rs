//! The BPF program from user space: load, attach, read, account, detach.

mod error;
mod fdinfo;
mod filters;
mod load;
mod offsets;
mod permission;
mod state_programs;

pub use error::{AttachError, MINIMUM_KERNEL, check_kernel};
pub use filters::{Filters, cgroup_filter_available};
pub use load::{OBJECT, Probe, ProbeOptions};
pub use offsets::{KERNEL_BTF, ResolvedOffsets, kernel_types};
pub use permission::{Refusal, held};
