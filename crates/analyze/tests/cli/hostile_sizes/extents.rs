//! Columns that lie where no column can.

use std::fs;

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use super::super::capture::{Capture, Connect};
use super::super::program::Dir;
use super::{stays_small, with_footer};

/// Makes another column of one, by its row group and its place in it.
type Change = fn(usize, usize, ColumnChunkMetaData) -> ColumnChunkMetaData;

/// A capture of some row groups.
fn good(dir: &Dir) -> Vec<u8> {
    let rows = (0..2_000).map(|n| Connect::at(n * 1_000, 50_000 + n * n % 977)).collect();
    let mut capture = Capture::of(rows);
    capture.row_group = 500;
    fs::read(capture.write(dir.path("good.parquet"))).expect("a file")
}

/// The footer with other columns in its row groups.
fn change(
    footer: ParquetMetaData,
    mut column: impl FnMut(usize, usize, ColumnChunkMetaData) -> ColumnChunkMetaData,
) -> ParquetMetaData {
    let mut footer = footer.into_builder();
    let groups = footer.take_row_groups().into_iter().enumerate().map(|(group, of_footer)| {
        let mut builder = of_footer.into_builder();
        let columns = builder.take_columns().into_iter().enumerate();
        let columns = columns.map(|(at, chunk)| column(group, at, chunk)).collect();
        builder.set_column_metadata(columns).build().expect("a row group")
    });
    let groups: Vec<RowGroupMetaData> = groups.collect();
    footer.set_row_groups(groups).build()
}

fn moved(chunk: ColumnChunkMetaData, by: i64) -> ColumnChunkMetaData {
    let (data, dictionary) = (chunk.data_page_offset(), chunk.dictionary_page_offset());
    let builder = chunk.into_builder().set_data_page_offset(data + by);
    builder.set_dictionary_page_offset(dictionary.map(|at| at + by)).build().expect("a column")
}

#[test]
fn columns_outside_of_the_file_and_on_top_of_each_other() {
    let dir = Dir::new();
    let good = good(&dir);
    let tries: [(&str, Change); 6] = [
        ("beyond", |_, at, chunk| if at == 3 { moved(chunk, 1 << 40) } else { chunk }),
        ("before", |_, at, chunk| if at == 3 { moved(chunk, -(1 << 40)) } else { chunk }),
        ("last", |_, _, chunk| moved(chunk, i64::MAX / 2)),
        // The bytes of one column are those of another.
        ("shared", |group, _, chunk| if group == 2 { moved(chunk, -60) } else { chunk }),
        ("long", |_, at, chunk| {
            let length = chunk.compressed_size() + 100;
            let builder = chunk.into_builder();
            let length = if at == 4 { length } else { length - 100 };
            builder.set_total_compressed_size(length).build().expect("a column")
        }),
        ("negative", |_, at, chunk| {
            let length = if at == 4 { -1 } else { chunk.compressed_size() };
            chunk.into_builder().set_total_compressed_size(length).build().expect("a column")
        }),
    ];
    for (name, of_column) in tries {
        let name = format!("{name}.parquet");
        let file = with_footer(&good, |footer| change(footer, of_column));
        fs::write(dir.path(&name), file).expect("written");
        assert!(stays_small(&dir, &name), "{name} was answered");
    }
}

/// One row group ten thousand times: rows out of nothing.
#[test]
fn row_groups_that_are_the_same_bytes() {
    let dir = Dir::new();
    let good = good(&dir);
    let file = with_footer(&good, |footer| {
        let mut footer = footer.into_builder();
        let groups = footer.take_row_groups();
        let many = groups.iter().cycle().take(5_000).cloned().collect();
        let footer = footer.set_row_groups(many).build();
        let rows: i64 = footer.row_groups().iter().map(RowGroupMetaData::num_rows).sum();
        super::with_rows(footer, rows)
    });
    fs::write(dir.path("same.parquet"), file).expect("written");
    assert!(stays_small(&dir, "same.parquet"));
    let said = dir.analyze(&["summary", "same.parquet"]).failure();
    assert!(said.contains("on top of each other"), "{said}");
}

/// Row groups of another number of rows than their pages hold.
#[test]
fn row_groups_with_other_numbers_of_rows() {
    let dir = Dir::new();
    let good = good(&dir);
    for (name, by) in [("more", 1), ("fewer", -1), ("none", -500), ("all", 1_000_000_000)] {
        let name = format!("{name}.parquet");
        let file = with_footer(&good, |footer| {
            let rows = footer.file_metadata().num_rows() + by;
            let footer = change(footer, |group, _, chunk| {
                let values = chunk.num_values() + if group == 1 { by } else { 0 };
                chunk.into_builder().set_num_values(values).build().expect("a column")
            });
            let mut footer = footer.into_builder();
            let groups = footer.take_row_groups().into_iter().enumerate().map(|(at, group)| {
                let rows = group.num_rows() + if at == 1 { by } else { 0 };
                group.into_builder().set_num_rows(rows).build().expect("a row group")
            });
            let groups = groups.collect();
            super::with_rows(footer.set_row_groups(groups).build(), rows)
        });
        fs::write(dir.path(&name), file).expect("written");
        let refused = stays_small(&dir, &name);
        // A row group without rows is not read, and takes nothing from the others.
        assert!(refused || by == -500, "{name} was answered");
    }
}
