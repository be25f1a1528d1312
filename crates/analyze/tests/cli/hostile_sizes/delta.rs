//! Texts as differences from each other: few bytes that stand for very many.

use std::fs;

use connlat_schema::capture::columns::{CGROUP, COMM};
use parquet::basic::Encoding;
use parquet::file::properties::EnabledStatistics;
use parquet::schema::types::ColumnPath;

use super::super::program::Dir;
use super::stays_small;
use super::texts::write;

fn write_as(dir: &Dir, name: &str, column: &str, texts: &[String], encoding: Encoding) {
    write(dir, name, column, texts, |properties| {
        let path = ColumnPath::from(column);
        properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, encoding)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_write_batch_size(64)
    });
}

const BOTH: [Encoding; 2] = [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY];

/// As other programs write names that differ little.
#[test]
fn ordinary_names_are_read() {
    let dir = Dir::new();
    let texts: Vec<String> = (0..40_000).map(|n| format!("worker-{}", n % 700)).collect();
    let mut answers = Vec::new();
    for encoding in BOTH {
        write_as(&dir, "names.parquet", COMM, &texts, encoding);
        assert!(!stays_small(&dir, "names.parquet"));
        answers.push(dir.analyze(&["processes", "--top", "0", "names.parquet"]).text());
    }
    assert!(answers[0].contains("worker-699") && answers[0] == answers[1]);
}

/// A long name once, and after it what is the same for each.
#[test]
fn long_names_that_are_nearly_the_same() {
    let dir = Dir::new();
    for (length, rows) in [(60_000, 3_000), (600_000, 300)] {
        let texts: Vec<String> = (0..rows).map(|n| format!("{}{n}", "x".repeat(length))).collect();
        write_as(&dir, "long.parquet", CGROUP, &texts, Encoding::DELTA_BYTE_ARRAY);
        let bytes = fs::metadata(dir.path("long.parquet")).expect("a file").len();
        println!("{length}: {bytes} bytes");
        assert!(stays_small(&dir, "long.parquet"));
        // The same one in each row.
        let texts = vec!["y".repeat(length); rows];
        write_as(&dir, "same.parquet", CGROUP, &texts, Encoding::DELTA_BYTE_ARRAY);
        assert!(stays_small(&dir, "same.parquet"));
    }
}

/// Pages that say how many lengths follow: as many as there is no memory for.
#[test]
fn lengths_that_claim_much() {
    let dir = Dir::new();
    let texts: Vec<String> = (0..300).map(|n| format!("worker-{}", n % 7)).collect();
    for encoding in BOTH {
        write(&dir, "plain.parquet", COMM, &texts, |properties| {
            let path = ColumnPath::from(COMM);
            properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path.clone(), encoding)
                .set_column_compression(path, parquet::basic::Compression::UNCOMPRESSED)
        });
        let good = fs::read(dir.path("plain.parquet")).expect("a file");
        // 128 values a block in 4 parts, of 300: as varints 80 01 04 ac 02.
        let head = [0x80, 0x01, 0x04, 0xac, 0x02];
        let at = good.windows(5).position(|bytes| bytes == head).expect("the head of the lengths");
        // 2 billion and 34 billion, over the bytes that follow; blocks of other sizes.
        for bytes in [
            &[0x80, 0x01, 0x04, 0xff, 0xff, 0xff, 0xff, 0x07][..],
            &[0x80, 0x01, 0x04, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[0x80, 0x01, 0x04, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[0x80, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01, 0xac, 0x02],
            &[0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0x7f],
            &[0x80, 0x01, 0x00],
        ] {
            let mut bomb = good.clone();
            bomb[at..at + bytes.len()].copy_from_slice(bytes);
            fs::write(dir.path("bomb.parquet"), bomb).expect("written");
            assert!(stays_small(&dir, "bomb.parquet"), "{encoding}: {bytes:x?}");
        }
    }
}
