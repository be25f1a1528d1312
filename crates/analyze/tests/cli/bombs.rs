//! Files that claim more than they hold: answered or refused in bounded memory.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

use super::capture::{Capture, Connect};
use super::program::Dir;

/// Address space the program may have, kB; a plain run maps less than half.
const LIMIT_KB: u64 = 3_000_000;

/// The answer under the limit, or `None` if the file was refused with one line
/// that names it.
fn limited(dir: &Dir, name: &str) -> Option<String> {
    let output = Command::new("/bin/sh")
        .current_dir(dir.path("."))
        .env("POLARS_MAX_THREADS", "2")
        .arg("-c")
        .arg(format!("ulimit -v {LIMIT_KB}; exec {} summary {name}", env!("CARGO_BIN_EXE_analyze")))
        .output()
        .expect("a shell");
    let stderr = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => return Some(String::from_utf8(output.stdout).expect("UTF-8")),
        Some(1) => assert!(stderr.lines().count() == 1 && stderr.contains(name), "{stderr}"),
        other => panic!("{name}: {other:?}: {stderr}"),
    }
    None
}

#[test]
fn pages_that_claim_huge_sizes_are_refused() {
    let dir = Dir::new();
    let rows = (0..500).map(|n| Connect::at(n, n)).collect();
    let good = fs::read(Capture::of(rows).write(dir.path("c"))).expect("a file");
    let answer = limited(&dir, "c").expect("a good file");

    // A page header begins: 15 (field 1, i32) type, 15 (field 2, i32)
    // uncompressed size as a zigzag varint. The size becomes 2 GB or 1 GB
    // with the bytes after it overwritten, or negative.
    let headers: Vec<usize> = good
        .windows(3)
        .enumerate()
        .filter(|(_, w)| w[0] == 0x15 && matches!(w[1], 0 | 4) && w[2] == 0x15)
        .map(|(at, _)| at + 3)
        .collect();
    assert!(headers.len() >= 22, "{} page headers", headers.len());
    let sizes: [&[u8]; 3] =
        [&[0xfe, 0xff, 0xff, 0xff, 0x0f], &[0x80, 0x80, 0x80, 0x80, 0x08], &[0x01]];
    let (mut tried, mut refused) = (0, 0);
    for at in headers.iter().step_by(5) {
        for size in sizes {
            let mut bomb = good.clone();
            bomb[*at..*at + size.len()].copy_from_slice(size);
            fs::write(dir.path("c"), &bomb).expect("a file");
            tried += 1;
            match limited(&dir, "c") {
                None => refused += 1,
                // A page that the question does not need.
                Some(text) => assert_eq!(text, answer, "{size:x?} at {at}"),
            }
        }
    }
    assert!(refused >= tried / 2, "only {refused} of {tried} refused");
}

#[test]
fn a_highly_compressed_capture_is_read_in_bounded_memory() {
    let dir = Dir::new();
    // Names that repeat: 400 kB of text a row, dictionary encoded.
    let mut rows: Vec<Connect> = (0..2_000).map(|n| Connect::at(n, n)).collect();
    let long = "x".repeat(400_000);
    for row in &mut rows {
        row.comm.clone_from(&long);
    }
    // 800 MB of text in a file of a few kB.
    let path = dir.path("bomb");
    let mut capture = Capture::of(rows);
    capture.row_group = 500;
    capture.write(&path);
    assert!(fs::metadata(&path).expect("a file").len() < 1_000_000);
    // No name is that long, so this is no capture of ours.
    assert_eq!(limited(&dir, "bomb"), None);
}
