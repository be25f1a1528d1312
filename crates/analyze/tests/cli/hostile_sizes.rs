//! Small files that claim, or unpack to, very much: refused in one line or
//! answered, below 500 MB and 10 seconds.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, StringArray};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{CGROUP, COMM};
use connlat_schema::capture::footer::pairs;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use super::capture::{Capture, Connect};
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

/// Runs a program and watches what it takes.
fn watched(command: &mut Command) -> Watched {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0;
    let code = loop {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.trim().parse().ok());
        peak_kb = peak_kb.max(peak.unwrap_or(0));
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
        assert!(run.peak_kb > 1_000, "{what}: not watched");
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

/// A capture with a text column of these values, and otherwise plain rows.
fn write(
    dir: &Dir,
    name: &str,
    column: &str,
    texts: &[String],
    change: impl FnOnce(WriterPropertiesBuilder) -> WriterPropertiesBuilder,
) {
    let rows = (0..texts.len() as i64).map(|n| Connect::at(n, 1_000 + n)).collect();
    let capture = Capture::of(rows);
    let batch = capture.batch();
    let mut arrays = batch.columns().to_vec();
    let at = batch.schema().index_of(column).expect("a column");
    arrays[at] = Arc::new(StringArray::from_iter_values(texts)) as ArrayRef;
    let batch = RecordBatch::try_new(batch.schema(), arrays).expect("a batch");
    let pairs = pairs(&capture.info).expect("a small document");
    let pairs = pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(9).expect("a level")))
        .set_key_value_metadata(Some(pairs));
    let file = File::create(dir.path(name)).expect("a file");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(change(properties).build())).expect("new");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let bytes = fs::metadata(dir.path(name)).expect("a file").len();
    assert!(bytes < 1_500_000, "{bytes} bytes");
}

#[test]
fn names_that_unpack_to_gigabytes() {
    let dir = Dir::new();
    // One page each, with no dictionary: 1 GB of text.
    let texts: Vec<String> = (0..1_000).map(|n| format!("{n}{}", "x".repeat(1_000_000))).collect();
    write(&dir, "pages.parquet", COMM, &texts, |properties| {
        properties
            .set_dictionary_enabled(false)
            .set_data_page_row_count_limit(1)
            .set_write_batch_size(1)
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
    });
    assert!(stays_small(&dir, "pages.parquet"));
    // The same in one dictionary.
    write(&dir, "dictionary.parquet", CGROUP, &texts, |properties| {
        properties
            .set_dictionary_page_size_limit(2_000_000_000)
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
    });
    assert!(stays_small(&dir, "dictionary.parquet"));
    // One long name in every row.
    let texts = vec!["y".repeat(2_000_000); 200];
    write(&dir, "long.parquet", COMM, &texts, |properties| properties);
    assert!(stays_small(&dir, "long.parquet"));
    // As long as names may be, and many.
    let texts: Vec<String> = (0..2_000).map(|n| format!("{n}{}", "z".repeat(60_000))).collect();
    write(&dir, "many.parquet", CGROUP, &texts, |properties| {
        properties.set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
    });
    stays_small(&dir, "many.parquet");
}

/// Each row group is small, and together they hold 156 MB of different names:
/// what a scan keeps of them is bounded, and a listing is not refused for them.
#[test]
fn names_that_no_row_group_has_too_many_of() {
    let dir = Dir::new();
    let texts: Vec<String> = (0..2_600).map(|n| format!("{n}{}", "z".repeat(60_000))).collect();
    write(&dir, "spread.parquet", CGROUP, &texts, |properties| {
        properties
            .set_max_row_group_row_count(Some(200))
            .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
    });
    for question in [&["summary"][..], &["cgroups", "--top", "0"], &["destinations"]] {
        let run = watched(command(&dir.path(".")).args(question).arg("spread.parquet"));
        println!("{question:?}: {} kB, {:?}", run.peak_kb, run.took);
        assert!(run.peak_kb < MOST_KB, "{question:?}: {} kB", run.peak_kb);
        assert!(run.took < LONGEST, "{question:?}: {:?}", run.took);
        match question[0] {
            "destinations" => assert_eq!(run.code, Some(0), "{}", run.stderr),
            _ => {
                assert_eq!(run.code, Some(1), "{question:?}");
                assert!(run.stderr.contains("ask about fewer rows"), "{}", run.stderr);
                assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
            }
        }
    }
    let question = ["events", "--top", "0", "--format", "csv", "spread.parquet"];
    let run = watched(command(&dir.path(".")).args(question));
    println!("{question:?}: {} kB, {:?}", run.peak_kb, run.took);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.peak_kb < MOST_KB, "{} kB", run.peak_kb);
}

/// A footer of these bytes behind a hole of so many.
fn sparse(dir: &Dir, name: &str, footer: &[u8], hole: u64) {
    let file = File::create(dir.path(name)).expect("a file");
    file.write_all_at(b"PAR1", 0).expect("written");
    file.write_all_at(footer, 4).expect("written");
    let length = footer.len() as u64 + hole;
    let tail = [&(length as u32).to_le_bytes()[..], b"PAR1"].concat();
    file.write_all_at(&tail, 4 + length).expect("written");
}

#[test]
fn footers_that_claim_much() {
    let dir = Dir::new();
    // Version 2, then a list of structs: 300 million, and two billion.
    for (name, list, hole) in [
        ("300M.parquet", [0xfc, 0x80, 0xc6, 0x86, 0x8f, 0x01], 300_000_000),
        ("2G.parquet", [0xfc, 0xff, 0xff, 0xff, 0xff, 0x07], 14_000),
        ("16M.parquet", [0xfc, 0x80, 0x80, 0x80, 0x07, 0x00], 16_000_000),
    ] {
        let footer = [&[0x15, 0x02, 0x19][..], &list].concat();
        sparse(&dir, name, &footer, hole);
        assert!(stays_small(&dir, name), "{name}");
    }
    // The longest footer there may be, of row groups of nothing.
    let footer = [&[0x15, 0x02, 0x49, 0xfc, 0xd0, 0x86, 0x03][..], &[0; 50_000]].concat();
    sparse(&dir, "groups.parquet", &footer, 0);
    assert!(stays_small(&dir, "groups.parquet"));
}

/// Rows are in bytes, not in holes.
#[test]
fn a_hole_makes_a_file_no_larger() {
    let dir = Dir::new();
    let rows: Vec<Connect> = (0..200_000).map(|_| Connect::at(0, 5)).collect();
    let mut capture = Capture::of(rows);
    capture.row_group = 200_000;
    let good = fs::read(capture.write(dir.path("good.parquet"))).expect("a file");
    let footer = u32::from_le_bytes(good[good.len() - 8..good.len() - 4].try_into().expect("four"));
    let data = good.len() - 8 - footer as usize;
    let file = File::create(dir.path("hole.parquet")).expect("a file");
    file.write_all_at(&good[..data], 0).expect("written");
    file.write_all_at(&good[data..], 28 << 30).expect("written");
    stays_small(&dir, "hole.parquet");
}
