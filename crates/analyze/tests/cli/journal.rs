//! Journals, whole and hostile: read as far as they are sound, or one line.

use std::fs;

use super::capture::{Capture, Connect, S};
use super::program::Dir;

const NAME: &str = "web-1.parquet.journal";

fn capture(rows: i64) -> Capture {
    Capture::of((0..rows).map(|n| Connect::at(n * S / 10, 1_000_000 + n)).collect())
}

/// Runs `percentiles` and returns the number of rows, or the one line of failure.
fn rows_of(dir: &Dir, journal: &[u8]) -> Result<u64, String> {
    fs::write(dir.path(NAME), journal).expect("a journal");
    let run = dir.analyze(&["percentiles", "--format", "json", NAME]);
    if run.code == Some(0) {
        return Ok(run.json()["capture"]["rows"].as_u64().expect("rows"));
    }
    Err(run.failure())
}

#[test]
fn a_left_over_journal_is_read_like_a_capture() {
    let dir = Dir::new();
    let mut journal = capture(250).journal(100);
    fs::write(dir.path(NAME), &journal).expect("a journal");
    let answer = dir.analyze(&["--format", "json", NAME]).json();
    assert_eq!(answer["rows"][0]["connects"], 250);
    let account = &answer["capture"];
    assert_eq!(account["clean"], false);
    assert_eq!(account["files"][0]["stop_reason"], "unknown");
    assert_eq!(account["files"][0]["counters"]["written"], 250);
    // The last row started after 24.9 s and took 1 ms.
    assert_eq!(account["stop"], "2026-01-01T00:00:24.901000Z");
    let warnings = account["warnings"].as_array().expect("warnings");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0]["kind"], "journal");
    let message = warnings[0]["message"].as_str().expect("text");
    assert!(message.contains("not cleanly finished (it ends after a whole batch"), "{message}");
    assert!(message.contains(&format!("`record recover {NAME}`")), "{message}");

    journal.extend([7; 1_234]);
    fs::write(dir.path(NAME), &journal).expect("a journal");
    let text = dir.analyze(&[NAME]).text();
    assert!(text.contains("1.2 kB ignored"), "{text}");
    // Nothing stays behind in the place for temporary files.
    let run = super::program::command(&dir.path("."))
        .env("TMPDIR", dir.path("."))
        .args(["percentiles", NAME])
        .output()
        .expect("the program runs");
    assert!(run.status.success());
    assert_eq!(fs::read_dir(dir.path(".")).expect("a directory").count(), 1);
}

/// The reader's own tests cut at every byte; a process for each would take
/// minutes, so here it is a sample.
#[test]
fn cut_off_anywhere_it_is_read_up_to_there() {
    let dir = Dir::new();
    let journal = capture(3).journal(1);
    let mut most = 0;
    for length in (1..journal.len()).step_by(101).chain([journal.len()]) {
        match rows_of(&dir, &journal[..length]) {
            Ok(rows) => {
                assert!(rows >= most, "{length} bytes: {rows} rows after {most}");
                most = rows;
            }
            Err(line) => assert_eq!(most, 0, "{length} bytes: {line}"),
        }
    }
    assert_eq!(most, 3);
}

#[test]
fn flipped_bits_are_never_read_as_data() {
    let dir = Dir::new();
    let journal = capture(4).journal(2);
    let mut random = fastrand::Rng::with_seed(4);
    let mut answered = 0;
    for _ in 0..120 {
        let mut damaged = journal.clone();
        let bit = random.usize(..journal.len() * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        if let Ok(rows) = rows_of(&dir, &damaged) {
            assert!([0, 2].contains(&rows), "bit {bit}: {rows} rows");
            answered += 1;
        }
    }
    assert!((1..120).contains(&answered), "{answered} answered");
}

#[test]
fn absurd_lengths_are_refused_without_the_memory() {
    let dir = Dir::new();
    let journal = capture(1).journal(1);
    let huge = [u32::MAX, i32::MAX as u32, 8, 24, 1 << 18, 7];
    for length in huge {
        let crafted = [&[0xff; 4], &length.to_le_bytes()[..], &journal[8..]].concat();
        let line = rows_of(&dir, &crafted).expect_err("not a journal");
        assert!(line.starts_with(&format!("analyze: {NAME}: ")), "{line}");
    }
    // A second message of any length is where the sound part ends.
    for length in huge {
        let crafted = [&journal, &[0xff; 4][..], &length.to_le_bytes(), &[0; 64]].concat();
        assert_eq!(rows_of(&dir, &crafted), Ok(1), "{length}");
    }
}
