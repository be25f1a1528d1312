//! Recording, and what happens meanwhile.

mod attach;
mod capture;
mod cgroup;
mod connects;
mod difference;
mod event;
mod files;
mod load;
pub mod namespace;
pub mod netlink;
mod process;
mod programs;
mod recording;
mod settings;
mod time;

pub use attach::{bpf_available, why_no_bpf};
pub use capture::{Capture, Row, for_each_batch};
pub use cgroup::{Cgroup, own_cgroup, v1_has_groups};
pub use connects::{Made, bound_socket, connect, connect_and_reset, nobody, server};
pub use difference::Difference;
pub use event::event;
pub use files::{
    captures_below, files_below, is_filled, journal_of, journals_below, names, scratch,
};
pub use load::{Load, Peers};
pub use namespace::Namespace;
pub use process::Process;
pub use programs::{example, has_program, is_root, record, recorder, run, through};
pub use recording::{Ended, Recording, recover, run_to_end};
pub use settings::setting;
pub use time::{monotonic_ns, wait_until};
