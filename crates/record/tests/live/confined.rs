//! Where recording cannot work, `record check` says why, and recording fails
//! with one line.

use std::process::{Command, Output};

use test_support::{has_program, recorder, scratch, through};

/// `record` in namespaces of its own, after a shell command; none where
/// unshare(1) is not allowed.
fn confined(namespaces: &[&str], first: &str, arguments: &str) -> Option<Output> {
    let shell = format!("{first}; exec \"$0\" {arguments}");
    let mut unshare = Command::new("unshare");
    unshare.args(namespaces).args(["--", "sh", "-c", &shell]).arg(recorder());
    let allowed = has_program("unshare", &[namespaces, &["true"]].concat());
    allowed.then(|| unshare.output().expect("unshare runs"))
}

fn line_of<'a>(check: &'a str, name: &str) -> &'a str {
    check.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} in {check}"))
}

#[test]
fn a_user_namespace_is_named() {
    let Some(output) = confined(&["--user", "--map-root-user"], "true", "check") else { return };
    let check = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{check}");
    let line = line_of(&check, "privileges");
    assert!(line.starts_with("missing") && line.contains("user namespace"), "{check}");
}

#[test]
fn without_proc_it_is_named() {
    let umount = "umount -l /proc";
    let Some(output) = confined(&["--mount"], umount, "check") else { return };
    let check = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{check}");
    assert!(line_of(&check, "proc is not mounted").starts_with("missing"), "{check}");
    assert!(line_of(&check, "privileges").starts_with("ok"), "{check}");

    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let arguments = format!("--duration 1ms -o {}", capture.display());
    let Some(output) = confined(&["--mount"], umount, &arguments) else { return };
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.lines().count() == 1 && error.contains("mount -t proc"), "{error}");
}

/// setarch(8) makes the kernel say 2.6 to one process.
#[test]
fn a_kernel_below_the_floor_is_named() {
    if !has_program("setarch", &["--uname-2.6", "true"]) {
        return;
    }
    let old = |arguments: &[&str]| through(&["setarch", "--uname-2.6"], arguments).output();
    let output = old(&["check"]).expect("setarch runs");
    let check = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{check}");
    let line = line_of(&check, "kernel release");
    assert!(line.starts_with("missing") && line.contains("Linux 5.10 or later"), "{check}");

    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let output = old(&["--duration", "1ms", "-o", capture.to_str().expect("UTF-8")]);
    let error = String::from_utf8(output.expect("setarch runs").stderr).expect("UTF-8");
    assert!(error.lines().count() == 1 && error.contains("Linux 5.10 or later"), "{error}");
}
