//! Footers that claim much.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, StructArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::footer::pairs;
use connlat_schema::capture::{KEY_CAPTURE, KEY_FORMAT_VERSION};
use parquet::file::metadata::KeyValue;

use super::super::capture::{Capture, Connect, write_parquet};
use super::super::program::Dir;
use super::{stays_small, with_footer, with_pairs};

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

fn capture() -> Capture {
    Capture::of((0..50).map(|n| Connect::at(n, 1_000 + n)).collect())
}

/// A capture with a column more, of this type.
fn with_columns(dir: &Dir, name: &str, more: Vec<(Field, ArrayRef)>) {
    let capture = capture();
    let batch = capture.batch();
    let mut fields: Vec<Field> =
        batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut arrays = batch.columns().to_vec();
    for (field, array) in more {
        fields.push(field);
        arrays.push(array);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
    let pairs = pairs(&capture.info).expect("a small document");
    write_parquet(&dir.path(name), &batch, &pairs, 100);
}

fn numbers() -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(0..50))
}

fn int(name: &str) -> Field {
    Field::new(name, DataType::Int32, false)
}

/// A column in so many groups.
fn nested(levels: usize, name: &str) -> (Field, ArrayRef) {
    let mut column = (int("n"), numbers());
    for _ in 0..levels {
        let fields = vec![Arc::new(column.0)];
        let array: ArrayRef = Arc::new(StructArray::new(fields.into(), vec![column.1], None));
        column = (Field::new(name, array.data_type().clone(), false), array);
    }
    (Field::new("more", column.0.data_type().clone(), false), column.1)
}

#[test]
fn wide_and_deep_columns() {
    let dir = Dir::new();
    let wide = |columns| (0..columns).map(|n| (int(&format!("c{n}")), numbers())).collect();
    with_columns(&dir, "wide.parquet", wide(1_500));
    assert!(!stays_small(&dir, "wide.parquet"));
    with_columns(&dir, "wider.parquet", wide(10_000));
    assert!(stays_small(&dir, "wider.parquet"));
    with_columns(&dir, "deep.parquet", vec![nested(8, "g")]);
    assert!(!stays_small(&dir, "deep.parquet"));
    for levels in [20, 100] {
        // The writer goes as deep, and needs more of a stack than a test has.
        std::thread::scope(|scope| {
            let write = || with_columns(&dir, "deeper.parquet", vec![nested(levels, "g")]);
            let builder = std::thread::Builder::new().stack_size(64 << 20);
            let writer = builder.spawn_scoped(scope, write).expect("a thread");
            writer.join().expect("written");
        });
        assert!(stays_small(&dir, "deeper.parquet"));
        // Those of a search are opened by threads, whose stacks are smaller.
        fs::create_dir_all(dir.path("found")).expect("a directory");
        for number in 0..6 {
            let copy = dir.path(&format!("found/{number}.parquet"));
            fs::copy(dir.path("deeper.parquet"), copy).expect("copied");
        }
        let run = dir.analyze(&["summary", "found"]);
        assert!(run.failure().contains("no capture that can be read"));
    }
    // A long name above many columns, each of which has it in its path.
    let long = "g".repeat(200_000);
    let fields: Vec<Arc<Field>> = (0..1_000).map(|n| Arc::new(int(&format!("c{n}")))).collect();
    let arrays = vec![numbers(); 1_000];
    let array: ArrayRef = Arc::new(StructArray::new(fields.into(), arrays, None));
    let column = (Field::new(long, array.data_type().clone(), false), array);
    with_columns(&dir, "long.parquet", vec![column]);
    assert!(stays_small(&dir, "long.parquet"));
}

/// A group that claims two billion columns, for which a library reserves memory.
#[test]
fn columns_that_are_claimed() {
    let dir = Dir::new();
    let good = fs::read(capture().write(dir.path("good.parquet"))).expect("a file");
    // The root: its name, then field 5 (i32), the number of columns.
    let root = [&b"arrow_schema"[..], &[0x15, 44]].concat();
    let at = good.windows(root.len()).position(|bytes| bytes == root).expect("a root") + 13;
    for claimed in [&[0xfe, 0xff, 0xff, 0xff, 0x0f][..], &[46], &[42], &[1], &[0]] {
        let end = good.len() - 8;
        let length = u32::from_le_bytes(good[end..end + 4].try_into().expect("four bytes"));
        let length = length + claimed.len() as u32 - 1;
        let bomb =
            [&good[..at], claimed, &good[at + 1..end], &length.to_le_bytes(), b"PAR1"].concat();
        fs::write(dir.path("bomb.parquet"), bomb).expect("written");
        assert!(stays_small(&dir, "bomb.parquet"), "{claimed:x?}");
    }
}

/// Pairs of 16 MB, and our own with documents that unpack to much.
#[test]
fn pairs_that_are_long_or_many() {
    let dir = Dir::new();
    let good = fs::read(capture().write(dir.path("good.parquet"))).expect("a file");
    let [version, document] = pairs(&capture().info).expect("pairs");
    let of = |pairs: &[(&str, String)]| {
        pairs.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect()
    };
    let ours = |document: String| of(&[(KEY_FORMAT_VERSION, "1".into()), (KEY_CAPTURE, document)]);
    let beside = |key: String, value: String| {
        let mut pairs: Vec<KeyValue> = of(&[(version.0, version.1.clone())]);
        pairs.push(KeyValue::new(key, value));
        pairs.extend(of(&[(document.0, document.1.clone())]));
        pairs
    };
    let long = "x".repeat(15 << 20);
    let tries: [(&str, Vec<KeyValue>, bool); 11] = [
        ("value", beside("a".into(), long.clone()), false),
        ("key", beside(long.clone(), "a".into()), false),
        ("too long", beside("a".into(), format!("{long}{long}")), true),
        ("document", ours(long), true),
        ("deep", ours("[".repeat(60_000)), true),
        ("deep objects", ours("{\"a\":".repeat(10_000)), true),
        (
            "deep in a field",
            ours(format!("{{\"format_version\":1,\"x\":{}", "[".repeat(60_000))),
            true,
        ),
        ("a megabyte", ours(format!("[{}", "0,".repeat(500_000))), true),
        (
            "elements",
            ours(format!("{{\"format_version\":1,\"clock\":[{}0]}}", "0,".repeat(30_000))),
            true,
        ),
        ("many", (0..30_000).map(|n| KeyValue::new(n.to_string(), n.to_string())).collect(), true),
        ("version", of(&[(KEY_FORMAT_VERSION, "9".repeat(1 << 20))]), true),
    ];
    for (name, pairs, refused) in tries {
        let file = with_footer(&good, |footer| with_pairs(footer, pairs));
        fs::write(dir.path("pairs.parquet"), file).expect("written");
        assert_eq!(stays_small(&dir, "pairs.parquet"), refused, "{name}");
    }
}

/// Numbers in the document as large as they can be: axes, spans and rates are made of
/// them.
#[test]
fn documents_of_extreme_numbers() {
    let dir = Dir::new();
    for (number, extreme) in [i64::MIN, -1, 0, i64::MAX].into_iter().enumerate() {
        let mut capture = capture();
        let info = &mut capture.info;
        info.start.time_us = extreme;
        info.stop.monotonic_ns = extreme;
        info.clock[0].realtime_ns = extreme;
        info.clock[2].monotonic_ns = extreme;
        info.counters.seen = extreme.cast_unsigned();
        for (row, time) in capture.rows.iter_mut().zip([i64::MIN, -1, i64::MAX / 3, i64::MAX]) {
            row.time = time;
        }
        let name = format!("{number}.parquet");
        capture.write(dir.path(&name));
        stays_small(&dir, &name);
        for question in [
            &["timeseries", "--every", "1s"][..],
            &["timeseries"],
            &["heatmap"],
            &["histogram"],
            &["report", "--format", "html"],
            &["info"],
            &["summary", "--from", "+1s"],
        ] {
            let run = super::watched(super::command(&dir.path(".")).args(question).arg(&name));
            println!("{question:?}: {} kB, {:?}: {}", run.peak_kb, run.took, run.stderr.trim());
            assert!(run.peak_kb < super::MOST_KB && run.took < super::LONGEST, "{question:?}");
            assert!(matches!(run.code, Some(0..=2)), "{question:?}: {}", run.stderr);
            assert!(!run.stderr.contains("internal error"), "{question:?}: {}", run.stderr);
        }
    }
}

/// More row groups than a file of any size has.
#[test]
fn a_hundred_thousand_row_groups() {
    let dir = Dir::new();
    let good = fs::read(capture().write(dir.path("good.parquet"))).expect("a file");
    let file = with_footer(&good, |footer| {
        let mut footer = footer.into_builder();
        let groups = footer.take_row_groups();
        footer.set_row_groups(groups.iter().cycle().take(100_000).cloned().collect()).build()
    });
    fs::write(dir.path("groups.parquet"), file).expect("written");
    assert!(stays_small(&dir, "groups.parquet"));
}
