//! `record recover` on journals that are damaged, forged, or no files at all:
//! one line, exit code 1 or what is still whole, bounded memory, no panic.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use test_support::{Capture, Ended, files_below, journal_of, names, recorder, run_to_end, scratch};

use crate::journals::{BATCH_ROWS, assert_first, bytes};

/// Address space of a recovery, kB: far more than it needs, far less than a
/// length field can ask for.
const MEMORY_KB: u32 = 512 << 10;
/// Positions tried in one journal.
const POSITIONS: usize = 60;

/// `record recover` with an upper bound of memory and time.
fn bounded_recover(path: &Path) -> Ended {
    let mut command = Command::new("sh");
    let script = format!("ulimit -v {MEMORY_KB}; exec timeout 20 \"$0\" recover \"$1\"");
    run_to_end(command.args(["-c", &script]).arg(recorder()).arg(path))
}

/// Recovers these bytes; returns the rows there are afterwards.
fn rows_of(journal: &[u8], context: &str) -> Option<u64> {
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    fs::write(journal_of(&capture), journal).expect("write");
    let ended = bounded_recover(&journal_of(&capture));
    assert!(!ended.stderr.contains("panicked"), "{context}: {ended:?}");
    assert!(ended.stderr.lines().count() <= 2, "{context}: {ended:?}");
    if journal.is_empty() {
        assert!(ended.status.success() && ended.stderr.contains("held nothing"), "{ended:?}");
        assert!(names(directory.path()).is_empty(), "{context}");
        return None;
    }
    if ended.status.success() {
        assert_eq!(names(directory.path()), ["c.parquet"], "{context}");
        let rows = Capture::read(&capture).rows;
        assert_first(&rows, rows.len() as u64);
        return Some(rows.len() as u64);
    }
    ended.assert_refused();
    assert_eq!(names(directory.path()), ["c.parquet.journal"], "{context}");
    assert_eq!(fs::read(journal_of(&capture)).expect("read"), journal, "{context}: kept");
    None
}

/// Positions over the whole length, the ends included.
fn positions(length: usize) -> impl Iterator<Item = usize> {
    (0..=POSITIONS).map(move |step| step * (length - 1) / POSITIONS)
}

#[test]
fn cut_anywhere_the_whole_batches_come_back() {
    let good = bytes(4, true);
    let mut most = 0;
    for length in positions(good.len()) {
        let rows = rows_of(&good[..length], &format!("cut at {length}"));
        let rows = rows.unwrap_or(0);
        assert!(rows >= most && rows.is_multiple_of(BATCH_ROWS), "{rows} after {most}");
        most = rows;
    }
    assert_eq!(most, 4 * BATCH_ROWS, "only the end marker was missing");
}

#[test]
fn changed_bytes_are_noticed() {
    let good = bytes(4, true);
    for at in positions(good.len()) {
        let mut journal = good.clone();
        journal[at] ^= 1 << (at % 8);
        let rows = rows_of(&journal, &format!("bit of byte {at}")).unwrap_or(0);
        assert!(rows.is_multiple_of(BATCH_ROWS), "byte {at}: {rows}");
    }
}

#[test]
fn lengths_that_lie_allocate_nothing() {
    let good = bytes(2, true);
    // Block length of the first message, and the body length in its trailer.
    let block = u32::from_le_bytes(good[4..8].try_into().expect("4 bytes")) as usize;
    for (at, length) in [(4, 4), (8 + block - 16, 8)] {
        for value in [u64::MAX, u64::MAX / 2, 1 << 40, 1 << 31, 1 << 26, 8, 0] {
            let mut journal = good.clone();
            journal[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
            rows_of(&journal, &format!("{value} at {at}"));
        }
    }
}

#[test]
fn garbage_is_no_journal() {
    let mut random = vec![0; 1 << 20];
    fastrand::fill(&mut random);
    let zeros = vec![0; 1 << 20];
    let ones = vec![0xff; 1 << 20];
    for garbage in [&b"PAR1"[..], b"\n", b"\xff\xff\xff\xff\0\0\0\0", &random, &zeros, &ones] {
        assert_eq!(rows_of(garbage, "garbage"), None);
    }
}

#[test]
fn every_forged_journal_of_the_fuzzer_is_survived() {
    let regressions = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("../schema/fuzz/regressions/journal");
    let regressions = files_below(&regressions);
    assert!(!regressions.is_empty());
    for path in regressions {
        let directory = scratch();
        let journal = directory.path().join("c.parquet.journal");
        fs::copy(&path, &journal).expect("a copy");
        let ended = bounded_recover(&journal);
        assert!(!ended.stderr.contains("panicked"), "{}: {ended:?}", path.display());
        if !ended.status.success() {
            ended.assert_refused();
        }
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let directory = scratch();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("directory.parquet.journal")).expect("a directory");
    fs::write(path("target"), bytes(1, true)).expect("write");
    symlink(path("target"), path("link.parquet.journal")).expect("a link");
    symlink("/nonexistent", path("dangling.parquet.journal")).expect("a link");
    symlink("/dev/zero", path("device.parquet.journal")).expect("a link");
    let fifo = path("fifo.parquet.journal");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a FIFO");
    let before = names(directory.path());
    for name in ["directory", "link", "dangling", "device", "fifo", "missing"] {
        bounded_recover(&path(&format!("{name}.parquet.journal"))).assert_refused();
    }
    // A name that is neither.
    bounded_recover(&path("target")).assert_refused();
    assert_eq!(names(directory.path()), before);
    assert_eq!(fs::read(path("target")).expect("read"), bytes(1, true));
}
