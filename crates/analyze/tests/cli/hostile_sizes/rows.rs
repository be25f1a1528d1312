//! Rows that are all alike, and so take no bytes.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use parquet::file::metadata::ParquetMetaData;

use super::super::blocks::write_blocks;
use super::super::capture::{Capture, Connect};
use super::super::program::Dir;
use super::stays_small;

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

/// A capture of so many rows that are all alike.
fn alike(dir: &Dir, name: &str, rows: usize) -> u64 {
    let block: Vec<Connect> = (0..100_000).map(|_| Connect::at(0, 5)).collect();
    write_blocks(&dir.path(name), rows, || block.clone());
    fs::metadata(dir.path(name)).expect("a file").len()
}

/// The footer of another boot of the machine.
fn other_boot(footer: ParquetMetaData, boot: &str) -> ParquetMetaData {
    let pairs = footer.file_metadata().key_value_metadata().cloned().expect("pairs");
    let pairs = pairs.into_iter().map(|mut pair| {
        pair.value = pair.value.map(|value| value.replace("00000001", boot));
        pair
    });
    let pairs = pairs.collect();
    super::with_pairs(footer, pairs)
}

/// Rows that nobody could have recorded are not counted one by one, however few bytes
/// they take, and neither are those of many files.
#[test]
fn rows_that_are_all_alike() {
    let dir = Dir::new();
    let bytes = alike(&dir, "bomb.parquet", 2_000_000);
    assert!(bytes < 200_000, "{bytes} bytes");
    assert!(stays_small(&dir, "bomb.parquet"));
    let said = dir.analyze(&["summary", "bomb.parquet"]).failure();
    assert!(said.contains("2,000,000 rows in"), "{said}");

    // As many as are answered at once, once: then what a search finds is left out.
    fs::create_dir(dir.path("many")).expect("a directory");
    for name in ["many/1.parquet", "many/2.parquet", "many/3.parquet"] {
        alike(&dir, name, 200_000);
        let good = fs::read(dir.path(name)).expect("a file");
        // Another boot of the machine in each, or they would be copies.
        let other = name[5..6].repeat(8);
        let good = super::with_footer(&good, |footer| other_boot(footer, &other));
        fs::write(dir.path(name), good).expect("written");
    }
    let run = dir.analyze(&["outcomes", "many"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("200,000"), "{}", run.stdout);
    let said = format!("{}{}", run.stdout, run.stderr);
    for name in ["many/2.parquet", "many/3.parquet"] {
        assert!(said.contains(&format!("left out: {name} has 200,000 rows in ")), "{said}");
    }
}

/// Connects as regular as they can be: each a millisecond after the one before, to the
/// same place, and none as long as the other to the nanosecond.
#[test]
fn regular_connects_are_answered() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(7);
    let rows: Vec<Connect> =
        (0..600_000).map(|n| Connect::at(n * 1_000, 20_000 + random.i64(0..256))).collect();
    Capture::of(rows).write(dir.path("regular.parquet"));
    let bytes = fs::metadata(dir.path("regular.parquet")).expect("a file").len();
    println!("{bytes} bytes");
    assert!(!stays_small(&dir, "regular.parquet"));
}
