//! The one door by which a test does not run: it says why, `.ci/test` lists it,
//! and in CI it is a failure.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;

/// Names the file to which each skip adds a line; `.ci/test` prints it.
const LIST: &str = "CONNLAT_SKIPS";
/// Set where the kernel is not this machine's choice: in the virtual machines
/// that try the recorder on old kernels, which lack some features.
const ANY_KERNEL: &str = "CONNLAT_ANY_KERNEL";

/// Notes that the calling test does not run, and why; the caller returns.
///
/// # Panics
/// Where `CI` is set.
#[track_caller]
pub fn skip(why: impl Display) {
    tell(&this_test(Location::caller()), &why.to_string(), false);
}

/// Likewise, because this kernel does not have something.
///
/// # Panics
/// Where `CI` is set, but not where any kernel will do.
#[track_caller]
pub fn skip_on_this_kernel(what: impl Display) {
    skip_as(&this_test(Location::caller()), format!("not on this kernel: {what}"), true);
}

/// Likewise for a case that is only a part of its test.
///
/// # Panics
/// Where `CI` is set, unless the kernel is to blame and any will do.
pub fn skip_as(name: &str, why: impl Display, of_kernel: bool) {
    tell(name, &why.to_string(), of_kernel);
}

fn tell(name: &str, why: &str, of_kernel: bool) {
    let why = why.trim().replace('\n', "; ");
    let line = format!("skipped: {name}: {why}\n");
    if let Some(path) = std::env::var_os(LIST) {
        let list = OpenOptions::new().append(true).create(true).open(path);
        // One write, so that lines of several processes stay whole.
        list.and_then(|mut list| list.write_all(line.as_bytes())).expect("the list of skips");
    }
    // Not by a macro: the test harness hides what those print.
    let _ = std::io::stderr().write_all(line.as_bytes());
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let excused = is_excused(is_set("CI"), is_set(ANY_KERNEL), of_kernel);
    assert!(excused, "in CI nothing is skipped: {name}: {why}");
}

fn is_excused(ci: bool, any_kernel: bool, of_kernel: bool) -> bool {
    !ci || any_kernel && of_kernel
}

/// The test's path, as the harness names its thread; where tests share the
/// main thread, the place in the source.
fn this_test(caller: &Location<'_>) -> String {
    let thread = std::thread::current();
    let program = std::env::args().next().unwrap_or_default();
    let program = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let binary = program.rsplit_once('-').map_or(program, |(name, _hash)| name);
    match thread.name() {
        Some(name) if name != "main" => format!("{binary}::{name}"),
        _ => format!("{binary}::{}:{}", caller.file(), caller.line()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_skips_nothing_but_what_an_old_kernel_lacks() {
        assert!(is_excused(false, false, false) && is_excused(false, false, true));
        assert!(!is_excused(true, false, false) && !is_excused(true, false, true));
        assert!(!is_excused(true, true, false) && is_excused(true, true, true));
    }

    #[test]
    fn a_test_knows_its_name() {
        let name = this_test(Location::caller());
        assert!(name.starts_with("test_support::"), "{name}");
        let by_thread = name.ends_with("::skips::tests::a_test_knows_its_name");
        assert!(by_thread || name.contains("skips.rs:"), "{name}");
    }
}
