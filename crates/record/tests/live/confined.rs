//! Where recording cannot work, `record check` says why, and recording fails
//! with one line.

use std::process::{Command, Output};

use test_support::{has_program, recorder, scratch};

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

/// A release alone is no reason to refuse; where something is missing, it says
/// why.
#[test]
fn a_kernel_below_the_floor_is_named() {
    let directory = scratch();
    let release = directory.path().join("osrelease");
    std::fs::write(&release, "5.4.0-1-made-up\n").expect("a file");
    let lie = format!("mount --bind {} /proc/sys/kernel/osrelease", release.display());
    let Some(output) = confined(&["--mount"], &lie, "check") else { return };
    let check = String::from_utf8(output.stdout).expect("UTF-8");
    let line = line_of(&check, "kernel release");
    assert!(line.starts_with("ok") && line.contains("5.4.0-1-made-up"), "{check}");
    assert!(output.status.success(), "{check}");

    let without_types = format!("{lie} && umount -l /sys");
    let Some(output) = confined(&["--mount"], &without_types, "check") else { return };
    let check = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{check}");
    let line = line_of(&check, "kernel release");
    assert!(line.starts_with("missing") && line.contains("Linux 5.10 or later"), "{check}");

    let capture = directory.path().join("c.parquet");
    let arguments = format!("--duration 1ms -o {}", capture.display());
    let Some(output) = confined(&["--mount"], &without_types, &arguments) else { return };
    let error = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{error}");
    let one_line = error.lines().count() == 1;
    assert!(one_line && error.contains("kernel 5.4.0-1-made-up is too old"), "{error}");
}
