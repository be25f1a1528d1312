//! Files that are not captures: one line, exit code 1, whatever they hold.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::{FORMAT_VERSION, KEY_CAPTURE, KEY_FORMAT_VERSION, columns};

use super::capture::{Capture, Connect, S, write_parquet};
use super::program::Dir;

fn good() -> Capture {
    let mut random = fastrand::Rng::with_seed(7);
    let row = |_| {
        let to = format!("192.0.2.{}", random.u8(..));
        Connect::at(random.i64(0..60 * S), random.i64(0..1 << 30)).to(&to, 443)
    };
    Capture::of((0..400).map(row).collect())
}

/// A file with the given columns and metadata.
fn write(path: &Path, batch: &RecordBatch, version: Option<&str>, document: Option<&str>) {
    let pairs = [(KEY_FORMAT_VERSION, version), (KEY_CAPTURE, document)];
    let pairs: Vec<_> =
        pairs.into_iter().filter_map(|(key, value)| Some((key, value?.to_owned()))).collect();
    write_parquet(path, batch, &pairs, 1_000);
}

#[test]
fn each_kind_is_named_with_its_remedy() {
    let dir = Dir::new();
    let good = good();
    let (batch, document) = (good.batch(), good.info.to_json().expect("small"));
    let (document, version) = (document.as_str(), FORMAT_VERSION.to_string());
    let failure = |name: &str, expected: &str| {
        let line = dir.analyze(&[name]).failure();
        assert!(line.starts_with(&format!("analyze: {name}: {expected}")), "{line}");
    };

    failure("missing.parquet", "no such file; check the name");
    fs::create_dir(dir.path("dir")).expect("a directory");
    failure("dir", "holds no captures; ");
    failure("none*.parquet", "matches no file; ");
    fs::write(dir.path("empty"), "").expect("a file");
    failure("empty", "is empty; ");
    fs::write(dir.path("text"), "time,latency\n1,2\n").expect("a file");
    failure("text", "is not a Parquet file; ");
    fs::write(dir.path("short"), "PA").expect("a file");
    failure("short", "ends before its footer; ");
    fs::write(dir.path("journal"), [0xff; 64]).expect("a file");
    failure("journal", "is an Arrow stream but not a journal of `record`; ");
    fs::write(dir.path("footer"), b"PAR1\0\0\0\0\xff\xff\xff\x7fPAR1").expect("a file");
    failure("footer", "is damaged (");

    write(&dir.path("plain"), &batch, None, None);
    failure("plain", "is a Parquet file but not a capture; ");
    // The codec of a column is field 4, the number of its values field 5: zstd
    // becomes snappy.
    let mut snappy = fs::read(good.write(dir.path("good"))).expect("a file");
    let at = snappy.windows(3).rposition(|bytes| bytes == [0x15, 0x0c, 0x16]).expect("a codec");
    snappy[at + 1] = 0x02;
    fs::write(dir.path("snappy"), snappy).expect("a file");
    failure("snappy", "is compressed with snappy, which this program does not read; write it");
    write(&dir.path("half"), &batch, Some(&version), None);
    failure("half", "is a Parquet file but not a capture; ");
    write(&dir.path("newer"), &batch, Some("2"), Some("{}"));
    failure("newer", "has format version 2, this program reads up to 1; use a newer");
    write(&dir.path("newer2"), &batch, Some(&version), Some(r#"{"format_version": 9}"#));
    failure("newer2", "has format version 9, this program reads up to 1; use a newer");
    write(&dir.path("word"), &batch, Some("one\u{1b}"), Some(document));
    failure("word", "has unusable metadata (`connlat.schema_version` is not a number); ");
    write(&dir.path("json"), &batch, Some(&version), Some("{\u{1b}[31m"));
    failure("json", "has unusable metadata (");
    let deep = "[".repeat(60_000);
    write(&dir.path("deep"), &batch, Some(&version), Some(&deep));
    failure("deep", "has unusable metadata (");
    let large = " ".repeat(70_000);
    write(&dir.path("large"), &batch, Some(&version), Some(&large));
    failure("large", "has unusable metadata (");
}

#[test]
fn columns_must_be_those_of_the_format() {
    let dir = Dir::new();
    let good = good();
    let (batch, document) = (good.batch(), good.info.to_json().expect("small"));
    let failure = |batch: &RecordBatch, expected: &str| {
        write(&dir.path("c"), batch, Some("1"), Some(&document));
        let line = dir.analyze(&["c"]).failure();
        assert!(line.starts_with(&format!("analyze: c: {expected}")), "{line}");
    };
    for (index, field) in columns::schema().fields().iter().enumerate() {
        let mut less = batch.clone();
        less.remove_column(index);
        failure(&less, &format!("has no column `{}`; ", field.name()));

        let rows = batch.num_rows();
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"; rows]));
        let longs: ArrayRef = Arc::new(Int64Array::from(vec![1; rows]));
        let nulls: ArrayRef = Arc::new(Int32Array::from(vec![None; rows]));
        for wrong in [texts, longs, nulls] {
            let same_type = wrong.data_type() == field.data_type();
            if same_type && (wrong.null_count() == 0 || field.is_nullable()) {
                continue;
            }
            let field = field.as_ref().clone().with_data_type(wrong.data_type().clone());
            let nullable = wrong.null_count() > 0;
            let mut fields = batch.schema().fields().to_vec();
            fields[index] = Arc::new(field.clone().with_nullable(nullable));
            let mut arrays = batch.columns().to_vec();
            arrays[index] = wrong;
            let changed = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
            let expected = format!("column `{}` is ", field.name());
            failure(&changed.expect("a batch"), &expected);
        }
    }
}

#[test]
fn further_columns_do_no_harm() {
    let dir = Dir::new();
    let good = good();
    let mut fields = vec![Arc::new(arrow::datatypes::Field::new(
        "added_later",
        arrow::datatypes::DataType::Int64,
        false,
    ))];
    fields.extend(good.batch().schema().fields().iter().cloned());
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![1; 400]))];
    arrays.extend(good.batch().columns().iter().cloned());
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
    let document = good.info.to_json().expect("small");
    write(&dir.path("more"), &batch, Some("1"), Some(&document));
    let mut other = good;
    other.info.boot_id = "other".into();
    other.write(dir.path("plain"));
    let answer = dir.analyze(&["percentiles", "--format", "json", "plain", "more"]).json();
    assert_eq!(answer["rows"][0]["connects"], 800);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let dir = Dir::new();
    let bytes = fs::read(good().write(dir.path("good"))).expect("the file");
    let mut random = fastrand::Rng::with_seed(1);
    let near_ends = (1..16).chain((1..40).map(|back| bytes.len() - back));
    let anywhere = (0..60).map(|_| random.usize(16..bytes.len()));
    for length in near_ends.chain(anywhere).collect::<Vec<_>>() {
        fs::write(dir.path("cut"), &bytes[..length]).expect("a file");
        let line = dir.analyze(&["cut"]).failure();
        assert!(line.contains("cut: ends before its footer"), "{length}: {line}");
    }
}

/// Damage may hit figures without any reader noticing (pages carry no
/// checksum here); it must never end in anything but an answer or one line.
#[test]
fn damage_never_shows_as_a_crash() {
    let dir = Dir::new();
    let bytes = fs::read(good().write(dir.path("good"))).expect("the file");
    let mut random = fastrand::Rng::with_seed(2);
    for round in 0..250 {
        let mut damaged = bytes.clone();
        // Half of the rounds aim at the footer.
        let from = if round % 2 == 0 { 0 } else { bytes.len() / 2 };
        for _ in 0..random.usize(1..8) {
            damaged[random.usize(from..bytes.len())] = random.u8(..);
        }
        fs::write(dir.path("damaged"), &damaged).expect("a file");
        let run = dir.analyze(&["damaged"]);
        if run.code == Some(0) {
            assert_eq!(run.stderr, "", "round {round}");
        } else {
            run.failure();
        }
    }
}

#[test]
fn the_damaged_one_of_several_files_is_named() {
    let dir = Dir::new();
    let mut capture = good();
    capture.write(dir.path("a"));
    capture.info.boot_id = "other".into();
    let mut bytes = fs::read(capture.write(dir.path("b"))).expect("the file");
    // Right behind the magic: page headers of the first columns; and further
    // on every column's data.
    let end = bytes.len() / 3;
    bytes[4..end].fill(0xee);
    fs::write(dir.path("b"), bytes).expect("a file");
    let line = dir.analyze(&["a", "b"]).failure();
    assert!(line.starts_with("analyze: b: is damaged ("), "{line}");
}

#[cfg(unix)]
#[test]
fn a_device_is_not_read() {
    let dir = Dir::new();
    let line = dir.analyze(&["/dev/zero"]).failure();
    assert!(line.starts_with("analyze: /dev/zero: is not a regular file; "), "{line}");
}
