//! The search finds what a mistake in one place would leave.

use std::path::PathBuf;

use arrow::compute::cast;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{COMM, schema};
use connlat_schema::capture::file::{CaptureWriter, WriterOptions};
use connlat_schema::capture::metadata::CaptureInfo;

use super::*;
use crate::redact::key::Key;
use crate::redact::originals::Originals;
use crate::redact::rows::Rewriter;
use crate::redact::{Options, document};

/// Copies a field of the original, or puts something into one.
type Change = fn(&mut CaptureInfo, &CaptureInfo);

struct Case {
    captures: Captures,
    plan: Plan,
    rows: Vec<RecordBatch>,
    info: CaptureInfo,
}

impl Case {
    fn new() -> Self {
        let fixture = PathBuf::from("../../fixtures/two-causes.parquet");
        let captures = Captures::open(&[fixture], true).expect("a fixture");
        let mut originals = Originals::at_most(usize::MAX);
        originals.add(&captures.each[0], &Room::new(u64::MAX)).expect("its names");
        let key = Key::thrown_away().expect("a key");
        let infos = captures.each.iter().map(|capture| &capture.info);
        let plan = Plan::new(Options::default(), &key, &originals, infos).expect("a plan");
        let mut rows = Vec::new();
        let mut rewriter = Rewriter::new(&plan);
        source::read(
            &captures.each[0],
            0,
            (&ColumnSet::from(NAMES), &Room::new(u64::MAX)),
            &mut |batch| {
                rows.push(rewriter.batch(batch)?);
                Ok::<(), RedactError>(())
            },
        )
        .expect("rows");
        let info = document::redacted(&captures.each[0].info, 548, &plan).expect("a document");
        Self { captures, plan, rows, info }
    }

    /// What the search says of a file of these rows and this document.
    fn said(&self, rows: &[RecordBatch], info: &CaptureInfo) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let options = WriterOptions::default();
        let mut writer =
            CaptureWriter::create(file.reopen().expect("a file"), &options).expect("a writer");
        rows.iter().for_each(|batch| writer.write(batch.clone()).expect("rows"));
        writer.finish(info.clone()).expect("a footer");
        clean(file.path(), &self.plan, &Room::new(u64::MAX)).map_err(|error| error.to_string())
    }
}

#[test]
fn a_column_that_was_copied_is_found() {
    let case = Case::new();
    assert_eq!(case.said(&case.rows, &case.info), Ok(()));
    for column in TEXTS.into_iter().filter(|column| *column != OUTCOME) {
        let mut rows = case.rows.clone();
        source::read(
            &case.captures.each[0],
            0,
            (&ColumnSet::from([column]), &Room::new(u64::MAX)),
            &mut |batch| {
                let original =
                    cast(&batch[column], &arrow::datatypes::DataType::Utf8).expect("text");
                let place = schema().index_of(column).expect("a column");
                let mut columns = rows[0].columns().to_vec();
                columns[place] = original;
                rows[0] = RecordBatch::try_new(schema(), columns).expect("a batch");
                Ok::<(), RedactError>(())
            },
        )
        .expect("rows");
        let said = case.said(&rows, &case.info).expect_err(column);
        assert!(said.contains(&format!("in column {column} of")), "{column}: {said}");
    }
}

#[test]
fn a_field_that_was_copied_is_found() {
    let case = Case::new();
    let original = &case.captures.each[0].info;
    let changes: [(&str, Change); 6] = [
        ("host", |info, original| info.host.clone_from(&original.host)),
        ("boot_id", |info, original| info.boot_id.clone_from(&original.boot_id)),
        ("machine_id_hash", |info, original| {
            info.machine_id_hash.clone_from(&original.machine_id_hash);
        }),
        ("command_line", |info, original| info.command_line.clone_from(&original.command_line)),
        ("filters, comm", |info, _| {
            info.filters.insert("comm".to_owned(), vec!["web".to_owned()]);
        }),
        ("account_problem", |info, _| {
            info.account_problem = Some("10.77.1.2 was away".to_owned());
        }),
    ];
    for (field, change) in changes {
        let mut info = case.info.clone();
        change(&mut info, original);
        let said = case.said(&case.rows, &info).expect_err(field);
        assert!(said.contains(&format!("in the footer, {field} of")), "{field}: {said}");
    }
}

#[test]
fn what_only_the_bytes_hold_is_found() {
    let case = Case::new();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let mut writer = CaptureWriter::create(
        file.reopen().expect("a file"),
        // The footer says who wrote it, which nobody reads as a field.
        &WriterOptions { created_by: "web for 10.77.1.2".to_owned(), ..WriterOptions::default() },
    )
    .expect("a writer");
    case.rows.iter().for_each(|batch| writer.write(batch.clone()).expect("rows"));
    writer.finish(case.info.clone()).expect("a footer");
    let said =
        clean(file.path(), &case.plan, &Room::new(u64::MAX)).expect_err("an address").to_string();
    assert!(said.contains("`10.77.1.2` was still there in the bytes of"), "{said}");
    assert!(case.rows[0].column_by_name(COMM).is_some());
}
