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
    ("lost-syns", &["syn_loss"], "SYNs to 10.77.2.0/24 get lost"),
    ("lost-syns-before-6.5", &["syn_loss"], "SYNs to 10.77.3.1:8080 get lost"),
    ("listen-overflow", &["listen_overflow"], "10.77.2.1:5432 drops SYNs"),
    ("never-accepts", &["no_answer", "abandoned", "onset"], "10.77.2.1:5432 does not answer"),
    ("restarted-server", &["refused_burst", "onset"], "10.77.1.2:8080 refused"),
    ("closed-port", &["closed_port"], "10.77.2.2:9090 refused every connect"),
    ("refused-often", &["refused_often"], "10.77.1.2:8080 refused"),
    ("blackholed-host", &["no_answer", "onset"], "10.77.3.1:8080 does not answer"),
    ("unreachable", &["unreachable", "onset"], "10.79.0.0/24 cannot be reached"),
    ("two-causes", &["no_answer", "refused_burst", "onset"], "10.77.3.1:8080 does not answer"),
    ("slow-destination", &["slow_destination", "onset"], "10.77.2.1:8080 is slow"),
    ("slow-subnet", &["slow_subnet"], "10.77.2.0/24 is slow"),
    ("slow-for-a-while", &["onset"], "the trouble began at"),
    ("no-ports", &["port_exhaustion", "onset"], ""),
    ("no-route", &["local_error", "onset"], ""),
    ("starved-client", &["local_delay"], "export in "),
    ("abandoned", &["no_answer", "abandoned", "onset"], "10.77.3.1:8080 does not answer within"),
    ("impatient", &["slow_destination", "abandoned"], "10.77.2.1:8080 is slow"),
    ("retry-storm", &["refused_burst", "retry_storm", "onset"], "10.77.1.2:8080 refused"),
    ("reconnect-loop", &["reconnect_loop"], "agent ("),
    ("happy-eyeballs", &["happy_eyeballs"], "browser tries [fd77:0:0:1::1]:8080 first"),
];

/// Kinds whose command shows exactly the connects they count.
const COUNTED: [&str; 11] = [
    "abandoned",
    "closed_port",
    "listen_overflow",
    "local_error",
    "no_answer",
    "port_exhaustion",
    "reconnect_loop",
    "refused_burst",
    "refused_often",
    "syn_loss",
    "unreachable",
];

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
            if COUNTED.iter().any(|kind| finding["kind"] == *kind) {
                assert_eq!(finding["connects"], rows, "{name}: {finding}");
            }
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
