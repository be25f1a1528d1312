//! Any rows in any parts come out in order, however little fits.

use std::cell::RefCell;

use arrow::array::Int64Array;
use connlat_schema::capture::rows::{Row, Timestamp, batch};

use super::*;

fn rows(starts: &[i64]) -> RecordBatch {
    let row = |start: &i64| Row {
        host: "h".into(),
        boot_id: "b".into(),
        time: Timestamp(*start),
        start_ns: *start,
        latency_ns: 1,
        outcome: "established".into(),
        errno: None,
        syn_retransmits: 0,
        rtt_us: None,
        pid: 1,
        tid: 1,
        uid: 0,
        comm: "c".into(),
        cgroup: "".into(),
        cgroup_id: 1,
        netns: 1,
        ip_version: 4,
        src_addr: "10.0.0.1".into(),
        dst_addr: "10.0.0.2".into(),
        src_port: 1,
        dst_port: 2,
        flags: 0,
    };
    batch(starts.iter().map(row)).expect("rows")
}

/// What comes out, and how many bytes went to the disk.
fn sorted(parts: &[Vec<i64>], limits: Limits) -> (Vec<i64>, u64) {
    let directory = tempfile::tempdir().expect("a directory");
    let out = RefCell::new(Vec::new());
    let mut sorter = Sorter::new(limits, directory.path(), |rows: RecordBatch| {
        let starts: &Int64Array = rows[START_NS].as_primitive();
        out.borrow_mut().extend(starts.values().iter().copied());
        Ok(())
    });
    for (part, starts) in parts.iter().enumerate() {
        sorter.add_part(part, starts.iter().copied().min().unwrap_or(0));
    }
    let spilled = sorter
        .run(|part, take| parts[part].chunks(7).try_for_each(|starts| take(rows(starts))))
        .expect("sorted");
    let left = std::fs::read_dir(directory.path()).expect("the directory").count();
    assert_eq!(left, 0, "names of temporary files");
    (out.into_inner(), spilled)
}

#[test]
fn in_order_whatever_fits() {
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..200 {
        let parts: Vec<Vec<i64>> = (0..random.i64(0..12))
            .map(|part| {
                let (from, to) = match round % 3 {
                    // One after another; each over all; all the same.
                    0 => (part * 100, part * 100 + 130),
                    1 => (0, 1_000),
                    _ => (5, 6),
                };
                (0..random.usize(0..60)).map(|_| random.i64(from..to)).collect()
            })
            .collect();
        let kb = random.usize(0..20);
        let limits = Limits {
            waiting: kb << 10,
            incoming: random.usize(0..4) << 10,
            part_rows: random.usize(1..9),
        };
        let mut expected: Vec<i64> = parts.concat();
        expected.sort_unstable();
        assert_eq!(sorted(&parts, limits).0, expected, "round {round}");
    }
}

#[test]
fn what_follows_each_other_needs_no_disk_and_what_does_not_does() {
    let following: Vec<Vec<i64>> =
        (0..50).map(|part| (0..100).map(|n| part * 100 + n).collect()).collect();
    let limits = Limits { waiting: 60 << 10, incoming: 20 << 10, part_rows: 20 };
    assert_eq!(sorted(&following, limits).1, 0);
    let together: Vec<Vec<i64>> =
        (0..50).map(|part| (0..100).map(|n| n * 50 + part).collect()).collect();
    let (out, spilled) = sorted(&together, limits);
    assert!(spilled > 0);
    assert!(out.is_sorted() && out.len() == 5_000);
}
