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
/// capture with its footer where its end says it is.
pub fn capture(bytes: &[u8]) {
    if bytes.starts_with(STREAM) {
        ask(bytes);
        ask(&schema_checks::with_checksums(bytes));
    } else if bytes.starts_with(MAGIC) || bytes.len() < 2 {
        ask(bytes);
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
            assert!(stderr.starts_with(&format!("analyze: {name}: ")), "{stderr}");
            assert_eq!(stderr.matches('\n').count(), 1, "{stderr}");
        }
        other => panic!("exit code {other}: {stderr}"),
    }
}
