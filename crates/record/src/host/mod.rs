//! Facts about the machine that go into a capture.

mod cgroup;
mod clock;
mod identity;
mod sysctl;

pub use cgroup::CgroupPaths;
pub use clock::{Clock, ClockReading};
pub use identity::Identity;
pub use sysctl::connect_sysctls;
