//! Which capabilities stay, and why.

use rustix::io;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
    set_no_new_privs,
};

/// What of the session needs a capability.
pub struct Kept {
    /// A command runs that may have to be ended.
    pub command: bool,
    /// The output directory belongs to somebody else.
    pub any_directory: bool,
}

/// Gives up every capability but those still needed, for this thread and all
/// that it starts, and for every program any of them runs.
///
/// # Errors
/// From capset(2) or prctl(2).
pub fn keep_only(kept: Kept) -> io::Result<()> {
    let held = capabilities(None)?.permitted;
    let keep = held & needed(&kept);
    let _ = clear_ambient_capability_set();
    set_no_new_privs(true)?;
    set_capabilities(
        None,
        CapabilitySets { effective: keep, permitted: keep, inheritable: CapabilitySet::empty() },
    )
}

fn needed(kept: &Kept) -> CapabilitySet {
    // Kernels before 5.19 want CAP_BPF for reading a map that is open already;
    // open_by_handle_at(2), which resolves cgroups, wants the other.
    let mut needed = CapabilitySet::BPF | CapabilitySet::DAC_READ_SEARCH;
    if kept.command {
        needed |= CapabilitySet::KILL;
    }
    if kept.any_directory {
        needed |= CapabilitySet::DAC_OVERRIDE;
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_dangerous_stays_by_default() {
        let needed = needed(&Kept { command: false, any_directory: false });
        assert_eq!(needed, CapabilitySet::BPF | CapabilitySet::DAC_READ_SEARCH);
        for gone in [CapabilitySet::SYS_ADMIN, CapabilitySet::PERFMON, CapabilitySet::SETUID] {
            assert!(!needed.contains(gone));
        }
    }
}
