//! `--where` against DuckDB: the same rows, or a clear no.
//!
//! Needs what `duckdb.rs` needs.

use test_support::skip;

use super::capture::Capture;
use super::duckdb::oracle;
use super::oracle::random_rows;
use super::program::Dir;

/// Each has an answer, which is that of DuckDB.
const TAKEN: [&str; 73] = [
    "dst_port = 443",
    "DST_PORT == 443",
    "\"Dst_Port\" != 443",
    "dst_port = '443'",
    "dst_port IN ('443', 80)",
    "dst_port IN (443, NULL)",
    "dst_port NOT IN (443, NULL)",
    "dst_port NOT IN (443, 80)",
    "errno = 111",
    "errno <> 111",
    "NOT errno = 111",
    "NOT (errno = 111)",
    "errno IS NULL",
    "errno IS NOT NULL",
    "errno NOTNULL",
    "errno IS DISTINCT FROM 111",
    "errno IS NOT DISTINCT FROM 111",
    "(errno = 111) IS NULL",
    "(errno = 111) IS TRUE",
    "(errno = 111) IS NOT TRUE",
    "(errno = 111) IS FALSE",
    "(errno = 111) IS NOT FALSE",
    "errno = 111 OR comm = 'curl'",
    "errno = 111 AND comm = 'curl'",
    "NOT (errno = 111 AND comm = 'curl')",
    "errno BETWEEN 100 AND 112",
    "errno NOT BETWEEN 100 AND 112",
    "comm = 'CURL'",
    "comm LIKE 'cu%'",
    "comm LIKE 'c_rl'",
    "comm LIKE '%\\_%'",
    "comm LIKE '%!_%' ESCAPE '!'",
    "comm NOT LIKE 'cu%'",
    "comm ILIKE 'CU%'",
    "comm NOT ILIKE 'CU%'",
    "comm < 'd'",
    "comm > 'Z'",
    "comm BETWEEN 'a' AND 'd'",
    "upper(comm) = 'CURL'",
    "length(comm) = 4",
    "length(cgroup) % 2 = 0",
    "starts_with(comm, 'cu')",
    "ends_with(comm, 'l')",
    "contains(comm, 'r')",
    "regexp_matches(comm, '^[a-m]')",
    "comm || '!' = 'curl!'",
    "coalesce(errno, 0) = 0",
    "ifnull(errno, 5) = 5",
    "nullif(dst_port, 443) IS NULL",
    "greatest(errno, 100) = 100",
    "least(errno, 100) = 100",
    "abs(latency_ns - 1000000) < 500000",
    "CASE WHEN errno = 111 THEN 1 WHEN errno IS NULL THEN 2 ELSE 3 END = 2",
    "CASE dst_port WHEN 443 THEN 'a' ELSE comm END = 'a'",
    "CASE WHEN errno = 111 THEN 1 END IS NULL",
    "CAST(dst_port AS VARCHAR) = '443'",
    "dst_port::BIGINT = 443",
    "TRY_CAST(comm AS INTEGER) IS NULL",
    "CAST('443' AS INTEGER) = dst_port",
    "latency_ns / 3 > 300000.5",
    "latency_ns // 1000 = 1000",
    "-latency_ns // 1000000 = -1",
    "latency_ns % 7 = 3",
    "-latency_ns % 7 = -3",
    "latency_ns * 0.1 > 100000.0",
    "latency_ns * 2 + 1 > 2e6",
    "rtt_us::BIGINT * 1000 > 100000",
    "latency_ns & 3 = 1",
    "time >= '2026-01-01 00:00:10'",
    "time < TIMESTAMPTZ '2026-01-01 00:00:10.5+00'",
    "time BETWEEN '2026-01-01' AND '2026-01-01 00:00:01'",
    "(dst_port = 443) = (comm = 'curl')",
    "true AND 1 = 1 /* all */ -- of them",
];

/// DuckDB has an answer to some, which would have to be the same.
const MAY_BE_REFUSED: [&str; 45] = [
    "errno ISNULL",
    "dst_port",
    "1",
    "'true'",
    "NULL",
    "errno = NULL",
    "dst_port = '44x'",
    "dst_port > '442.5'",
    "comm = 5",
    "comm > 5",
    "CAST(comm AS INTEGER) > 5",
    "dst_port / 0 > 1",
    "dst_port % 0 = 0",
    "dst_port // 0 = 0",
    "rtt_us * 1000000 > 5",
    "rtt_us * 1000 > 5",
    "latency_ns * 10000000000 > 5",
    "latency_ns * latency_ns > 5",
    "dst_port + 2147483647 > 0",
    "latency_ns > 99999999999999999999999",
    "latency_ns > 999999999999999999999999999999999999999999",
    "CAST(latency_ns AS TINYINT) > 0",
    "avg(latency_ns) > 5",
    "row_number() OVER () = 1",
    "dst_port IN (SELECT 443)",
    "EXISTS (SELECT 1)",
    "comm ~ 'cu'",
    "comm SIMILAR TO 'cu.*'",
    "comm GLOB 'cu*'",
    "1 < dst_port < 500",
    "dst_port = 443 = true",
    "dst_port ^ 2 > 5",
    "dst_port & 1 | 2 > 0",
    "4 | 2 & 1 = 4",
    "NOT dst_port & 1 = 0",
    "dst_port = 443 nonsense",
    "dst_port = 443; dst_port = 80",
    "dst_port = 4 4 3",
    "round(latency_ns / 1000) = 5",
    "time > 5",
    "hour(time) = 0",
    "dst_port = 443.0",
    "dst_port = 443.5",
    "dst_port IN (443.0, 80.5)",
    "lower(comm) = lower('CURL')",
];

#[test]
fn conditions_choose_the_rows_that_duckdb_chooses() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(15);
    Capture::of(random_rows(&mut random, 3_000, 8)).write(dir.path("c.parquet"));
    let conditions = [&TAKEN[..], &MAY_BE_REFUSED[..]].concat();
    let mut arguments = vec!["c.parquet".to_owned()];
    arguments.extend(conditions.iter().map(|condition| (*condition).to_owned()));
    let expected = match oracle(&dir, "where.py", &arguments) {
        Ok(expected) => expected,
        Err(reason) => return skip(reason),
    };
    let expected = expected.as_array().expect("a list");
    let mut wrong = Vec::new();
    for (at, (condition, expected)) in conditions.iter().zip(expected).enumerate() {
        let args = ["percentiles", "--format", "json", "--where", condition, "c.parquet"];
        let run = dir.analyze(&args);
        match run.code {
            Some(0) => {
                let found = &run.json()["rows"][0]["connects"];
                // Where DuckDB overflows there is an exact answer here.
                if found != expected && (at < TAKEN.len() || !expected.is_null()) {
                    wrong.push(format!("{condition}: {found}, DuckDB {expected}"));
                }
            }
            Some(2) if at >= TAKEN.len() => {
                assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
                assert!(run.stderr.starts_with("analyze: --where "), "{}", run.stderr);
            }
            other => wrong.push(format!("{condition}: {other:?}: {}", run.stderr)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What begins with a dash is a value, not an option.
#[test]
fn a_condition_may_begin_with_a_dash() {
    let dir = Dir::new();
    Capture::of(vec![super::capture::Connect::at(0, 5)]).write(dir.path("c.parquet"));
    let count = |sql: &str| {
        let answer = dir.analyze(&["percentiles", "--format", "json", "--where", sql, "c.parquet"]);
        answer.json()["rows"][0]["connects"].clone()
    };
    assert_eq!(count("-dst_port < 0"), 1);
    assert_eq!(count("-1 > dst_port"), 0);
    let run = dir.analyze(&["check", "--fail-if", "-1 > p99", "c.parquet"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("figures are"), "{}", run.stderr);
}
