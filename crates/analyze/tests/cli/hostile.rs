//! Text chosen by an attacker, in every format and everywhere it is shown.

use std::collections::BTreeMap;

use connlat_schema::capture::metadata::StopReason;

use super::capture::{Capture, Connect};
use super::program::Dir;

const HOSTILE: &str = "\u{1b}]0;x\u{7}<script>|=1+1";
const FORMULA: &str = "=cmd|' /C calc'!A0";
const REORDERED: &str = "a\u{202e}gpj.exe\u{200b}\u{9b}31m";

fn write(dir: &Dir) {
    let mut rows = Vec::new();
    for text in [HOSTILE, FORMULA, REORDERED, "a\r\nb\t\"c\",d", "-1", "@x", "`*_[x](y)_*`\\"] {
        let mut row = Connect::at(0, 1_000).to(text, 443);
        row.comm = text.into();
        row.cgroup = text.into();
        rows.push(row);
    }
    rows[0].outcome = HOSTILE.into();
    for (row, latency) in rows.iter_mut().zip([i64::MIN, i64::MAX, i64::MAX, -1]) {
        row.latency_ns = latency;
        row.syn_retransmits = i32::MAX;
    }
    // Enough of the same for findings to name it.
    for n in 0..12 {
        let mut row = Connect::at(n * 4_800_000, 3_000_000_000).to(HOSTILE, 443);
        row.comm = HOSTILE.into();
        row.cgroup = REORDERED.into();
        rows.push(row.failed(connlat_schema::Outcome::Aborted, None));
    }
    let mut capture = Capture::of(rows);
    let info = &mut capture.info;
    info.host = HOSTILE.into();
    info.kernel_release = HOSTILE.into();
    info.arch = REORDERED.into();
    info.tool_version = HOSTILE.into();
    info.clean = false;
    info.stop_reason = StopReason::Failed(format!("{HOSTILE}\n{REORDERED}"));
    info.filters = BTreeMap::from([(HOSTILE.into(), vec![REORDERED.into()])]);
    info.unavailable = vec![HOSTILE.into()];
    info.counters.suppressed = BTreeMap::from([(HOSTILE.into(), 3)]);
    info.counters.seen = u64::MAX;
    info.counters.lost.ring_full = u64::MAX;
    info.counters.lost.recorder = u64::MAX;
    info.counters.lost.program_misses = u64::MAX;
    info.clock[1].realtime_ns = i64::MIN;
    info.clock[2].max_error_us = Some(i64::MAX);
    capture.write(dir.path("h.parquet"));
}

#[test]
fn nothing_acts_in_any_format() {
    let dir = Dir::new();
    write(&dir);
    let questions: [&[&str]; 13] = [
        &["outcomes", "--by", "dst,subnet/24"],
        &["processes"],
        &["cgroups"],
        &["histogram", "--by", "comm"],
        &["heatmap"],
        &["slowest"],
        &["events", "--where", "comm <> '\u{1b}[31m'"],
        &["info"],
        &["diff", "--split", "+30s", "--by", "comm,dst"],
        &["summary"],
        &["percentiles", "--by", "comm,cgroup,host,outcome"],
        &["destinations"],
        &["timeseries", "--every", "10s"],
    ];
    for question in questions {
        for format in ["table", "json", "csv", "markdown"] {
            let args = [question, &["--format", format, "h.parquet"]].concat();
            let run = dir.analyze(&args);
            for c in run.stderr.chars() {
                assert!(c == '\n' || !c.is_control(), "{args:?}: {c:?} on stderr");
            }
            let text = run.text();
            for c in text.chars() {
                let acts = c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c);
                assert!(c == '\n' || !acts, "{args:?}: {c:?}");
            }
            if format == "markdown" {
                assert!(!text.contains("<script>"), "{text}");
            }
        }
    }
}

#[test]
fn json_keeps_the_text_as_it_was() {
    let dir = Dir::new();
    write(&dir);
    let args = ["percentiles", "--by", "comm", "--format", "json", "h.parquet"];
    let answer = dir.analyze(&args).json();
    let rows = answer["rows"].as_array().expect("rows");
    for text in [HOSTILE, FORMULA, REORDERED] {
        assert!(rows.iter().any(|row| row["comm"] == text), "{text:?}");
    }
    assert_eq!(answer["capture"]["files"][0]["host"], HOSTILE);
}

#[test]
fn csv_cells_are_no_formulas_and_stay_in_their_columns() {
    let dir = Dir::new();
    write(&dir);
    let args = ["percentiles", "--by", "comm", "--format", "csv", "h.parquet"];
    let text = dir.analyze(&args).text();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<_> = reader.records().collect::<Result<_, _>>().expect("even rows");
    assert_eq!(rows.len(), 7);
    let names: Vec<&str> = rows.iter().map(|row| &row[0]).collect();
    assert!(names.iter().all(|name| !name.starts_with(['=', '-', '@', '+'])), "{names:?}");
    assert!(names.contains(&"'-1"));
    assert!(names.contains(&r#"a\x0d\x0ab\x09"c",d"#), "{names:?}");
}

#[test]
fn markdown_rows_have_the_cells_of_the_heading() {
    let dir = Dir::new();
    write(&dir);
    let args = ["percentiles", "--by", "comm", "--format", "markdown", "h.parquet"];
    let text = dir.analyze(&args).text();
    let cells = |line: &str| line.replace(r"\\", "").replace(r"\|", "").matches('|').count();
    let table: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(table.len(), 9);
    assert!(table.iter().all(|line| cells(line) == cells(table[0])), "{text}");
}
