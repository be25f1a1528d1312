//! What `record` refuses, in one line and with the right exit code.

use std::fs;
use std::os::unix::process::CommandExt;

use test_support::{bpf_available, is_root, record, recorder, run, scratch};

fn one_line(stderr: &[u8]) -> String {
    let text = String::from_utf8(stderr.to_vec()).expect("UTF-8");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn usage_errors_exit_with_2() {
    for arguments in [
        &["--duration", "soon"][..],
        &["-4", "-6"],
        &["-p", "no-number"],
        &["--unknown"],
        &["--ring-size", "3"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_existing_file_is_refused_and_left_alone() {
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    fs::write(&path, "precious").expect("write");
    let output = run(&["-o", path.to_str().expect("UTF-8"), "--duration", "1ms"]);
    assert_eq!(output.status.code(), Some(1));
    let message = one_line(&output.stderr);
    assert!(message.contains("--force") && message.contains("c.parquet"), "{message}");
    assert_eq!(fs::read(&path).expect("read"), b"precious");
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let output = run(&["-o", "/nonexistent/c.parquet", "--duration", "1ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output.stderr).contains("/nonexistent"));
}

#[test]
fn without_privileges_the_remedy_is_named() {
    if !is_root() {
        return;
    }
    let directory = scratch();
    // The binary lies below root's home, where nobody cannot reach it.
    let binary = directory.path().join("record");
    fs::copy(recorder(), &binary).expect("a copy");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(directory.path(), open).expect("permissions");
    let output = std::process::Command::new(&binary)
        .current_dir(&directory)
        .args(["--duration", "1ms"])
        .uid(65_534)
        .gid(65_534)
        .output()
        .expect("record runs");
    assert_eq!(output.status.code(), Some(1));
    let message = one_line(&output.stderr);
    assert!(message.contains("CAP_BPF") && message.contains("sudo"), "{message}");
}

#[test]
fn a_command_that_cannot_be_run_leaves_nothing_behind() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let output = record(&["--", "/nonexistent/command"])
        .current_dir(&directory)
        .output()
        .expect("record runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output.stderr).contains("/nonexistent/command"));
    assert_eq!(fs::read_dir(directory.path()).expect("the directory").count(), 0);
}

#[test]
fn types_at_another_place_work_and_damaged_ones_are_named() {
    let directory = scratch();
    let (copy, part) = (directory.path().join("copy.btf"), directory.path().join("part.btf"));
    let capture = directory.path().join("c.parquet");
    let with = |btf: &std::path::Path| {
        let (btf, capture) = (btf.to_str().expect("UTF-8"), capture.to_str().expect("UTF-8"));
        run(&["--btf", btf, "-o", capture, "--duration", "1ms"])
    };

    let output = with(&part);
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output.stderr).contains("part.btf"));
    if !bpf_available() {
        return;
    }

    let types = fs::read("/sys/kernel/btf/vmlinux").expect("BTF");
    fs::write(&part, &types[..types.len() / 2]).expect("a part");
    let output = with(&part);
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output.stderr).contains("part.btf"));
    assert!(!capture.exists());
    let check = run(&["check", "--btf", part.to_str().expect("UTF-8")]);
    assert_eq!(check.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&check.stdout).contains("part.btf"));

    fs::write(&copy, types).expect("a copy");
    let output = with(&copy);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(capture.exists());
}
