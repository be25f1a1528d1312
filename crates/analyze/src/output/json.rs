//! One object: `capture` says how far the figures can be believed, `rows` has
//! them. A summary has `outcomes`, `destinations` and `timeseries` besides.
//!
//! Keys keep the order of the columns, which is also the order to read in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;

use connlat_schema::capture::merged::Merged;
use connlat_schema::capture::metadata::{Counters, NetworkInfo, Redaction, StopReason};
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::json_integers;
use super::json_text::Escaping;
use super::sink::RenderError;
use crate::answer::Report;
use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::cli::args::Integers;
use crate::findings::{Counts, Finding};
use crate::quality::{FileTrust, Trust};
use crate::scan::ScanError;
use crate::units;

pub(super) fn render(
    report: &Report<'_>,
    integers: Integers,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    let formatter = json_integers::Pretty::new(integers);
    let mut serializer = serde_json::Serializer::with_formatter(Escaping(&mut *out), formatter);
    let document = Document { report, failed: RefCell::new(None) };
    let written = document.serialize(&mut serializer);
    if let Some(error) = document.failed.into_inner() {
        return Err(error.into());
    }
    written?;
    Ok(out.write_all(b"\n")?)
}

struct Document<'a> {
    report: &'a Report<'a>,
    /// Why rows could not be read: serde_json keeps words only.
    failed: RefCell<Option<ScanError>>,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("capture", &Capture::from(self.report.trust))?;
        if let Some((selection, rows)) = &self.report.selected {
            let selected = serde_json::json!({ "selection": selection, "rows": rows });
            map.serialize_entry("selected", &selected)?;
        }
        if let Some(findings) = &self.report.findings {
            map.serialize_entry("findings", &findings.iter().map(finding).collect::<Vec<_>>())?;
        }
        for section in &self.report.sections {
            map.serialize_entry(section.key, &Rows(&section.table, &self.failed))?;
        }
        let notes: Vec<&String> =
            self.report.sections.iter().flat_map(|section| &section.table.notes).collect();
        if !notes.is_empty() {
            map.serialize_entry("notes", &notes)?;
        }
        map.end()
    }
}

/// A finding: what is not known is null, not left out.
fn finding(finding: &Finding) -> serde_json::Value {
    let time = |us: Option<i64>| us.map(|us| units::rfc3339(us, 6));
    let scope: serde_json::Map<String, serde_json::Value> = finding
        .scope
        .iter()
        .map(|(name, value)| ((*name).to_owned(), serde_json::json!(value)))
        .collect();
    let mut fields = serde_json::json!({
        "kind": finding.kind,
        "symptom": finding.symptom,
        "cause": finding.cause,
        "alternatives": finding.alternatives,
        "scope": scope,
        "examples": finding.examples,
        "began": time(finding.began),
        "ended": time(finding.ended),
        "ongoing": finding.ongoing,
        "pattern": finding.pattern,
        "connects": finding.connects,
        "of": finding.of,
        "good": finding.good,
        "waited_ns": finding.waited_ns,
        "confidence": finding.confidence.name(),
        "text": finding.text,
        "command": finding.command,
    });
    if let (Some(picture), Some(fields)) = (&finding.picture, fields.as_object_mut()) {
        let counts = |key: &str, counts: &Counts| -> serde_json::Value {
            let named = counts.named.iter();
            named
                .map(|(name, connects)| serde_json::json!({ key: name, "connects": connects }))
                .collect()
        };
        let grid = picture.grid;
        let starts = (0..).map(|at: i64| grid.first.saturating_add(at.saturating_mul(grid.every)));
        let over_time = starts.zip(&picture.connects).filter(|(_, connects)| **connects > 0);
        let over_time = over_time.map(|(start, connects)| {
            let time = units::rfc3339(start, units::decimals_for(grid.every));
            serde_json::json!({ "time": time, "connects": connects })
        });
        fields.insert("over_time".to_owned(), over_time.collect());
        fields.insert("programs".to_owned(), counts("comm", &picture.programs));
        fields.insert("destinations".to_owned(), counts("dst", &picture.destinations));
        // They are held, so reading cannot fail.
        let (table, failed) = (AnswerTable::single(picture.rows.clone(), None), RefCell::default());
        let rows = serde_json::to_value(Rows(&table, &failed));
        fields.insert("rows".to_owned(), rows.unwrap_or_default());
    }
    fields
}

struct Rows<'a>(&'a AnswerTable<'a>, &'a RefCell<Option<ScanError>>);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(table, failed) = self;
        let mut rows = serializer.serialize_seq(None)?;
        for row in table.rows.each() {
            let row = row.map_err(|error| {
                let custom = S::Error::custom(&error);
                failed.replace(Some(error));
                custom
            })?;
            rows.serialize_element(&Row(&table.columns, &row))?;
        }
        rows.end()
    }
}

struct Row<'a>(&'a [Column], &'a [Cell]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cells = self.0.iter().zip(self.1).filter(|(column, _)| column.kind != Kind::Bar);
        serializer.collect_map(cells.map(|(column, cell)| (&column.name, Value(cell, column.kind))))
    }
}

struct Value<'a>(&'a Cell, Kind);

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (Cell::Null | Cell::TooSmall, _) => serializer.serialize_none(),
            (Cell::Text(text), _) => serializer.serialize_str(text),
            (Cell::Ratio(ratio), _) => serializer.serialize_f64(*ratio),
            (Cell::Integer(value), Kind::Time(decimals)) => {
                serializer.serialize_str(&units::rfc3339(*value, decimals))
            }
            (Cell::Integer(value), _) => serializer.serialize_i64(*value),
        }
    }
}

#[derive(serde::Serialize)]
struct Capture<'a> {
    hosts: &'a [&'a str],
    machines: usize,
    start: String,
    stop: String,
    rows: u64,
    seen: u64,
    filtered: u64,
    suppressed: &'a BTreeMap<&'a str, u64>,
    suppressed_total: u64,
    lost: BTreeMap<&'a str, u64>,
    lost_total: u64,
    missed: u64,
    clean: bool,
    unavailable: Vec<&'a str>,
    max_clock_error_us: Option<i64>,
    warnings: Vec<Warning>,
    files: Vec<File<'a>>,
}

#[derive(serde::Serialize)]
struct Warning {
    kind: &'static str,
    message: String,
}

#[derive(serde::Serialize)]
struct File<'a> {
    file: String,
    bytes: u64,
    rows: u64,
    format_version: u32,
    tool_version: &'a str,
    host: &'a str,
    boot_id: &'a str,
    machine_id_hash: Option<&'a str>,
    kernel_release: &'a str,
    arch: &'a str,
    command_line: &'a [String],
    filters: &'a BTreeMap<String, Vec<String>>,
    start: String,
    stop: String,
    stop_reason: &'a StopReason,
    clean: bool,
    counters: &'a Counters,
    sysctls: &'a BTreeMap<String, String>,
    sysctls_netns: Option<i64>,
    networks: &'a [NetworkInfo],
    account_problem: Option<&'a str>,
    unavailable: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    merged: Option<&'a Merged>,
    redacted: Option<&'a Redaction>,
    clock: Clock,
}

#[derive(serde::Serialize)]
struct Clock {
    samples: usize,
    step_ns: Option<i64>,
    synchronised: Option<bool>,
    max_error_us: Option<i64>,
}

impl<'a> From<&'a Trust<'a>> for Capture<'a> {
    fn from(trust: &'a Trust<'a>) -> Self {
        let warning = |warning: &crate::quality::Warning| Warning {
            kind: warning.kind(),
            message: warning.to_string(),
        };
        Self {
            hosts: &trust.hosts,
            machines: trust.machines,
            start: micros(trust.start),
            stop: micros(trust.stop),
            rows: trust.rows,
            seen: trust.seen,
            filtered: trust.filtered,
            suppressed: &trust.suppressed,
            suppressed_total: trust.suppressed_total(),
            lost: trust.lost.iter().copied().collect(),
            lost_total: trust.lost_total(),
            missed: trust.missed,
            clean: trust.clean,
            unavailable: trust.unavailable(),
            max_clock_error_us: trust.max_clock_error_us(),
            warnings: trust.warnings.iter().map(warning).collect(),
            files: trust.files.iter().map(File::from).collect(),
        }
    }
}

impl<'a> From<&'a FileTrust<'a>> for File<'a> {
    fn from(file: &'a FileTrust<'a>) -> Self {
        let (capture, info, clock) = (file.capture, &file.capture.info, &file.clock);
        Self {
            file: capture.path.to_string_lossy().into_owned(),
            bytes: capture.bytes,
            rows: capture.rows,
            format_version: info.format_version,
            tool_version: &info.tool_version,
            host: &info.host,
            boot_id: &info.boot_id,
            machine_id_hash: info.machine_id_hash.as_deref(),
            kernel_release: &info.kernel_release,
            arch: &info.arch,
            command_line: &info.command_line,
            filters: &info.filters,
            start: micros(info.start.time_us),
            stop: micros(info.stop.time_us),
            stop_reason: &info.stop_reason,
            clean: info.clean,
            counters: &info.counters,
            sysctls: &info.sysctls,
            sysctls_netns: info.sysctls_netns,
            networks: &info.networks,
            account_problem: info.account_problem.as_deref(),
            unavailable: &info.unavailable,
            merged: info.merged.as_ref(),
            redacted: info.redacted.as_ref(),
            clock: Clock {
                samples: clock.samples,
                step_ns: clock.step_ns,
                synchronised: clock.synchronised,
                max_error_us: clock.max_error_us,
            },
        }
    }
}

fn micros(us: i64) -> String {
    units::rfc3339(us, 6)
}
