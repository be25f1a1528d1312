//! What must hold for any file given to `analyze`. Shared by the fuzz target
//! and by the plain test that replays and mutates its seeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use connlat_analyze::{Answer, answer};

#[path = "../../schema/fuzz/checks.rs"]
#[allow(dead_code, reason = "only the journal's checksums are of use here")]
mod schema_checks;

const MAGIC: &[u8; 4] = b"PAR1";
/// First bytes of a journal.
const STREAM: &[u8; 4] = &[0xff; 4];
/// First bytes of a zstd frame.
const FRAME: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Where a header of tar says so, and what it is long.
const TAR: (usize, &[u8]) = (257, b"ustar");
const HEADER: usize = 512;

/// Questions that between them read every column.
const QUESTIONS: [&[&str]; 3] = [
    &["summary"],
    &["events", "--top", "0"],
    &[
        "percentiles",
        "--by",
        "boot_id,start_ns,tid,uid,cgroup_id,netns,src_addr,src_port,subnet/24",
    ],
];

/// The file is answered, or refused in one line; as it is, and as somebody who
/// knows the formats would forge it: a journal with every checksum right, a
/// capture with its footer where its end says it is, an archive that unpacks and
/// whose headers are right.
pub fn capture(bytes: &[u8]) {
    if bytes.starts_with(STREAM) {
        ask(bytes);
        ask(&schema_checks::with_checksums(bytes));
    } else if bytes.starts_with(MAGIC) || bytes.starts_with(&FRAME) || bytes.len() < 2 {
        ask(bytes);
    } else if bytes.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        ask(&in_frame(bytes));
        ask(&in_frame(&with_right_headers(bytes)));
    } else {
        ask(&assembled(bytes));
    }
}

/// A capture from two bytes that say where its footer begins, its data and its
/// footer, so that bytes put into either leave the other where it was.
pub fn assembled(parts: &[u8]) -> Vec<u8> {
    let (start, body) = parts.split_at(2);
    let start = usize::from(u16::from_le_bytes([start[0], start[1]])).min(body.len());
    let length = (body.len() - start) as u32;
    [MAGIC, body, &length.to_le_bytes(), MAGIC].concat()
}

/// An archive as a zstd frame of blocks that are not compressed (RFC 8878, 3.1.1).
fn in_frame(tar: &[u8]) -> Vec<u8> {
    // No checksum, no size, a window of 2 MB.
    let mut frame = [&FRAME[..], &[0x00, 11 << 3]].concat();
    let mut blocks = tar.chunks(100_000).peekable();
    while let Some(block) = blocks.next() {
        let last = u32::from(blocks.peek().is_none());
        let header = (block.len() as u32) << 3 | last;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.extend_from_slice(block);
    }
    frame
}

/// An archive with the checksum of every header that is found on the way.
fn with_right_headers(tar: &[u8]) -> Vec<u8> {
    let mut tar = tar.to_vec();
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + HEADER) {
        if header.iter().any(|byte| *byte != 0) {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        let size = std::str::from_utf8(&header[124..135]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size.trim(), 8).ok());
        let size = size.unwrap_or(0).min(tar.len());
        at += HEADER + size.next_multiple_of(HEADER);
    }
    tar
}

/// Where the files are written, one after the other: a fuzz target has no end
/// at which it could tidy up.
pub static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("connlat-fuzz-{}", std::process::id())));

fn ask(file: &[u8]) {
    let path = PATH.as_path();
    for question in QUESTIONS {
        // Each time a new file: after an error polars may still have the last
        // one mapped, and reading what was cut off of it ends the process.
        let _ = fs::remove_file(path);
        fs::write(path, file).expect("a file");
        let words = question.iter().map(std::ffi::OsStr::new);
        let arguments = words.chain([path.as_os_str()]);
        check(&answer(arguments), path);
    }
}

fn check(Answer { exit, stdout, stderr }: &Answer, path: &Path) {
    assert!(!stderr.contains("internal error"), "{stderr}");
    let acts = |c: char| c != '\n' && c.is_control();
    assert!(!stderr.contains(acts), "{stderr:?}");
    match exit {
        0 => {
            let text = std::str::from_utf8(stdout).expect("UTF-8");
            assert!(!text.contains(acts), "{text:?}");
            assert_eq!(stderr, "");
        }
        1 => {
            assert!(stdout.is_empty());
            let name = path.display();
            // The file, or a capture in it.
            let rest = stderr.strip_prefix(&format!("analyze: {name}"));
            assert!(rest.is_some_and(|rest| rest.starts_with([':', '/'])), "{stderr}");
            assert_eq!(stderr.matches('\n').count(), 1, "{stderr}");
        }
        other => panic!("exit code {other}: {stderr}"),
    }
}
