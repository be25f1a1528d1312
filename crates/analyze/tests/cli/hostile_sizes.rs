//! Files that claim, or unpack to, very much, or contradict themselves: refused in one
//! line or answered, below 500 MB and 10 seconds.
#![cfg(target_os = "linux")]

mod delta;
mod extents;
mod footers;
mod journals;
mod places;
mod rows;
mod statistics;
mod texts;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use parquet::file::metadata::{
    FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
};

use super::program::{Dir, command};

const MOST_KB: u64 = 500_000;
/// In an optimised build; unoptimised code takes several times as long.
const LONGEST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 10 });

struct Watched {
    code: Option<i32>,
    stderr: String,
    peak_kb: u64,
    took: Duration,
}

/// Runs a program and watches what it takes: again if it ended before it was looked at,
/// as it may where others keep the processors busy.
fn watched(command: &mut Command) -> Watched {
    let mut runs = (0..20).map(|_| watched_once(command));
    runs.find(|run| run.peak_kb > 0).expect("a program that was seen")
}

fn watched_once(command: &mut Command) -> Watched {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let of_child = |name: &str| format!("/proc/{}/{name}", child.id());
    let (status, program) = (of_child("status"), of_child("exe"));
    let ours = fs::read_link("/proc/self/exe").expect("a name");
    let mut peak_kb = 0;
    let code = loop {
        // Until it is another program it has the memory of this one.
        if fs::read_link(&program).is_ok_and(|program| program != ours) {
            let status = fs::read_to_string(&status).unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.trim().parse().ok());
            peak_kb = peak_kb.max(peak.unwrap_or(0));
        }
        if let Some(exit) = child.try_wait().expect("a child") {
            break exit.code();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().expect("a pipe");
    std::io::Read::read_to_string(&mut pipe, &mut stderr).expect("UTF-8");
    Watched { code, stderr, peak_kb, took: start.elapsed() }
}

/// All that must hold, whether there is an answer or not.
fn stays_small(dir: &Dir, name: &str) -> bool {
    let mut refused = false;
    for question in [&["summary"][..], &["processes"], &["events", "--top", "0"], &["cgroups"]] {
        let run = watched(command(&dir.path(".")).args(question).arg(name));
        let what = format!("{name}: {question:?}: {} kB, {:?}", run.peak_kb, run.took);
        println!("{what}");
        assert!(run.peak_kb < MOST_KB, "{what}");
        assert!(run.took < LONGEST, "{what}");
        match run.code {
            Some(0) => {}
            Some(1) => {
                assert!(run.stderr.starts_with(&format!("analyze: {name}: ")), "{}", run.stderr);
                assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
                refused = true;
            }
            other => panic!("{what}: {other:?}: {}", run.stderr),
        }
    }
    refused
}

/// What this file relies on: a program that takes too much is seen to.
#[test]
fn what_takes_much_is_noticed() {
    let run =
        watched(Command::new("dd").args(["if=/dev/zero", "of=/dev/null", "bs=600M", "count=1"]));
    assert!(run.peak_kb > MOST_KB, "{} kB", run.peak_kb);
}

/// A file with another footer: the pages stay where they are.
fn with_footer(good: &[u8], change: impl FnOnce(ParquetMetaData) -> ParquetMetaData) -> Vec<u8> {
    let end = good.len() - 8;
    let length = u32::from_le_bytes(good[end..end + 4].try_into().expect("four bytes"));
    let (pages, footer) = good[..end].split_at(end - length as usize);
    let footer = change(ParquetMetaDataReader::decode_metadata(footer).expect("a footer"));
    let mut written = Vec::new();
    ParquetMetaDataWriter::new(&mut written, &footer).finish().expect("a footer");
    [pages, &written].concat()
}

/// A footer that claims so many rows in all.
fn with_rows(footer: ParquetMetaData, rows: i64) -> ParquetMetaData {
    let file = footer.file_metadata();
    let file = FileMetaData::new(
        file.version(),
        rows,
        file.created_by().map(str::to_owned),
        file.key_value_metadata().cloned(),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    ParquetMetaData::new(file, footer.row_groups().to_vec())
}

/// A footer with other pairs.
fn with_pairs(footer: ParquetMetaData, pairs: Vec<KeyValue>) -> ParquetMetaData {
    let file = footer.file_metadata();
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        Some(pairs),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    ParquetMetaData::new(file, footer.row_groups().to_vec())
}
