//! As many connects as this machine can make, with room and without.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{fs, thread};

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use connlat_schema::capture::columns;
use connlat_schema::capture::metadata::CaptureInfo;
use serde_json::Value;
use test_support::{
    Recording, bpf_available, example, for_each_batch, journal_of, monotonic_ns, record, scratch,
    setting,
};

/// Resident memory of a recorder at the highest rate, sealing included.
const MEMORY_KB: u64 = 256 << 10;

/// What became of one storm.
struct Storm {
    client: Value,
    info: CaptureInfo,
    /// `start_ns` and source port of each row, sorted.
    rows: Vec<(i64, i32)>,
    /// Resident memory every 100 ms, kB.
    memory: Vec<u64>,
    /// CLOCK_MONOTONIC before the first and after the last connect, ns.
    window: (i64, i64),
}

fn run_storm(connects: u64, arguments: &[&str]) -> Storm {
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let told = directory.path().join("client.json");
    let mut command = record(arguments);
    command.args(["--follow", "-o"]).arg(&capture).arg("--").arg(example("connect_storm"));
    command.arg(connects.to_string()).stdout(Stdio::from(File::create(&told).expect("a file")));
    let from = monotonic_ns();
    let journal = journal_of(&capture);
    // A short storm may be over before anybody looks.
    let mut recorder = Recording::spawn(command, || journal.exists() || capture.exists());
    let deadline = Instant::now() + Duration::from_secs(600);
    let mut memory = Vec::new();
    while recorder.is_running() {
        assert!(Instant::now() < deadline, "the storm does not end");
        memory.extend(recorder.rss_kb());
        thread::sleep(Duration::from_millis(100));
    }
    let ended = recorder.wait();
    let window = (from, monotonic_ns());
    assert!(ended.status.success(), "{ended:?}");
    eprintln!("{}", ended.stderr.trim());
    let client = serde_json::from_slice(&fs::read(&told).expect("its output")).expect("JSON");
    let (info, rows) = read(&capture);
    Storm { client, info, rows, memory, window }
}

/// Only what is compared: three million whole rows would not be small.
fn read(capture: &Path) -> (CaptureInfo, Vec<(i64, i32)>) {
    let mut rows = Vec::new();
    let info = for_each_batch(capture, |batch| {
        let starts = batch[columns::START_NS].as_primitive::<Int64Type>();
        let ports = batch[columns::SRC_PORT].as_primitive::<Int32Type>();
        rows.extend(starts.values().iter().copied().zip(ports.values().iter().copied()));
    });
    rows.sort_unstable();
    (info, rows)
}

/// The largest value of each eighth of the samples.
fn over_time(samples: &[u64]) -> Vec<u64> {
    let chunk = samples.len().div_ceil(8).max(1);
    samples.chunks(chunk).map(|part| part.iter().copied().max().unwrap_or(0)).collect()
}

#[track_caller]
fn assert_no_duplicate(rows: &[(i64, i32)]) {
    assert!(rows.windows(2).all(|pair| pair[0] != pair[1]), "a connect was written twice");
}

#[test]
fn default_settings_lose_nothing_and_memory_stays_flat() {
    if !bpf_available() {
        return;
    }
    let connects: u64 = setting("CONNLAT_STORM_CONNECTS", 100_000);
    let storm = run_storm(connects, &[]);
    eprintln!("client {}; memory over time, kB: {:?}", storm.client, over_time(&storm.memory));
    assert_eq!(storm.info.counters.lost.total(), 0, "{:?}", storm.info.counters);
    assert_eq!(storm.rows.len() as u64, connects);
    assert_no_duplicate(&storm.rows);
    let most = storm.memory.iter().copied().max().expect("samples");
    assert!(most < MEMORY_KB, "{most} kB: {:?}", storm.memory);
}

#[test]
fn a_tiny_ring_accounts_for_every_loss() {
    if !bpf_available() {
        return;
    }
    let connects: u64 = setting("CONNLAT_STORM_CONNECTS", 100_000).min(300_000);
    let storm = run_storm(connects, &["--ring-size", "4KiB"]);
    let counters = &storm.info.counters;
    let lost = counters.lost;
    eprintln!("{} recorded, {lost:?}", storm.rows.len());
    assert!(lost.ring_full > 0, "a ring of 4 KiB holds this storm: {counters:?}");
    assert_eq!(lost.total(), lost.ring_full, "no other cause: {lost:?}");
    assert_eq!(storm.rows.len() as u64 + lost.total(), connects, "recorded + lost == made");
    assert_eq!(
        counters.seen,
        counters.filtered + counters.written + lost.ring_full,
        "the account adds up: {counters:?}"
    );
    assert_no_duplicate(&storm.rows);
    check_spans(&storm);
}

/// The spans say when each loss happened, and no more and no fewer than were lost.
fn check_spans(storm: &Storm) {
    let json = storm.info.to_json().expect("small");
    let document: Value = serde_json::from_str(&json).expect("JSON");
    let spans = document["loss_spans"].as_array().expect("loss_spans");
    assert!(!spans.is_empty());
    let mut total = 0;
    let mut misses = 0;
    for span in spans {
        let number = |name: &str| span[name].as_i64().unwrap_or_else(|| panic!("{name}: {span}"));
        let (from, to) = (number("from_ns"), number("to_ns"));
        assert!(storm.window.0 <= from && from <= to && to <= storm.window.1, "{span}");
        let count = number("count").cast_unsigned();
        match span["cause"].as_str() {
            Some("ring_full") => total += count,
            Some("program_misses") => misses += count,
            _ => panic!("unexpected cause: {span}"),
        }
    }
    assert_eq!(misses, storm.info.counters.lost.program_misses, "{spans:?}");
    assert_eq!(total, storm.info.counters.lost.ring_full, "{spans:?}");
    // Those of one cause follow each other.
    let ring_full = spans.iter().filter(|span| span["cause"] == "ring_full");
    assert!(ring_full.is_sorted_by_key(|span| span["from_ns"].as_i64()), "{spans:?}");
}
