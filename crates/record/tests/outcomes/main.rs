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
mod packet;
mod responder;
mod stage;
mod table;
mod tun;
use test_support::{bpf_available, skip_as};

use judge::{Line, Verdict};
use stage::Skip;

#[test]
fn every_attempt_is_one_row_and_the_right_one() {
    if !bpf_available() {
        return;
    }
    let mut lines = pass(cases::ALL, &[]);
    lines.extend(pass(cases::TRACED, &["--trace-local-errors"]));
    eprint!("{}", table::table(&lines));
    let wrong: Vec<&str> = lines
        .iter()
        .filter(|line| matches!(line.verdict, Verdict::Wrong(_)))
        .map(|line| line.case.as_str())
        .collect();
    assert!(wrong.is_empty(), "{} of {} lines are wrong: {wrong:?}", wrong.len(), lines.len());
    for line in &lines {
        if let Verdict::Skipped(why) = &line.verdict {
            skip_as(&format!("outcomes::{}", line.case), why, matches!(why, Skip::Kernel(_)));
        }
    }
}

fn pass(cases: &[stage::Case], arguments: &[&str]) -> Vec<Line> {
    let (capture, done) = stage::run(cases, arguments);
    let lost = capture.info.counters.lost;
    assert_eq!(lost.total(), 0, "the recorder lost events: {lost:?}");
    judge::judge(&done, &capture.rows)
}
