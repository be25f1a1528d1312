//! Nothing of the originals is left: in the bytes, in the pages, in the footer.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use connlat_schema::capture::metadata::StopReason;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{captures, content, redact};
use crate::capture::{Capture, Connect, S};
use crate::program::Dir;

/// Names that could be anybody's, long enough not to be there by chance.
const HOST: &str = "payments-db-7.acme.example";
const PODS: [&str; 2] = ["kubepods-pod3f2a9c1e.slice", "cri-containerd-77aa88bb99cc.scope"];

fn rows() -> Vec<Connect> {
    let row = |n: i64| {
        let mut row = Connect::at(n * S / 50, 100_000 + n * 1_000);
        row.comm = ["acme-billing", "acme-ledger", "sh", "established"][n as usize % 4].into();
        row.cgroup = format!("/kubepods.slice/{}/{}", PODS[0], PODS[1]);
        row.src_addr = "10.20.30.40".into();
        row.dst_addr = match n % 6 {
            0 => "10.20.31.7".into(),
            1 => format!("93.184.216.{}", n % 200),
            2 => "2606:2800:220:1:248:1893:25c8:1946".into(),
            3 => "fd12:3456:789a::5".into(),
            4 => "::ffff:10.20.31.7".into(),
            _ => "192.168.44.55".into(),
        };
        row
    };
    (0..600).map(row).collect()
}

fn capture() -> Capture {
    let mut capture = Capture::of(rows());
    let info = &mut capture.info;
    info.host = HOST.into();
    info.boot_id = "6b2c7b9e-1111-4222-8333-0123456789ab".into();
    info.machine_id_hash = Some("feedc0de".repeat(8));
    info.kernel_release = "6.8.0-1021-acme-billing".into();
    info.command_line =
        ["record", "--comm", "acme-billing", "-o", "/srv/acme/captures/pay.parquet"]
            .map(str::to_owned)
            .into();
    info.stop_reason = StopReason::Failed("/srv/acme/captures: no space".into());
    info.account_problem = Some("acme-ledger was in the way".into());
    info.unavailable = vec!["mptcp_subflow".into(), "paths of acme-billing".into()];
    let filters = [
        ("comm", vec!["acme-billing"]),
        ("cgroup", vec!["/kubepods.slice/other-tenant"]),
        ("dst", vec!["10.20.0.0/16", "93.184.216.0/24", "payments.acme.example"]),
        ("uid", vec!["1000"]),
        ("later", vec!["acme-billing"]),
    ];
    info.filters = filters
        .map(|(name, values)| (name.to_owned(), values.into_iter().map(str::to_owned).collect()))
        .into();
    capture.row_group = 250;
    capture
}

/// Everything the test knows that must not be found.
fn originals() -> BTreeSet<String> {
    let mut all: BTreeSet<String> = rows()
        .into_iter()
        .flat_map(|row| [row.comm, row.src_addr, row.dst_addr])
        .filter(|text| text.len() >= 6 && text != "established")
        .collect();
    let more = [
        HOST,
        "payments",
        "acme",
        "kubepods.slice",
        PODS[0],
        PODS[1],
        "3f2a9c1e",
        "other-tenant",
        "6b2c7b9e",
        "0123456789ab",
        "feedc0de",
        "/srv/",
        "93.184.",
        "no space",
        "in the way",
    ];
    all.extend(more.map(str::to_owned));
    all
}

/// The bytes of a file, and those of its pages unpacked.
fn all_bytes(path: &Path) -> Vec<Vec<u8>> {
    let mut all = vec![fs::read(path).expect("a file")];
    let reader = SerializedFileReader::new(File::open(path).expect("a file")).expect("Parquet");
    for group in 0..reader.num_row_groups() {
        let of_group = reader.get_row_group(group).expect("a row group");
        for column in 0..of_group.num_columns() {
            let mut pages = of_group.get_column_page_reader(column).expect("pages");
            while let Some(page) = pages.get_next_page().expect("a page") {
                all.push(page.buffer().to_vec());
            }
        }
    }
    all
}

fn found(path: &Path, originals: &BTreeSet<String>) -> Vec<String> {
    let all = all_bytes(path);
    assert!(all.len() > 60, "{} pages", all.len());
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    let left = originals.iter().filter(|text| all.iter().any(|bytes| holds(bytes, text)));
    left.cloned().collect()
}

#[test]
fn no_original_is_in_the_bytes_of_what_is_written() {
    let dir = Dir::new();
    let path = capture().write(dir.path("payments.parquet"));
    // The test can fail.
    let there = found(&path, &originals());
    assert_eq!(there.len(), originals().len(), "{there:?}");
    redact(&dir, &[], &["payments.parquet"]).text();
    let [redacted] = &captures(&dir.path("out"))[..] else { panic!("one capture") };
    assert_eq!(found(redacted, &originals()), Vec::<String>::new());
    let name = redacted.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(originals().iter().all(|text| !name.contains(text)), "{name}");

    let (info, rows) = content(redacted);
    assert_eq!(rows.len(), 600);
    assert_eq!(info.kernel_release, "6.8.0");
    assert_eq!(info.command_line, ["withheld"]);
    assert_eq!(info.unavailable, ["mptcp_subflow", "withheld"]);
    assert_eq!(info.stop_reason, StopReason::Failed("withheld".into()));
    assert_eq!(info.filters["uid"], ["1000"]);
    assert_eq!(info.filters["withheld"], ["withheld"]);
    assert_eq!(info.filters["dst"][2], "withheld");
    // A filter goes with the rows that it let through.
    let network: ipnet::IpNet = info.filters["dst"][0].parse().expect("a network");
    let inside = |row: &&connlat_schema::capture::rows::Row<'_>| {
        row.dst_addr.parse().is_ok_and(|address: std::net::IpAddr| network.contains(&address))
    };
    assert_eq!(rows.iter().filter(inside).count(), 100);
    assert!(rows.iter().any(|row| row.comm == info.filters["comm"][0]));
    let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
    let tenant = parent(&info.filters["cgroup"][0]).expect("a path");
    assert!(rows.iter().all(|row| row.cgroup.starts_with(&format!("{tenant}/"))));
    // The mapped address goes with the plain one.
    let plain: BTreeSet<&str> = rows.iter().map(|row| &*row.dst_addr).collect();
    let mapped = plain.iter().find_map(|address| address.strip_prefix("::ffff:"));
    assert!(plain.contains(mapped.expect("a mapped address")), "{plain:?}");
}

#[test]
fn what_is_not_of_the_format_is_not_copied() {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};
    use arrow::record_batch::RecordBatch;
    use connlat_schema::capture::footer;

    let dir = Dir::new();
    let capture = capture();
    let batch = capture.batch();
    let mut columns: Vec<(String, ArrayRef)> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().clone(), Arc::clone(column)))
        .collect();
    let notes: Vec<&str> = vec!["acme-secret-column"; batch.num_rows()];
    columns.push(("acme_note".to_owned(), Arc::new(StringArray::from(notes))));
    let batch = RecordBatch::try_from_iter(columns).expect("a batch");
    let mut pairs = footer::pairs(&capture.info).expect("a document").to_vec();
    pairs.push(("acme.key", "acme-secret-value".to_owned()));
    crate::capture::write_parquet(&dir.path("more.parquet"), &batch, &pairs, 250);
    redact(&dir, &[], &["more.parquet"]).text();
    let [redacted] = &captures(&dir.path("out"))[..] else { panic!("one capture") };
    assert_eq!(found(redacted, &originals()), Vec::<String>::new());
}

#[test]
fn an_address_in_a_name_that_is_kept_is_found_and_nothing_written() {
    let dir = Dir::new();
    let mut rows = rows();
    rows[7].comm = "to 10.20.31.7".into();
    let mut capture = Capture::of(rows);
    capture.info.kernel_release = "6.8.0".into();
    capture.write(dir.path("c.parquet"));
    let said = redact(&dir, &["--keep-names"], &["c.parquet"]).failure();
    assert!(said.contains("`to 10.20.31.7` was still there in column comm"), "{said}");
    assert!(!dir.path("out").exists());
    // Without, it is a word as any other.
    redact(&dir, &[], &["c.parquet"]).text();
}
