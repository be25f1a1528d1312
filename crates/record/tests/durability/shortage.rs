//! No thread left, no descriptor left, no file left: what is missing is said
//! once, and no empty journal stays.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use test_support::{
    Ended, bpf_available, files_below, has_program, journals_below, recorder, run_to_end, scratch,
};

/// Nobody else's, so that only this test's threads count.
const USER: u32 = 60_917;

#[track_caller]
fn check(ended: &Ended, directory: &Path, what: &str) {
    let complaints: Vec<&str> =
        ended.stderr.lines().filter(|line| !line.starts_with("[ record: ")).collect();
    assert!(!ended.stderr.contains("panicked"), "{what}: {ended:?}");
    assert!(complaints.iter().all(|line| line.starts_with("record: ")), "{what}: {ended:?}");
    match ended.status.code() {
        Some(0) => assert!(complaints.is_empty(), "{what}: {ended:?}"),
        Some(1) => assert_eq!(complaints.len(), 1, "{what}: {ended:?}"),
        other => panic!("{what}: {other:?} {ended:?}"),
    }
    let empty = journals_below(directory)
        .into_iter()
        .filter(|path| fs::metadata(path).is_ok_and(|journal| journal.len() == 0));
    assert_eq!(empty.count(), 0, "{what}: {:?}", files_below(directory));
}

fn limited(limit: &str, directory: &Path) -> Command {
    let mut command = Command::new("prlimit");
    command.arg(limit).arg(recorder()).args(["--rotate", "100ms", "--duration", "700ms"]);
    command.arg("--output-dir").arg(directory);
    command
}

#[test]
fn without_a_thread_it_says_which_and_leaves_nothing_empty() {
    if !bpf_available() || !has_program("prlimit", &["--version"]) {
        return;
    }
    let mut failures = 0;
    for threads in 1..=9 {
        let directory = scratch();
        let captures = directory.path().join("captures");
        fs::create_dir(&captures).expect("a directory");
        let program = directory.path().join("record");
        fs::copy(recorder(), &program).expect("a copy");
        for path in [directory.path(), &captures] {
            chown(path, Some(USER), Some(USER)).expect("root");
        }
        let mut command = Command::new("setpriv");
        let user = USER.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
        command.args(["--inh-caps=-all,+bpf,+perfmon", "--ambient-caps=-all,+bpf,+perfmon"]);
        command.args(["prlimit", &format!("--nproc={threads}")]).arg(&program);
        command.args(["--rotate", "100ms", "--duration", "700ms", "--output-dir"]).arg(&captures);
        let ended = run_to_end(&mut command);
        check(&ended, &captures, &format!("{threads} threads"));
        if !ended.status.success() {
            failures += 1;
            assert!(ended.stderr.contains("cannot start the thread"), "{ended:?}");
        }
    }
    assert!(failures > 1, "the limit was no limit");
}

#[test]
fn without_a_descriptor_it_ends_with_one_line() {
    if !bpf_available() || !has_program("prlimit", &["--version"]) {
        return;
    }
    let mut failures = 0;
    for descriptors in 26..=44 {
        let directory = scratch();
        let limit = format!("--nofile={descriptors}");
        let ended = run_to_end(&mut limited(&limit, directory.path()));
        check(&ended, directory.path(), &limit);
        failures += usize::from(!ended.status.success());
    }
    assert!(failures > 1, "the limit was no limit");
}

#[test]
fn without_address_space_it_does_not_abort() {
    if !bpf_available() || !has_program("prlimit", &["--version"]) {
        return;
    }
    for megabytes in [70_u64, 100, 150] {
        let directory = scratch();
        let limit = format!("--as={}", megabytes << 20);
        let ended = run_to_end(&mut limited(&limit, directory.path()));
        check(&ended, directory.path(), &limit);
    }
}
