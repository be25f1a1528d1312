//! Captures that do not hold everything, or hardly anything.

use std::collections::BTreeMap;

use connlat_schema::Outcome;

use super::{findings, findings_of, kinds, kinds_of, ordinary, rows_shown, text};
use crate::capture::{Capture, Connect, S};
use crate::program::Dir;

/// A destination that refuses half a minute, then answers.
fn restarted() -> Vec<Connect> {
    let (mut rows, _) = ordinary(20);
    for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.1.1") {
        if row.time < crate::capture::START + 30 * S {
            *row = row.clone().failed(Outcome::Refused, Some(111));
        }
    }
    rows
}

#[test]
fn few_rows_carry_few_findings() {
    let dir = Dir::new();
    assert_eq!(kinds(&dir, &Capture::of(Vec::new())), [""; 0]);
    let one = |n: i64| Connect::at(n * S, 300_000 * (1 + n * 99)).to("10.0.0.2", 80);
    let rows: Vec<Connect> = (0..3).map(one).collect();
    assert_eq!(kinds(&dir, &Capture::of(rows.clone())), [""; 0]);
    for (outcome, errno) in [
        (Outcome::Refused, Some(111)),
        (Outcome::Unreachable, Some(113)),
        (Outcome::Aborted, None),
        (Outcome::InFlight, None),
    ] {
        let mut rows = rows.clone();
        rows[1] = rows[1].clone().failed(outcome, errno);
        rows[2] = rows[2].clone().failed(outcome, errno);
        assert_eq!(kinds(&dir, &Capture::of(rows)), [""; 0], "{outcome:?}");
    }
}

/// Lost events make counts too low; they neither make a finding nor hide one,
/// and are said beside it.
#[test]
fn losses_are_no_finding_and_hide_none() {
    let dir = Dir::new();
    let (healthy, mut random) = ordinary(20);
    for (rows, expected) in [(healthy, None), (restarted(), Some("refused_burst"))] {
        let mut capture = Capture::of(rows);
        let burst = crate::capture::START + 20 * S..crate::capture::START + 40 * S;
        let before = capture.rows.len();
        capture.rows.retain(|row| !burst.contains(&row.time) || random.u8(..3) == 0);
        let lost = (before - capture.rows.len()) as u64;
        let counters = &mut capture.info.counters;
        counters.written -= lost;
        counters.lost.ring_full = lost;
        let found = findings(&dir, &capture);
        assert_eq!(found.first().and_then(|finding| finding["kind"].as_str()), expected);
        let page = dir.analyze(&["summary", "f.parquet"]).text();
        assert!(page.contains(&format!("warning: {lost} connects lost (")), "{page}");
    }
}

/// What is left out by outcome or latency would make the rest look worse.
#[test]
fn a_selection_by_result_is_not_compared_with_itself() {
    let dir = Dir::new();
    let capture = Capture::of(restarted());
    assert_eq!(findings(&dir, &capture)[0]["kind"], "refused_burst");
    for selection in [
        &["--failed"][..],
        &["--established"],
        &["--where", "outcome = 'refused'"],
        &["--where", "latency_ns > 400000"],
    ] {
        let args = [selection, &["f.parquet"]].concat();
        assert_eq!(kinds_of(&findings_of(&dir, &args)), [""; 0], "{selection:?}");
        let page = dir.analyze(&[&["summary"], &args[..]].concat()).text();
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(page.contains("were not looked for: the selection is by how"), "{page}");
    }
    // By destination nothing is lost.
    let of_host = findings_of(&dir, &["--where", "dst_addr = '10.0.1.1'", "f.parquet"]);
    assert_eq!(of_host[0]["kind"], "refused_burst");

    // The command shows the rows of what was asked for.
    let args = ["--from", "+10s", "--where", "dst_port = 1 OR dst_port = 443", "f.parquet"];
    let found = findings_of(&dir, &args);
    assert_eq!(found[0]["kind"], "refused_burst");
    assert_eq!(found[0]["connects"], rows_shown(&dir, &found[0]));
    let of_all = &findings_of(&dir, &["f.parquet"])[0];
    assert!(found[0]["connects"].as_i64() < of_all["connects"].as_i64(), "{found:?}");

    let mut filtered = capture;
    filtered.info.filters = BTreeMap::from([("min_latency_ns".into(), vec!["1000".into()])]);
    assert_eq!(kinds(&dir, &filtered), [""; 0]);
}

#[test]
fn what_does_not_answer_needs_no_comparison() {
    let dir = Dir::new();
    let (mut rows, _) = ordinary(21);
    for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.1.2") {
        *row = row.clone().failed(Outcome::TimedOut, Some(110));
        row.latency_ns = 127_000_000_000;
    }
    let mut capture = Capture::of(rows);
    assert!(text(&findings(&dir, &capture)[0]).contains("nothing ever came back from it"));
    capture.info.filters = BTreeMap::from([("min_latency_ns".into(), vec!["1000".into()])]);
    let found = findings(&dir, &capture);
    assert_eq!(found[0]["kind"], "no_answer");
    assert!(!text(&found[0]).contains("came back"), "{found:?}");
}

/// Names of programs and hosts come from whoever made the capture.
#[test]
fn hostile_names_do_nothing_in_a_shell() {
    let dir = Dir::new();
    let names =
        ["$(touch pwned)", "`touch pwned`", "\"; touch pwned; \"", "a'b", "two  words", "x\\"];
    for name in names {
        let (mut rows, _) = ordinary(22);
        for n in 0..30 {
            let mut row = Connect::at(n * S, 3_000_000_000);
            row.comm = name.into();
            row.cgroup = name.into();
            rows.push(row.to("10.0.9.9", 80).failed(Outcome::Aborted, None));
        }
        // Refused wherever it goes: the program is who the finding is about.
        let (others, _) = ordinary(23);
        for mut row in others.into_iter().take(200) {
            row.comm = name.into();
            rows.push(row.failed(Outcome::Refused, Some(111)));
        }
        let found = findings(&dir, &Capture::of(rows));
        let kinds = kinds_of(&found);
        for kind in ["no_answer", "refused"] {
            assert!(kinds.contains(&kind.to_owned()), "{name}: {found:?}");
        }
        assert!(!dir.path("pwned").exists(), "{name}");
    }
}
