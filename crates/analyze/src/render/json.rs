//! One object: `capture` says how far the figures can be believed, `rows` has
//! them. A summary has `outcomes`, `destinations` and `timeseries` besides.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::answer::{AnswerTable, Cell, Kind};
use crate::escape;
use crate::report::Report;
use crate::trust::{FileTrust, Trust};
use crate::units;

pub(super) fn render(report: &Report<'_>) -> String {
    let mut document = Map::new();
    document.insert("capture".to_owned(), capture(&report.trust));
    for section in &report.sections {
        document.insert(section.key.to_owned(), rows(&section.table));
    }
    // Values made of strings and numbers always serialise.
    let text = serde_json::to_string_pretty(&Value::Object(document)).unwrap_or_default();
    escape::json_document(&text) + "\n"
}

fn rows(table: &AnswerTable) -> Value {
    let row = |cells: &Vec<Cell>| {
        let pairs = cells.iter().zip(&table.columns);
        let pair = pairs.map(|(cell, column)| (column.name.clone(), value(cell, column.kind)));
        Value::Object(pair.collect())
    };
    table.rows.iter().map(row).collect()
}

fn value(cell: &Cell, kind: Kind) -> Value {
    match (cell, kind) {
        (Cell::Null | Cell::TooSmall, _) => Value::Null,
        (Cell::Text(text), _) => json!(text),
        (Cell::Ratio(ratio), _) => json!(ratio),
        (Cell::Integer(value), Kind::Time(decimals)) => json!(units::rfc3339(*value, decimals)),
        (Cell::Integer(value), _) => json!(value),
    }
}

fn capture(trust: &Trust<'_>) -> Value {
    let lost: BTreeMap<&str, u64> = trust.lost.iter().copied().collect();
    let warnings: Vec<Value> = trust
        .warnings
        .iter()
        .map(|warning| json!({"kind": warning.kind(), "message": warning.to_string()}))
        .collect();
    json!({
        "hosts": trust.hosts,
        "start": micros(trust.start),
        "stop": micros(trust.stop),
        "rows": trust.rows,
        "seen": trust.seen,
        "filtered": trust.filtered,
        "suppressed": trust.suppressed,
        "suppressed_total": trust.suppressed_total(),
        "lost": lost,
        "lost_total": trust.lost_total(),
        "clean": trust.clean,
        "unavailable": trust.unavailable(),
        "max_clock_error_us": trust.max_clock_error_us(),
        "warnings": warnings,
        "files": trust.files.iter().map(file).collect::<Value>(),
    })
}

fn file(file: &FileTrust<'_>) -> Value {
    let (capture, info, clock) = (file.capture, &file.capture.info, &file.clock);
    json!({
        "file": capture.path.to_string_lossy(),
        "bytes": capture.bytes,
        "rows": capture.rows,
        "format_version": info.format_version,
        "tool_version": info.tool_version,
        "host": info.host,
        "boot_id": info.boot_id,
        "machine_id_hash": info.machine_id_hash,
        "kernel_release": info.kernel_release,
        "arch": info.arch,
        "command_line": info.command_line,
        "filters": info.filters,
        "start": micros(info.start.time_us),
        "stop": micros(info.stop.time_us),
        "stop_reason": info.stop_reason,
        "clean": info.clean,
        "counters": info.counters,
        "sysctls": info.sysctls,
        "unavailable": info.unavailable,
        "clock": {
            "samples": clock.samples,
            "step_ns": clock.step_ns,
            "synchronised": clock.synchronised,
            "max_error_us": clock.max_error_us,
        },
    })
}

fn micros(us: i64) -> String {
    units::rfc3339(us, 6)
}
