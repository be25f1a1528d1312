//! The recordings of staged incidents (fixtures/README.md): what is said of
//! them, in which order, and that every figure is right.

use std::path::PathBuf;

use test_support::skip;

use super::{findings_of, kinds_of, rows_shown, text};
use crate::duckdb::oracle;
use crate::program::{Dir, in_crate};

/// Kinds of findings, worst first, and how the first one begins.
const STAGED: [(&str, &[&str], &str); 23] = [
    ("healthy", &[], ""),
    ("busy", &[], ""),
    ("lost-syns", &["syn_loss"], "SYNs to 10.77.2.0/24 (2 hosts) get lost or dropped"),
    ("lost-syns-before-6.5", &["syn_loss"], "SYNs to 10.77.3.1:8080 get lost or dropped"),
    ("listen-overflow", &["syn_loss"], "SYNs to 10.77.2.1:5432 get lost or dropped"),
    ("never-accepts", &["no_answer"], "10.77.2.1:5432 does not answer"),
    ("restarted-server", &["refused_burst"], "10.77.1.2:8080 refused all"),
    ("closed-port", &["closed_port"], "10.77.2.2:9090 refused every connect"),
    ("refused-often", &["one_bad_server"], "10.77.1.2:8080 refused"),
    ("blackholed-host", &["no_answer"], "10.77.3.1:8080 does not answer"),
    ("unreachable", &["unreachable"], "10.79.0.0/24 (2 hosts) cannot be reached"),
    ("two-causes", &["no_answer", "refused_burst"], "10.77.3.1:8080 does not answer"),
    ("slow-destination", &["slow_destination"], "10.77.2.1:8080 is slow since"),
    ("slow-subnet", &["slow_subnet"], "10.77.2.0/24 (2 hosts) is slow all the time"),
    ("slow-for-a-while", &["slow"], "everything was slow from"),
    ("no-ports", &["port_exhaustion"], "all 194 connects to 10.77.1.1:8080 by poller failed"),
    ("no-route", &["local_error"], "all 90 connects to 10.79.0.1:8080 by web and cart failed"),
    ("starved-client", &["local_delay"], "network namespace"),
    ("abandoned", &["no_answer"], "10.77.3.1:8080 does not answer: all"),
    ("impatient", &["slow_destination"], "10.77.2.1:8080 is slow all the time"),
    ("retry-storm", &["refused_burst", "retry_storm"], "10.77.1.2:8080 refused"),
    ("reconnect-loop", &["reconnect_loop"], "agent ("),
    ("happy-eyeballs", &["happy_eyeballs"], "browser tries [fd77:0:0:1::1]:8080 first"),
];

/// Kinds whose command may show more than the connects they count.
const SHOWN_WITH_OTHERS: [&str; 3] = ["happy_eyeballs", "retry_storm", "deployment"];

/// Lines that the findings of a page have at most.
const LINES: usize = 24;

fn fixtures() -> PathBuf {
    in_crate("../../fixtures")
}

fn take(dir: &Dir, name: &str) -> String {
    let file = format!("{name}.parquet");
    std::fs::copy(fixtures().join(&file), dir.path(&file)).expect(name);
    file
}

#[test]
fn causes_are_named_first_and_nothing_else() {
    let dir = Dir::new();
    for (name, kinds, begins) in STAGED {
        let found = findings_of(&dir, &[&take(&dir, name)]);
        assert_eq!(kinds_of(&found), kinds, "{name}: {found:#?}");
        let first = found.first().map_or("", text);
        assert!(first.starts_with(begins), "{name}: {first}");
        for finding in &found {
            let rows = rows_shown(&dir, finding);
            let connects = finding["connects"].as_u64().expect("a count") as usize;
            if finding["symptom"] == "slow" {
                // One limit stands for those of all destinations.
                let near = connects..=connects + connects / 10;
                assert!(near.contains(&rows), "{name}: {rows} {finding}");
            } else if SHOWN_WITH_OTHERS.iter().all(|kind| finding["kind"] != *kind) {
                assert_eq!(connects, rows, "{name}: {finding}");
            }
            assert!(text(finding).len() <= 250, "{name}: {finding}");
        }
    }
}

/// The page that people read names what programs are told, and its wrapped
/// commands can be pasted.
#[test]
fn commands_on_the_page_can_be_pasted() {
    let dir = Dir::new();
    for (name, kinds, _) in STAGED {
        let page = dir.analyze(&[&take(&dir, name)]).text();
        let findings = page.split("\n\n").find(|part| part.starts_with("Findings"));
        let findings = findings.expect("the findings");
        assert!(findings.lines().count() <= LINES, "{name}: {findings}");
        let mut commands = 0;
        for part in findings.split("   analyze ").skip(1) {
            // Up to the first line that does not go on.
            let end = part.match_indices('\n').find(|(at, _)| !part[..*at].ends_with('\\'));
            let command = end.map_or(part, |(at, _)| &part[..at]);
            let shown = dir.shell(&format!("analyze {command} --format csv")).text();
            assert!(shown.lines().count() > 1, "{name}: {command}");
            commands += 1;
        }
        assert_eq!(commands, kinds.len(), "{name}: {findings}");
    }
}

#[test]
fn figures_agree_with_duckdb() {
    let dir = Dir::new();
    let directory = fixtures().to_str().expect("a path").to_owned();
    let expected = match oracle(&dir, "findings.py", &[directory]) {
        Ok(expected) => expected,
        Err(reason) => return skip(reason),
    };
    assert_eq!(expected.as_object().expect("fixtures").len(), STAGED.len());
    for (name, expected) in expected.as_object().expect("fixtures") {
        let found = findings_of(&dir, &[&take(&dir, name)]);
        let expected = expected.as_array().expect("findings");
        assert_eq!(found.len(), expected.len(), "{name}: {found:#?}");
        for (finding, expected) in found.iter().zip(expected) {
            assert_eq!(finding["kind"], expected[0], "{name}");
            for part in expected[1].as_array().expect("parts of the text") {
                let part = part.as_str().expect("a text");
                assert!(text(finding).contains(part), "{name}: {part:?} in {finding}");
            }
        }
    }
}
