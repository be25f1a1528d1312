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
    let any = wanted.iter().fold(needed, |any, wanted| any | wanted.capability);
    // What one capability is needed for another may allow, too (CAP_SYS_ADMIN does
    // most of it): each is tried beside those that stay, and no others.
    let mut keep = held & any;
    for Wanted { capability, works } in wanted.iter_mut() {
        let without = keep & !(*capability & !needed);
        if without == keep {
            continue;
        }
        let mut works_with = |effective| set(effective, held).map(|()| works());
        if !works_with(keep)? || works_with(without)? {
            keep = without;
        }
    }
    // CAP_SETPCAP, to empty the bounding set.
    set(held, held)?;
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

#[cfg(test)]
mod tests {
    use test_support::skip;

    use super::*;

    fn effective() -> CapabilitySet {
        capabilities(None).expect("capabilities").effective
    }

    /// What is left, in a thread of its own.
    fn left(needed: CapabilitySet, works: fn() -> bool) -> CapabilitySet {
        let kept = std::thread::spawn(move || {
            let mut works = works;
            let mut wanted = [Wanted { capability: CapabilitySet::BPF, works: &mut works }];
            keep_only(needed, &mut wanted).expect("capabilities are given up");
            assert_eq!(capabilities(None).expect("capabilities").permitted, effective());
            effective()
        });
        kept.join().expect("a thread")
    }

    /// `bpf_capable()` (linux/capability.h), which kernels before 5.19 ask for each
    /// look at a map.
    fn before_5_19() -> bool {
        effective().intersects(CapabilitySet::BPF | CapabilitySet::SYS_ADMIN)
    }

    #[test]
    fn one_that_another_stands_in_for_is_kept() {
        if !effective().contains(CapabilitySet::BPF | CapabilitySet::SYS_ADMIN) {
            return skip("CAP_BPF and CAP_SYS_ADMIN are not both held");
        }
        assert_eq!(left(CapabilitySet::empty(), before_5_19), CapabilitySet::BPF);
        let kill = CapabilitySet::KILL;
        assert_eq!(left(kill, before_5_19), CapabilitySet::BPF | kill);
        // Later ones ask for nothing; and what never works needs nothing.
        assert_eq!(left(kill, || true), kill);
        assert_eq!(left(kill, || false), kill);
    }
}
