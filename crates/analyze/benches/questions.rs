//! Questions that each rest on one part of the engine, about a million rows.
//!
//! `cargo bench --workspace --bench questions`; docs/building.md says more.
//! against_duckdb.py compares whole runs with another program.

use std::fs::File;
use std::path::Path;

use connlat_analyze::answer;
use connlat_schema::capture::file::{CaptureWriter, WriterOptions};
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::capture::rows::{Row, Timestamp, batch};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ROWS: usize = 1_000_000;
const ROW_GROUP: usize = 100_000;

/// Metadata of a real recording.
const INFO: &str = include_str!("../../schema/fuzz/seeds/metadata/recorded");

fn row(random: &mut fastrand::Rng, number: usize) -> Row<'static> {
    let start_ns = number as i64 * 10_000;
    let failed = random.u32(..100) == 0;
    let longest = 1 << random.u32(10..30);
    Row {
        host: "host".into(),
        boot_id: "boot".into(),
        time: Timestamp(1_767_225_600_000_000 + start_ns / 1_000),
        start_ns,
        latency_ns: 100_000 + random.i64(0..longest),
        outcome: if failed { "refused" } else { "established" }.into(),
        errno: failed.then_some(111),
        syn_retransmits: i32::from(random.u32(..200) == 0),
        rtt_us: (!failed).then_some(250),
        pid: random.i32(1_000..1_040),
        tid: 1_000,
        uid: 33,
        comm: format!("worker-{}", random.u8(..40)).into(),
        cgroup: "/system.slice/web.service".into(),
        cgroup_id: 77,
        netns: 4_026_531_840,
        ip_version: 4,
        src_addr: "10.0.0.1".into(),
        dst_addr: format!("10.0.{}.{}", random.u8(..8), random.u8(..)).into(),
        src_port: random.i32(32_768..60_999),
        dst_port: 443,
        flags: 0,
    }
}

/// The same rows as a capture and as a journal.
fn make(capture: &Path, journal: &Path) {
    let info = CaptureInfo::from_json(INFO).expect("a recorded document");
    let out = File::create(capture).expect("a file");
    let mut writer = CaptureWriter::create(out, &WriterOptions::default()).expect("a writer");
    let out = File::create(journal).expect("a file");
    let mut journal = JournalWriter::create(out, &info).expect("a head");
    let mut random = fastrand::Rng::with_seed(1);
    for first in (0..ROWS).step_by(ROW_GROUP) {
        let rows = batch((first..first + ROW_GROUP).map(|number| row(&mut random, number)));
        let rows = rows.expect("rows");
        journal.write(&rows, &Note::default()).expect("a batch");
        writer.write(rows).expect("rows");
    }
    journal.finish().expect("an end");
    writer.finish(info).expect("a footer");
}

fn questions(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a directory");
    let capture = directory.path().join("million.parquet");
    let journal = directory.path().join("journal.parquet.journal");
    make(&capture, &journal);
    let mut group = criterion.benchmark_group("a million rows");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    for (name, question, file) in [
        ("count nothing but outcomes", "outcomes", &capture),
        ("group by destination", "destinations --top 0", &capture),
        ("refine percentiles of 40 groups", "percentiles --by comm --ci", &capture),
        ("evaluate a condition", "outcomes --where rtt_us>100", &capture),
        ("read a journal", "outcomes", &journal),
    ] {
        let file = file.to_str().expect("a plain name");
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let answer = answer(question.split(' ').chain([file]));
                assert_eq!(answer.exit, 0, "{question}: {}", answer.stderr);
                answer
            });
        });
    }
    group.finish();
}

criterion_group!(benches, questions);
criterion_main!(benches);
