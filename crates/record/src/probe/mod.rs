//! The BPF program from user space: load, attach, read, account, detach.

mod account;
mod error;
mod fdinfo;
mod filters;
mod load;
mod networks;
mod object;
mod offsets;
mod options;
mod permission;
mod processes;
mod state_programs;
mod test_run;

pub use account::Unreadable;
pub use error::{AttachError, MINIMUM_KERNEL};
pub use filters::{Filters, cgroup_filter_available};
pub use load::{OBJECT, Probe};
pub use offsets::{KERNEL_BTF, ResolvedOffsets, kernel_types};
pub use options::ProbeOptions;
pub use permission::{Refusal, held};
