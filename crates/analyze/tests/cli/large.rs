//! Inputs larger than memory should be: peak memory on a generated capture.
//!
//! `CONNLAT_LARGE_ROWS=20000000` makes it larger, which takes minutes and wants
//! a release build (`CONNLAT_ANALYZE`).
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::blocks::write_blocks;
use super::oracle::random_rows;
use super::program::{Dir, command};

/// Rows that are written again and again.
const BLOCK: usize = 200_000;
/// Rows in a run of all tests.
const ROWS: usize = 400_000;
/// What any question may take, MB, however many rows there are.
const MOST_MB: u64 = 400;

#[test]
fn large_inputs_are_answered_in_bounded_memory() {
    let rows: usize =
        std::env::var("CONNLAT_LARGE_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(ROWS);
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(1);
    let mut block = random_rows(&mut random, BLOCK, 9);
    for row in &mut block {
        row.latency_ns = random.i64(20_000..2_000_000_000);
        row.dst_addr = format!("10.{}.{}.{}", random.u8(..4), random.u8(..), random.u8(..));
    }
    let path = dir.path("large.parquet");
    let rows = write_blocks(&path, rows, || block.clone());
    println!("{rows} rows, {} bytes", fs::metadata(&path).expect("it").len());

    let questions: [&[&str]; 5] = [
        &["percentiles"],
        &["percentiles", "--by", "subnet/24"],
        &["timeseries", "--every", "1s"],
        &["slowest"],
        &["summary"],
    ];
    for question in questions {
        let begin = Instant::now();
        let mut child = command(&dir.path("."))
            .args(question)
            .arg("large.parquet")
            .stdout(Stdio::null())
            .spawn()
            .expect("the program runs");
        let mut peak = 0;
        let status = loop {
            if let Some(status) = child.try_wait().expect("a status") {
                break status;
            }
            peak = peak.max(resident_mb(child.id()));
            std::thread::sleep(Duration::from_millis(50));
        };
        println!("{question:?}: {peak} MB, {:.1} s", begin.elapsed().as_secs_f64());
        assert!(status.success(), "{question:?}");
        assert!(peak > 0 && peak < MOST_MB, "{question:?}: {peak} MB");
    }
}

/// Memory of a process that is not a file's: pages of the capture itself are
/// the system's to take back.
fn resident_mb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or("0");
    let kb = line.trim().trim_end_matches(" kB").trim();
    kb.parse::<u64>().unwrap_or(0) / 1_000
}
