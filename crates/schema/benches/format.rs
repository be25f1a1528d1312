//! What a recorder and an analyzer do with every row, one after the other: decoding
//! records, making rows, writing and reading the journal, sealing.
//!
//! `cargo bench --workspace --bench format`; docs/building.md says more.

use std::hint::black_box;

use connlat_schema::capture::file::{WriterOptions, seal};
use connlat_schema::capture::journal::{JournalReader, JournalWriter, Note};
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::capture::rows::{Recorded, Row, batch};
use connlat_schema::decode::{ConnectEvent, RECORD_LEN, decode_event};
use connlat_schema::encode::encode_record;
use connlat_schema::wire::ConnectRecord;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Events of a tick of a busy host.
const TICK: usize = 1_000;
/// Rows of a journal: two row groups.
const ROWS: usize = 200_000;

/// Metadata of a real recording.
const INFO: &str = include_str!("../fuzz/seeds/metadata/recorded");
/// A record of it.
const RECORD: &[u8] = include_bytes!("../fuzz/seeds/wire/record-0");

/// Events like those of a host with some clients of some servers.
fn events(count: usize) -> Vec<ConnectEvent> {
    let one = decode_event(RECORD).expect("a recorded event");
    let number = |n: usize| {
        let n = n as u64;
        // Any sequence without a pattern (Knuth's multiplicative hash).
        let spread = n.wrapping_mul(2_654_435_761) & 0xffff_ffff;
        ConnectEvent {
            start_ns: one.start_ns + n * 10_000,
            latency_ns: 200_000 + spread % 3_000_000,
            pid: 1_000 + (spread % 40) as u32,
            dst_addr: [10, 0, (spread >> 8) as u8 % 4, spread as u8].into(),
            src_port: 32_768 + (n % 28_000) as u16,
            ..one.clone()
        }
    };
    (0..count).map(number).collect()
}

fn rows(events: &[ConnectEvent]) -> impl Iterator<Item = Row<'static>> {
    let (host, boot_id, cgroup) = ("host", "boot", "/system.slice/web.service");
    let recorded = Recorded { host, boot_id, cgroup, offset_ns: 1_767_225_600_000_000_000 };
    events.iter().map(move |event| Row::of_event(event, recorded))
}

fn journal() -> Vec<u8> {
    let info = CaptureInfo::from_json(INFO).expect("a recorded document");
    let mut writer = JournalWriter::create(Vec::new(), &info).expect("in memory");
    for events in events(ROWS).chunks(TICK) {
        writer.write(&batch(rows(events)).expect("rows"), &Note::default()).expect("in memory");
    }
    writer.finish().expect("in memory")
}

fn every_event(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1,000 events");
    group.throughput(Throughput::Elements(TICK as u64));
    let events = events(TICK);
    let records: Vec<[u8; RECORD_LEN]> =
        events.iter().map(|event| encode_record(&ConnectRecord::from(event))).collect();
    group.bench_function("decode", |bencher| {
        bencher.iter(|| records.iter().filter(|record| decode_event(&record[..]).is_ok()).count());
    });
    group.bench_function("rows", |bencher| {
        bencher.iter(|| batch(rows(black_box(&events))).expect("rows"));
    });
    let batch = batch(rows(&events)).expect("rows");
    let info = CaptureInfo::from_json(INFO).expect("a recorded document");
    group.bench_function("journal", |bencher| {
        let mut writer = JournalWriter::create(std::io::sink(), &info).expect("nowhere");
        bencher.iter(|| writer.write(&batch, &Note::default()).expect("nowhere"));
    });
    group.finish();
}

fn every_capture(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("200,000 rows");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(10);
    let journal = journal();
    group.bench_function("read the journal", |bencher| {
        bencher.iter(|| {
            let mut reader = JournalReader::open(&journal[..]).expect("a journal");
            while reader.next_batch().expect("whole batches").is_some() {}
            reader.info()
        });
    });
    group.bench_function("seal", |bencher| {
        bencher.iter(|| {
            let reader = JournalReader::open(&journal[..]).expect("a journal");
            let out = Vec::new();
            seal(reader, out, &WriterOptions::default(), |info| info).expect("sealed")
        });
    });
    group.finish();
}

criterion_group!(benches, every_event, every_capture);
criterion_main!(benches);
