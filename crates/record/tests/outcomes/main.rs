//! Every way a connect can end, made on purpose and compared with its row.
//!
//! Each case runs in a network namespace of its own and knows what it did: who
//! connected, to where, when, and what came of it. One real recorder watches
//! them all. A row that differs, is missing, or that no case explains fails
//! the test. `cargo test --test outcomes -- --nocapture` prints the table.
//!
//! Needs root and BPF, and nothing else but a kernel; `nft` for two cases.
//! `CONNLAT_RECORD` names another recorder than this build's.

mod cases;
mod child;
mod client;
mod expected;
mod judge;
mod namespace;
mod netlink;
mod packet;
mod responder;
mod stage;
#[expect(dead_code, reason = "shared with the live tests, which use all of it")]
#[path = "../live/support.rs"]
mod support;
mod table;
mod tun;

use judge::{Line, Verdict};

#[test]
fn every_attempt_is_one_row_and_the_right_one() {
    if !support::bpf_available() {
        return;
    }
    let mut lines = pass(cases::ALL, &[]);
    if offers("--trace-local-errors") {
        lines.extend(pass(cases::TRACED, &["--trace-local-errors"]));
    } else {
        lines.extend(cases::TRACED.iter().map(|case| Line {
            case: case.name.to_owned(),
            expected: String::new(),
            recorded: String::new(),
            verdict: Verdict::Skipped("not built yet: --trace-local-errors".to_owned()),
        }));
    }
    eprint!("{}", table::table(&lines));
    let wrong: Vec<&str> = lines
        .iter()
        .filter(|line| matches!(line.verdict, Verdict::Wrong(_)))
        .map(|line| line.case.as_str())
        .collect();
    assert!(wrong.is_empty(), "{} of {} lines are wrong: {wrong:?}", wrong.len(), lines.len());
}

fn pass(cases: &[stage::Case], arguments: &[&str]) -> Vec<Line> {
    let (capture, done) = stage::run(cases, arguments);
    let lost = capture.info.counters.lost;
    assert_eq!(lost.total(), 0, "the recorder lost events: {lost:?}");
    judge::judge(&done, &capture.rows)
}

/// Whether the recorder has this option.
fn offers(option: &str) -> bool {
    String::from_utf8_lossy(&support::run(&["--help"]).stdout).contains(option)
}
