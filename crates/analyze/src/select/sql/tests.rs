//! What is taken, what is refused, and what rows are chosen; `tests/cli`
//! compares with DuckDB.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;

use super::*;

/// Three rows: nginx, 7 and none of errno; one of them slow.
fn rows() -> RecordBatch {
    let text: DictionaryArray<Int32Type> = ["nginx", "7", "größe"].into_iter().collect();
    let columns: [(&str, ArrayRef); 7] = [
        ("comm", Arc::new(text)),
        ("errno", Arc::new(Int32Array::from(vec![Some(111), None, Some(110)]))),
        ("rtt_us", Arc::new(Int32Array::from(vec![None, Some(3_000), Some(i32::MAX)]))),
        ("latency_ns", Arc::new(Int64Array::from(vec![1, 50_000_000, i64::MAX]))),
        ("dst_port", Arc::new(Int32Array::from(vec![443, 80, 443]))),
        ("start_ns", Arc::new(Int64Array::from(vec![i64::MIN, 0, i64::MAX]))),
        (
            "time",
            Arc::new(
                TimestampMicrosecondArray::from(vec![1_767_225_600_000_000, 0, i64::MAX])
                    .with_timezone("UTC"),
            ),
        ),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn chosen(sql: &str) -> Vec<usize> {
    let condition = Condition::new(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let mask = condition.mask(&rows()).unwrap_or_else(|error| panic!("{sql}: {error}"));
    mask.set_indices().collect()
}

fn refusal(sql: &str) -> String {
    match Condition::new(sql) {
        Ok(condition) => match condition.mask(&rows()) {
            Ok(mask) => panic!("{sql} is taken: {:?}", mask.set_indices().collect::<Vec<_>>()),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

#[test]
fn rows_are_chosen() {
    for (sql, expected) in [
        ("dst_port = 443", &[0, 2][..]),
        ("DST_PORT == '443'", &[0, 2]),
        ("\"dst_port\" <> 443 -- not it", &[1]),
        ("errno IS NULL OR latency_ns BETWEEN 1 AND 5", &[0, 1]),
        ("errno = 111", &[0]),
        ("NOT errno = 111", &[2]),
        ("errno NOT IN (111, NULL)", &[]),
        ("errno IN (111, NULL)", &[0]),
        ("errno IS DISTINCT FROM 111", &[1, 2]),
        ("coalesce(errno, 0) = 0", &[1]),
        ("comm LIKE 'ngin%' AND NOT dst_port IN (80, 81)", &[0]),
        ("comm ILIKE 'GR%'", &[2]),
        ("upper(comm) = 'GRÖẞE' OR length(comm) = 1", &[1, 2]),
        ("regexp_matches(comm, '^[0-9]+$')", &[1]),
        ("TRY_CAST(comm AS INTEGER) = 7", &[1]),
        ("CASE WHEN comm = '7' THEN CAST(comm AS INTEGER) ELSE 0 END = 7", &[1]),
        ("CAST(dst_port AS VARCHAR) = '443'", &[0, 2]),
        ("true", &[0, 1, 2]),
        ("1 = 2", &[]),
        ("-dst_port < -100", &[0, 2]),
        ("dst_port % 100 = 43", &[0, 2]),
        ("dst_port // 100 = 4 AND dst_port & 1 = 1", &[0, 2]),
        ("dst_port * 0.1 = 44.3", &[0, 2]),
        ("dst_port / 2 = 221.5", &[0, 2]),
        ("greatest(errno, 111) = 111", &[0, 1, 2]),
        ("dst_port = 443 OR abs(start_ns - 5) = 5", &[0, 1, 2]),
        ("dst_port = 443 OR abs(start_ns) = 0", &[0, 1, 2]),
        ("dst_port = 80 AND 4000000000 * start_ns = 0", &[1]),
        ("CASE WHEN dst_port = 80 THEN 1 // dst_port ELSE 0 END = 0", &[0, 1, 2]),
        ("errno IS NULL OR 110 // (errno - 110 + 1) > 60", &[1, 2]),
        ("coalesce(errno, 5 % dst_port) = 5", &[1]),
        ("comm IN ('nginx', 'größe') AND comm NOT IN ('7')", &[0, 2]),
        ("(comm = 'nginx') IN (true)", &[0]),
        ("dst_port IN (443, 99999999999999999999)", &[0, 2]),
    ] {
        assert_eq!(chosen(sql), expected, "{sql}");
    }
}

#[test]
fn integers_never_wrap() {
    for (sql, expected) in [
        ("rtt_us * 1000 > 0", &[1, 2][..]),
        ("rtt_us + 2147483647 > 0", &[1, 2]),
        ("rtt_us * 1000 = 2147483647000", &[2]),
        ("dst_port * 10000000000000000 > 0", &[0, 1, 2]),
        ("2147483647 * 2 + dst_port > 2147483647", &[0, 1, 2]),
        ("latency_ns // 1000 <= latency_ns", &[0, 1, 2]),
    ] {
        assert_eq!(chosen(sql), expected, "{sql}");
    }
    for sql in [
        "latency_ns * latency_ns * latency_ns > 0",
        "latency_ns * 1000 > 0",
        "latency_ns + latency_ns > latency_ns",
        "start_ns - latency_ns < 0",
        "latency_ns < 9223372036854775808",
        "start_ns * start_ns >= 0",
        "abs(start_ns) > 0",
        "-start_ns > 0",
        "start_ns // -1 > 0",
        "latency_ns > 999999999999999999999999999999999999999",
        "CAST(latency_ns AS INTEGER) > 0",
        "CAST(latency_ns * 10 AS BIGINT) > 0",
    ] {
        refusal(sql);
    }
}

#[test]
fn durations_have_units_and_times_are_text() {
    for (sql, expected) in [
        ("latency >= 50ms", &[1, 2][..]),
        ("latency_ns >= 50 ms", &[1, 2]),
        ("latency_ns > 49_999_999", &[1, 2]),
        ("rtt_us = 3ms", &[1]),
        ("rtt > 2999μs AND rtt < 3001µs", &[1]),
        ("latency > '0.05s'", &[2]),
        ("latency - rtt = 47ms", &[1]),
        ("latency_ns IN (1ns, 50ms)", &[0, 1]),
        ("latency > 2 * 10h", &[2]),
        ("latency > -1s", &[0, 1, 2]),
        ("time >= '2026-01-01 00:00:00'", &[0, 2]),
        ("time < TIMESTAMP '2026-01-01T00:00:00Z'", &[1]),
        ("time BETWEEN '2025-12-31' AND '2026-01-02'", &[0]),
    ] {
        assert_eq!(chosen(sql), expected, "{sql}");
    }
    for (sql, hint) in [
        ("latency > 50", "unit"),
        ("dst_port > 50ms", "durations are latency and rtt"),
        ("rtt_us * 1000 > 50ms", "durations"),
        ("start_ns > 5s", "durations"),
        ("latency_ns > 50 msec", "not a unit"),
        ("latency_ns > 50 MS", "not a unit"),
        ("latency > 0.1ns", "whole nanoseconds"),
        ("time > 5", "--from"),
        ("time > '12:00'", "--from"),
        ("time > now()", "--from"),
        ("time > current_timestamp", "--from"),
        ("time - 5s > '2026-01-01'", "--from"),
    ] {
        assert!(refusal(sql).contains(hint), "{sql}: {}", refusal(sql));
    }
}

/// Each is refused, in words that hold none of a library's.
#[test]
fn what_has_no_clear_meaning_is_refused() {
    let deep = format!("{}1 = 1{}", "(".repeat(500), ")".repeat(500));
    let nots = "NOT ".repeat(900) + "true";
    let sums = "dst_port".to_owned() + &" + 1".repeat(900) + " > 5";
    let minus = "- ".repeat(1_900) + "1 = 1";
    let cases = "CASE WHEN ".repeat(300) + "true";
    for sql in [
        "",
        "  ",
        "-- nothing",
        "/* ",
        "'abc",
        "latency_ns",
        "1",
        "'abc'",
        "x = 1",
        "comm = nginx",
        "comm = \"nginx\"",
        "c.comm = 'nginx'",
        "dst_port = 8080 nonsense",
        "dst_port = 8080 AS x",
        "dst_port = 1; dst_port = 2",
        "dst_port = 1;",
        "dst_port = 1, dst_port = 2",
        "comm > 5",
        "comm = 7",
        "dst_port = 'http'",
        "dst_port > '4.5'",
        "comm = true",
        "errno = NULL",
        "errno <> NULL",
        "1 < dst_port < 500",
        "dst_port = 443 = true",
        "latency_ns > AVG(latency_ns)",
        "max(pid) = pid",
        "count(*) > 5",
        "row_number() OVER () = 1",
        "first_value(pid) OVER (ORDER BY time) = pid",
        "pid IN (SELECT 1)",
        "EXISTS (SELECT 1)",
        "(SELECT true)",
        "dst_port IN ()",
        "dst_port IN (80, 'x')",
        "dst_port = ?",
        "dst_port = $1",
        "dst_port ^ 2 > 5",
        "dst_port & 1 | 2 > 0",
        "comm ~ 'a'",
        "comm SIMILAR TO 'a'",
        "comm LIKE 5",
        "dst_port LIKE '4%'",
        "comm LIKE 'a!' ESCAPE '!'",
        "regexp_matches(comm, '(')",
        "regexp_matches(comm, 'a{1000}{1000}{1000}')",
        "nosuch(comm) = 'a'",
        "CAST(comm AS DATE) = '2026-01-01'",
        "CAST(comm AS POINT) = 1",
        "greatest(comm, 'a') = 'a'",
        "comm || 1 = 'a1'",
        "comm + 1 = 2",
        "INTERVAL '5' SECOND > 5",
        "*",
        "COLUMNS(*) > 5",
        "[1, 2]",
        "{'a': 1}",
        "x -> x + 1",
        "dst_port BETWEEN 1",
        "dst_port = 4 4 3",
        "dst_port = 0x1bb",
        "dst_port / 0 > 1",
        "dst_port % 0 > 1",
        "dst_port // (errno - errno) > 1",
        "CAST(comm AS INTEGER) > 5",
        "CAST(comm AS DOUBLE) > 5",
        &deep,
        &nots,
        &sums,
        &minus,
        &cases,
        &"a".repeat(5_000),
    ] {
        let why = refusal(sql);
        assert!(why.starts_with("--where "), "{why}");
        assert!(why.len() < 500 && !why.contains('\n'), "{why}");
        for word in ["panic", "parser", "Parser", "Expected", "polars", "unwrap", "Line:"] {
            assert!(!why.contains(word), "{sql}: {why}");
        }
    }
}

#[test]
fn a_long_chain_of_conditions_is_taken() {
    let many = vec!["dst_port = 443"; 220].join(" OR ");
    assert_eq!(chosen(&many), [0, 2]);
    let many = vec!["dst_port > 79"; 220].join(" AND ");
    assert_eq!(chosen(&many), [0, 1, 2]);
}

/// Each part is asked about what those before it leave open, which must not be
/// written out again for each.
#[test]
fn a_long_chain_of_what_can_fail_stays_short() {
    for (word, expected) in [(" AND ", &[0, 2][..]), (" OR ", &[0, 1, 2])] {
        let parts: Vec<_> = (0..170).map(|n| format!("dst_port//{}>0", n + 1)).collect();
        let sql = parts.join(word);
        assert_eq!(chosen(&sql), expected, "{word}");
        let lowered = Condition::new(&sql).expect("a condition").lowered;
        assert_eq!(lowered.steps.len(), 2 * 169);
        let written = lowered.steps.iter().chain(lowered.failures.iter().map(|one| &one.when));
        for expr in written {
            assert!(format!("{expr:?}").len() < 1_000, "{expr:?}");
        }
    }
    for (sql, expected) in [
        ("1 = 1 AND 4 // 2 = 2 AND 5 // 5 = 1", &[0, 1, 2][..]),
        ("1 = 2 AND 4 // 0 = 2", &[]),
        ("comm LIKE '%n%' AND length(comm) + 1 = 6 AND 7 // length(comm) = 1", &[0]),
    ] {
        assert_eq!(chosen(sql), expected, "{sql}");
    }
}

#[test]
fn only_the_columns_it_names_are_read() {
    let condition = Condition::new("dst_port = 443 AND comm <> 'x' AND latency > 1s");
    let condition = condition.expect("a condition");
    let mut columns: Vec<_> = condition.columns().collect();
    columns.sort_unstable();
    assert_eq!(columns, ["comm", "dst_port", "latency_ns"]);
}
