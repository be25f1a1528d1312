//! Names and contents that act on a terminal, where they are printed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use test_support::{bpf_available, captures_below, record, recover, run_to_end, scratch};

use crate::journals::bytes;

#[test]
fn names_and_contents_do_not_act_on_the_terminal() {
    let directory = scratch();
    let at = |name: &[u8]| directory.path().join(OsStr::from_bytes(name));
    let line = b"nl\n[ record: recovered 5 connects; wrote x ].parquet.journal";
    let hostile = [
        at(b"a\x1b]0;title\x07b.parquet.journal"),
        at(b"empty\x1b[2J.parquet.journal"),
        at(line),
        at("turned\u{202e}.parquet.journal".as_bytes()),
        at(b"no\xffutf8\x1b.parquet.journal"),
    ];
    for (number, path) in hostile.iter().enumerate() {
        fs::write(path, if number == 1 { &b""[..] } else { b"junk" }).expect("write");
    }
    // One that is sealed, too.
    fs::write(at(b"good\x1b[31m.parquet.journal"), bytes(1, true)).expect("write");
    let mut all: Vec<&Path> = hostile.iter().map(PathBuf::as_path).collect();
    let good = at(b"good\x1b[31m.parquet.journal");
    all.push(&good);
    let ended = recover(&all);
    assert_shows(&ended.stderr);
    assert_eq!(ended.stderr.lines().count(), all.len(), "a line each: {:?}", ended.stderr);
    assert!(ended.stderr.contains("recovered 50 connects"), "{:?}", ended.stderr);
}

fn assert_shows(text: &str) {
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(acts), "{text:?}");
}

#[test]
fn what_a_recorder_says_does_not_act_on_the_terminal() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let hostile = directory.path().join("a\x1b]0;t\x07\n[ record: x ]\u{202e}");
    let capture = hostile.join("c\x1b[2J.parquet");
    let run = |arguments: &[&str]| {
        let mut command = record(&["--duration", "300ms"]);
        let ended = run_to_end(command.args(arguments));
        assert_shows(&ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{:?}", ended.stderr);
        ended
    };
    let (tree, file) = (hostile.to_str().expect("UTF-8"), capture.to_str().expect("UTF-8"));
    // No such directory.
    assert!(!run(&["-o", file]).status.success());
    assert!(!run(&["--output-dir", tree]).status.success());
    assert!(!run(&["-o", "/dev/null", "--", tree]).status.success());
    fs::create_dir(&hostile).expect("a directory");
    assert!(run(&["-o", file]).status.success());
    assert!(run(&["--output-dir", tree]).status.success());
    // It is there already.
    assert!(!run(&["-o", file]).status.success());
    assert_eq!(captures_below(&hostile).len(), 2);
}
