//! The recorder where users run it: in namespaces, without `/sys`, under
//! limits, from scripts. What it writes there must be as true as elsewhere, or
//! it must refuse by name.
//!
//! Needs root and BPF, and the programs of util-linux.

mod cgroups;
mod clocks;
mod cpus;
mod networks;
mod processes;
mod signals;

use std::path::PathBuf;

use test_support::{Namespace, bpf_available, example, has_program, is_root};

/// Whether a test of this kind can run here; it is skipped otherwise.
#[track_caller]
fn possible() -> bool {
    bpf_available() && is_root() && has_program("unshare", &["--mount", "true"])
}

/// Makes exactly as many connects as its first argument says.
fn storm() -> String {
    example("connect_storm").to_str().expect("UTF-8").to_owned()
}

/// A network namespace, and the arguments that record only it: other tests
/// connect meanwhile.
fn quiet_place() -> (Namespace, PathBuf) {
    let namespace = Namespace::new().expect("a namespace");
    let path = namespace.path();
    (namespace, path)
}
