//! Every grouped figure against a naive recomputation from the rows.

use std::collections::BTreeMap;

use connlat_schema::Outcome;
use serde_json::{Value, json};

use super::capture::{Capture, Connect, S, START};
use super::program::Dir;

/// Figures of some rows, by the definitions in the documentation and nothing
/// taken from the program.
fn expected(rows: &[&Connect]) -> BTreeMap<String, Value> {
    let mut latencies: Vec<i64> = rows
        .iter()
        .filter(|row| row.outcome == "established" && row.flags & 0b11 == 0)
        .map(|row| row.latency_ns)
        .collect();
    latencies.sort_unstable();
    let n = latencies.len();
    let failures = ["refused", "timed_out", "unreachable", "aborted", "local_error"];
    let failed = rows.iter().filter(|row| failures.contains(&row.outcome.as_str())).count();
    let established = rows.iter().filter(|row| row.outcome == "established").count();
    let rate = (!rows.is_empty()).then(|| failed as f64 / rows.len() as f64);
    let retransmits: i64 = rows.iter().map(|row| i64::from(row.syn_retransmits)).sum();
    let mean = (n > 0).then(|| {
        let sum: i128 = latencies.iter().map(|latency| i128::from(*latency)).sum();
        (sum * 2 + n as i128) / (n as i128 * 2)
    });
    // (name, quantile as a fraction of whole numbers, fewest latencies)
    let percentiles = [
        ("p50_ns", 1, 2, 2),
        ("p90_ns", 9, 10, 10),
        ("p95_ns", 19, 20, 20),
        ("p99_ns", 99, 100, 100),
        ("p999_ns", 999, 1000, 1000),
    ];
    let mut figures: BTreeMap<String, Value> = percentiles
        .into_iter()
        .map(|(name, part, whole, fewest)| {
            let rank = (n * part).div_ceil(whole);
            let value = (n >= fewest).then(|| latencies[rank - 1]);
            (name.to_owned(), json!(value))
        })
        .collect();
    figures.extend([
        ("connects".to_owned(), json!(rows.len())),
        ("established".to_owned(), json!(established)),
        ("failed".to_owned(), json!(failed)),
        ("failure_rate".to_owned(), json!(rate)),
        ("max_ns".to_owned(), json!(latencies.last())),
        ("mean_ns".to_owned(), json!(mean.map(|mean| mean as i64))),
        ("syn_retransmits".to_owned(), json!(retransmits)),
        ("samples".to_owned(), json!(n)),
    ]);
    figures
}

/// Compares an answer with the groups that `key` makes of the rows.
fn check(answer: &Value, rows: &[Connect], names: &[&str], key: impl Fn(&Connect) -> Vec<Value>) {
    let mut groups: BTreeMap<String, Vec<&Connect>> = BTreeMap::new();
    for row in rows {
        groups.entry(json!(key(row)).to_string()).or_default().push(row);
    }
    let answered = answer["rows"].as_array().expect("rows");
    for row in answered {
        let group: Vec<&Value> = names.iter().map(|name| &row[*name]).collect();
        let members = groups.remove(&json!(group).to_string()).unwrap_or_default();
        for (name, value) in expected(&members) {
            if let (Some(a), Some(b)) = (value.as_f64(), row[&name].as_f64())
                && name == "failure_rate"
            {
                // serde_json reads floats to within one ulp.
                assert!((a - b).abs() <= f64::EPSILON, "{name} of {group:?}: {b}, not {a}");
                continue;
            }
            assert_eq!(row[&name], value, "{name} of {group:?}");
        }
        assert_eq!(row.as_object().expect("object").len(), names.len() + 13);
        // Only a time series shows groups without connects.
        assert!(names == ["time"] || names.is_empty() || !members.is_empty());
    }
    assert!(groups.is_empty(), "not answered: {:?}", groups.keys());
}

pub fn random_rows(
    random: &mut fastrand::Rng,
    count: usize,
    established_in_ten: u8,
) -> Vec<Connect> {
    // Few distinct latencies give ties; the wide range gives none.
    let range = [5, 1_000, 1_i64 << 40][random.usize(..3)];
    (0..count)
        .map(|_| {
            let mut row = Connect::at(random.i64(0..20 * S), random.i64(0..range));
            if random.u8(..10) >= established_in_ten {
                row.outcome = Outcome::ALL[random.usize(1..Outcome::COUNT)].as_str().into();
                row.errno = random.bool().then(|| random.i32(100..114));
            }
            row.flags = if random.u8(..8) == 0 { random.i32(0..64) } else { 0 };
            row.syn_retransmits = random.i32(0..3);
            row.comm = ["curl", "nginx", ""][random.usize(..3)].into();
            row.cgroup = ["/system.slice/web.service", "/user.slice"][random.usize(..2)].into();
            row.dst_addr = format!("192.0.2.{}", random.u8(..3));
            row.dst_port = 440 + random.i32(0..3);
            row
        })
        .collect()
}

#[test]
fn every_figure_agrees_with_a_naive_recomputation() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(20_260_101);
    let sizes = [0, 1, 2, 9, 10, 19, 20, 21, 99, 100, 101, 999, 1_000, 1_001, 3_000, 7_777];
    for (size, established_in_ten) in sizes.into_iter().flat_map(|size| [(size, 7), (size, 10)]) {
        case(&dir, &random_rows(&mut random, size, established_in_ten), &mut random);
    }
    for _ in 0..12 {
        let (size, established_in_ten) = (random.usize(1..2_000), random.u8(..=10));
        case(&dir, &random_rows(&mut random, size, established_in_ten), &mut random);
    }
    // Nothing but failures.
    case(&dir, &random_rows(&mut random, 300, 0), &mut random);
}

fn case(dir: &Dir, rows: &[Connect], random: &mut fastrand::Rng) {
    // One file of small row groups, and the same rows in two files.
    let mut whole = Capture::of(rows.to_vec());
    whole.row_group = random.usize(1..500);
    whole.write(dir.path("whole.parquet"));
    let (a, b) = rows.split_at(random.usize(..=rows.len()));
    Capture::of(a.to_vec()).write(dir.path("a.parquet"));
    Capture::of(b.to_vec()).write(dir.path("b.parquet"));

    for files in [&["whole.parquet"][..], &["a.parquet", "b.parquet"]] {
        let ask = |question: &[&str]| {
            dir.analyze(&[question, &["--format", "json"], files].concat()).json()
        };
        check(&ask(&["percentiles"]), rows, &[], |_| vec![]);
        check(
            &ask(&["percentiles", "--by", "comm,outcome,errno"]),
            rows,
            &["comm", "outcome", "errno"],
            |row| vec![json!(row.comm), json!(row.outcome), json!(row.errno)],
        );
        check(&ask(&["destinations", "--top", "0"]), rows, &["dst_addr", "dst_port"], |row| {
            vec![json!(row.dst_addr), json!(row.dst_port)]
        });
        check(&ask(&["timeseries", "--every", "1s"]), rows, &["time"], |row| {
            let second = (row.time - START) / S;
            vec![json!(format!("2026-01-01T00:00:{second:02}Z"))]
        });
    }
}
