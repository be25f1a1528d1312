//! Which capabilities stay, and why.

use rustix::io;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// What goes on needs, and a try of it.
pub struct Wanted<'a> {
    /// The capability, which some kernels ask for and some do not.
    pub capability: CapabilitySet,
    /// Whether what needs it works now.
    pub works: &'a mut dyn FnMut() -> bool,
}

/// Gives up every capability but `needed`, and those of `wanted` without which
/// something does not work here that works with it. For this thread and all
/// that it starts, and for every program any of them runs.
///
/// # Errors
/// From capset(2) or prctl(2).
pub fn keep_only(needed: CapabilitySet, wanted: &mut [Wanted<'_>]) -> io::Result<()> {
    let held = capabilities(None)?.permitted;
    let mut keep = held & needed;
    for Wanted { capability, works } in wanted.iter_mut() {
        let capability = *capability & held;
        if capability.is_empty() || !works() {
            continue;
        }
        set(held & !capability, held)?;
        if !works() {
            keep |= capability;
        }
        set(held, held)?;
    }
    let _ = clear_ambient_capability_set();
    empty_bounding_set();
    set_no_new_privs(true)?;
    set(keep, keep)
}

fn set(effective: CapabilitySet, permitted: CapabilitySet) -> io::Result<()> {
    set_capabilities(
        None,
        CapabilitySets { effective, permitted, inheritable: CapabilitySet::empty() },
    )
}

/// No program could gain any of them, were one run. It takes CAP_SETPCAP; whoever
/// started this without it has no_new_privs for that.
fn empty_bounding_set() {
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability);
    }
}
