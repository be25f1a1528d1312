//! Facts about the machine that go into a capture.

mod cgroup;
mod clock;
mod facts;
mod identity;
mod kernel;
mod pid_namespace;
mod sysctl;
mod time_namespace;

pub use cgroup::CgroupPaths;
pub use clock::{Clock, ClockReading};
pub use facts::Facts;
pub use identity::Identity;
pub use kernel::KernelRelease;
pub use pid_namespace::PidNamespace;
pub use sysctl::{connect_sysctls, own_network_namespace};
pub use time_namespace::find as find_time_namespace;
