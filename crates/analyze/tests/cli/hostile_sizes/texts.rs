//! Names that are longer, or more, than any machine has.

use std::fs::{self, File};
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{CGROUP, COMM};
use connlat_schema::capture::footer::pairs;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use super::super::capture::{Capture, Connect};
use super::super::program::{Dir, command};
use super::{LONGEST, MOST_KB, stays_small, watched};

/// A capture with a text column of these values, and otherwise plain rows.
pub(super) fn write(
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

/// What `redact` searches its output for takes many times the names' bytes, and `merge`
/// holds rows that wait.
#[test]
fn long_names_are_merged_and_not_redacted() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(4);
    let text: String = std::iter::repeat_with(|| random.lowercase()).take(14_000).collect();
    let texts: Vec<String> = (0..2_000).map(|n| format!("{n:04}{}", &text[n..n + 7_000])).collect();
    write(&dir, "names.parquet", CGROUP, &texts, |properties| properties);
    for (question, refused) in [
        (["redact", "-o", "redacted", "names.parquet"], true),
        (["merge", "-o", "merged.parquet", "names.parquet"], false),
    ] {
        let run = watched(command(&dir.path(".")).args(question));
        println!("{question:?}: {} kB, {:?}", run.peak_kb, run.took);
        assert!(run.peak_kb < MOST_KB, "{question:?}: {} kB", run.peak_kb);
        assert!(run.took < LONGEST, "{question:?}: {:?}", run.took);
        assert_eq!(run.code, Some(i32::from(refused)), "{}", run.stderr);
        assert!(!refused || run.stderr.contains("redact fewer files at once"), "{}", run.stderr);
        let _ = fs::remove_file(dir.path("merged.parquet"));
    }
}

/// Where little memory is allowed, `merge` and `redact` hold less, too.
#[test]
fn merge_and_redact_keep_to_a_limit_of_memory() {
    let dir = Dir::new();
    // A row group whose pages take 70 MB: there is room for it, and a third of that is none.
    let texts: Vec<String> = (0..4_500).map(|n| format!("{n}{}", "z".repeat(7_500))).collect();
    write(&dir, "pages.parquet", CGROUP, &texts, |properties| {
        properties.set_dictionary_page_size_limit(100 << 20)
    });
    let limited = |kilobytes: u64, question: &str| {
        let mut shell = Command::new("sh");
        let text = format!("ulimit -v {kilobytes}; exec \"$0\" {question}");
        shell.current_dir(dir.path(".")).arg("-c").arg(text);
        watched(shell.arg(command(&dir.path(".")).get_program()))
    };
    let questions = ["merge -o m.parquet pages.parquet", "redact -o r pages.parquet"];
    for question in questions {
        let run = limited(900_000, question);
        println!("{question}: {} kB, {:?}: {}", run.peak_kb, run.took, run.stderr);
        assert_eq!(run.code, Some(1), "{question}: {}", run.stderr);
        assert!(run.stderr.contains("than the ") && run.stderr.contains("there is room for"));
        assert!(run.peak_kb < 200_000, "{question}: {} kB", run.peak_kb);
    }
    let run = limited(8_000_000, questions[0]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}
