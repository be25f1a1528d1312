//! The recorder under test, and the programs that tests compare it with.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::skip;

/// The recorder: that of this build, or the one `CONNLAT_RECORD` names, such as
/// in a virtual machine that has no cargo.
pub fn recorder() -> PathBuf {
    std::env::var_os("CONNLAT_RECORD").map_or_else(|| built().join("record"), PathBuf::from)
}

/// An example of the recorder's crate, which cargo builds beside its tests and
/// a virtual machine has beside the recorder.
pub fn example(name: &str) -> PathBuf {
    let beside = recorder().with_file_name(name);
    if beside.exists() { beside } else { built().join("examples").join(name) }
}

/// Where cargo puts this build's programs: test binaries lie in `deps` there.
fn built() -> PathBuf {
    if let Some(record) = std::env::var_os("CARGO_BIN_EXE_record") {
        return Path::new(&record).parent().expect("a file in a directory").to_owned();
    }
    let test = std::env::current_exe().expect("/proc");
    test.ancestors().nth(2).expect("a file in two directories").to_owned()
}

/// `record` with these arguments, not started.
pub fn record<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    let mut command = Command::new(recorder());
    command.args(arguments).stdin(Stdio::null());
    command
}

/// `record` run by another program, such as `["unshare", "--time"]`, not started.
pub fn through<A: AsRef<OsStr>>(wrapper: &[&str], arguments: &[A]) -> Command {
    let [program, before @ ..] = wrapper else { return record(arguments) };
    let mut command = Command::new(program);
    command.args(before).arg(recorder()).args(arguments).stdin(Stdio::null());
    command
}

/// Runs `record` to its end.
pub fn run<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    record(arguments).output().expect("record runs")
}

/// Whether a program runs here; skips the calling test otherwise.
#[track_caller]
pub fn has_program(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let works = command.status().is_ok_and(|status| status.success());
    if !works {
        skip(format_args!("no {}", [&[program], arguments].concat().join(" ")));
    }
    works
}

/// Whether this is root; skips the calling test otherwise.
#[track_caller]
pub fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("needs root");
    }
    root
}
