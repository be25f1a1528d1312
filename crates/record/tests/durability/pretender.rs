//! `record snapshot` and processes that only look like a recorder.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use test_support::{
    Process, Recording, bpf_available, captures_below, has_program, record, recorder, run_to_end,
    scratch, wait_until,
};

#[test]
fn somebody_who_pretends_to_record_is_neither_asked_nor_in_the_way() {
    if !bpf_available() || !has_program("setpriv", &["--version"]) {
        return;
    }
    let directory = scratch();
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), everybody).expect("own");
    let fifo = directory.path().join("btf");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o666), 0).expect("a FIFO");
    // The same file, where everybody may run it.
    let program = directory.path().join("record");
    std::fs::copy(recorder(), &program).expect("a copy");
    // Waits for types of the kernel, with its handlers installed.
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
    command.arg("--btf").arg(&fifo).args(["-o", "/tmp/connlat-pretender.parquet"]);
    let mut pretender = Process::spawn(command.stderr(Stdio::null()).stdin(Stdio::null()));
    let pid = pretender.id();
    wait_until("its handlers", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        caught.is_some_and(|mask| mask & (1 << (libc::SIGUSR1 - 1)) != 0)
    });
    let named = run_to_end(Command::new(&program).args(["snapshot", &pid.to_string()]));
    named.assert_refused();

    let captures = directory.path().join("captures");
    std::fs::create_dir(&captures).expect("a directory");
    let capture = captures.join("c.parquet");
    let mut command = Command::new(&program);
    command.arg("-o").arg(&capture).stdin(Stdio::null());
    let journal = test_support::journal_of(&capture);
    let mut recording = Recording::spawn(command, || test_support::is_filled(&journal));
    // Other tests run other files: only this one's recorders are found.
    let asked = run_to_end(Command::new(&program).arg("snapshot"));
    assert!(asked.status.success(), "{asked:?}");
    wait_until("a snapshot", || captures_below(&captures).len() == 1);
    assert!(pretender.is_running(), "SIGUSR1 would have been handled, but it was not sent");
    recording.stop();
}

#[test]
fn a_process_that_is_not_there_is_named() {
    run_to_end(&mut record(&["snapshot", "4194305"])).assert_refused();
    run_to_end(&mut record(&["snapshot", &std::process::id().to_string()])).assert_refused();
}
