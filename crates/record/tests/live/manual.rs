//! Completions and manual pages: need neither root nor BPF.

use std::fs;

use test_support::{run, scratch};

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(script.contains("snapshot") && script.contains("output-dir"), "{shell}");
    }
    assert_eq!(run(&["completions", "csh"]).status.code(), Some(2));
}

#[test]
fn a_manual_page_for_each_command() {
    let directory = scratch();
    let pages = directory.path().join("man/man1");
    let output = run(&["man", pages.to_str().expect("UTF-8")]);
    assert!(output.status.success());
    let page = fs::read_to_string(pages.join("record.1")).expect("a page");
    assert!(page.contains("CAP_PERFMON") && page.contains("record\\-snapshot(1)"), "{page}");
    assert!(pages.join("record-live.1").exists());
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let output = run(&["man", "/proc/pages"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("/proc/pages"), "{message}");
}
