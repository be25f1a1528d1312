//! Findings and figures of a redacted capture are those of the original.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, MatchKind};
use connlat_analyze::answer;
use ipnet::IpNet;
use serde_json::Value;

use super::{captures, content, pairs, redact};
use crate::program::{Dir, in_crate};

/// Questions whose answers hold every group: a table that is cut may keep
/// another of those that are equal.
const QUESTIONS: [&str; 4] = [
    "summary",
    "destinations --top 0",
    "cgroups --top 0",
    "percentiles --by comm,subnet/12,subnet/48",
];
/// Tables of a summary that are cut.
const CUT: [&str; 2] = ["processes", "destinations"];

fn fixtures() -> Vec<PathBuf> {
    let mut all = captures(&in_crate("../../fixtures"));
    all.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    assert!(all.len() > 60, "{} fixtures", all.len());
    all
}

/// What stands for what, the other way round.
struct Back {
    find: AhoCorasick,
    originals: Vec<String>,
    ports: BTreeMap<i64, i64>,
}

impl Back {
    fn of(original: &Path, redacted: &Path) -> Self {
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        let mut ports = BTreeMap::new();
        let mut put = |to: &str, from: &str| {
            if let Some(other) = texts.insert(to.to_owned(), from.to_owned()) {
                assert_eq!(other, from, "{to} stands for two");
            }
        };
        for (row, new) in pairs(original, redacted) {
            put(&new.host, &row.host);
            put(&new.boot_id, &row.boot_id);
            put(&new.comm, &row.comm);
            for (part, original) in new.cgroup.split('/').zip(row.cgroup.split('/')) {
                put(part, original);
            }
            for (to, from) in [(&new.src_addr, &row.src_addr), (&new.dst_addr, &row.dst_addr)] {
                put(to, from);
                let address = |text: &str| text.parse::<IpAddr>().expect("an address");
                let (to, from) = (address(to), address(from));
                assert_eq!(to.is_ipv4(), from.is_ipv4());
                for bits in [8, 12, 16, 20, 24, 28, 32, 48, 56, 64, 96, 112] {
                    let network = |address| IpNet::new(address, bits).ok().map(|net| net.trunc());
                    if let (Some(to), Some(from)) = (network(to), network(from)) {
                        put(&to.to_string(), &from.to_string());
                    }
                }
            }
            ports.insert(i64::from(new.src_port), i64::from(row.src_port));
            // All else stays, but for the order of rows.
            let rest = |row: &connlat_schema::capture::rows::Row<'_>| {
                let (time, flags) = (row.time, row.flags);
                let numbers = [row.pid, row.tid, row.syn_retransmits, row.dst_port, flags];
                let wide = [row.start_ns, row.latency_ns, row.uid, row.cgroup_id, row.netns];
                (
                    time,
                    numbers,
                    wide,
                    row.errno,
                    row.rtt_us,
                    row.ip_version,
                    row.outcome.to_string(),
                )
            };
            assert_eq!(rest(&row), rest(&new));
        }
        texts.remove("");
        // LIKE has the beginning of an address.
        let networks: Vec<(String, String)> = texts
            .iter()
            .filter_map(|(to, from)| {
                let (to, from) = (to.strip_suffix(".0/24")?, from.strip_suffix(".0/24")?);
                Some((format!("{to}.%"), format!("{from}.%")))
            })
            .collect();
        texts.extend(networks);
        let (find, originals): (Vec<String>, Vec<String>) = texts.into_iter().unzip();
        let find = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(find);
        Self { find: find.expect("an automaton"), originals, ports }
    }

    fn text(&self, text: &str) -> String {
        self.find.replace_all(text, &self.originals)
    }

    /// An answer with the original names, in an order that does not depend on them.
    fn value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(listed(&self.text(&text))),
            Value::Array(values) => values.into_iter().map(|value| self.value(value)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| match (name.as_str(), value.as_i64()) {
                    ("src_port", Some(port)) => {
                        let original = self.ports.get(&port).copied().expect("a port of a row");
                        (name, original.into())
                    }
                    _ => (name, self.value(value)),
                })
                .collect(),
            other => other,
        }
    }
}

/// Sorts the addresses that a condition lists.
fn listed(text: &str) -> String {
    let Some((before, rest)) = text.split_once(" IN (") else { return text.to_owned() };
    let (list, after) = rest.split_once(')').expect("the end of a list");
    let mut list: Vec<&str> = list.split(", ").collect();
    list.sort_unstable();
    format!("{before} IN ({}){after}", list.join(", "))
}

/// The answer without what is of the file, not of the connects.
fn ask(question: &str, file: &Path) -> Value {
    let file = file.to_str().expect("a name");
    let asked = answer(question.split(' ').chain(["--format", "json", file]));
    assert_eq!(asked.exit, 0, "{question} {file}: {}", asked.stderr);
    let text = String::from_utf8(asked.stdout).expect("UTF-8").replace(file, "FILE");
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    let document = value.as_object_mut().expect("an object");
    if let Some(capture) = document["capture"].as_object_mut() {
        capture.remove("files");
        capture.remove("warnings");
    }
    if question == "summary" {
        document.retain(|table, _| !CUT.contains(&table.as_str()));
    }
    // A note that names the first of many names others.
    if let Some(notes) = value.get_mut("notes").and_then(Value::as_array_mut) {
        notes.retain(|note| !note.as_str().is_some_and(|note| note.starts_with("connects to ")));
    }
    value
}

/// Rows of a table that are equal but for their names come in the order of those.
fn sorted(mut value: Value) -> Value {
    if let Some(rows) = value.get_mut("rows").and_then(Value::as_array_mut) {
        rows.sort_by_key(Value::to_string);
    }
    value
}

#[test]
fn answers_about_every_fixture_are_the_same_but_for_the_names() {
    let mut findings = 0;
    for fixture in fixtures() {
        let dir = Dir::new();
        redact(&dir, &[], &[fixture.to_str().expect("a name")]).text();
        let [redacted] = &captures(&dir.path("out"))[..] else { panic!("one capture") };
        let back = Back::of(&fixture, redacted);
        for question in QUESTIONS {
            let (expected, found) = (ask(question, &fixture), ask(question, redacted));
            findings += found["findings"].as_array().map_or(0, Vec::len);
            // Source ports in words: `source port 40000, which the program bound itself`.
            let found = match expected.to_string().contains("source port ") {
                true => sorted(source_port(&back, back.value(found))),
                false => sorted(back.value(found)),
            };
            let expected = match expected {
                Value::Object(fields) => {
                    let same = |(name, value)| (name, strings(value, &listed));
                    sorted(Value::Object(fields.into_iter().map(same).collect()))
                }
                other => other,
            };
            let name = fixture.display();
            assert_eq!(found, expected, "{question} {name}");
        }
        warnings(&fixture, redacted);
    }
    assert!(findings > 60, "{findings} findings");
}

fn strings(value: Value, change: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(&text)),
        Value::Array(values) => values.into_iter().map(|value| strings(value, change)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, strings(value, change))).collect()
        }
        other => other,
    }
}

fn source_port(back: &Back, value: Value) -> Value {
    strings(value, &|text| match text.split_once("source port ") {
        Some((before, rest)) => {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let port: i64 = rest[..end].parse().expect("a port");
            format!("{before}source port {}{}", back.ports[&port], &rest[end..])
        }
        None => text.to_owned(),
    })
}

/// Reasons to distrust a figure are the same, in the same order.
fn warnings(original: &Path, redacted: &Path) {
    let kinds = |path: &Path| {
        let file = path.to_str().expect("a name");
        let asked = answer(["info", "--format", "json", file]);
        let value: Value = serde_json::from_slice(&asked.stdout).expect("JSON");
        let all = value["capture"]["warnings"].as_array().cloned().expect("warnings");
        all.iter().map(|warning| warning["kind"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(original), kinds(redacted), "{}", original.display());
    let (original, redacted) = (content(original).0, content(redacted).0);
    assert_eq!(original.counters, redacted.counters);
    assert_eq!((original.start, original.stop), (redacted.start, redacted.stop));
    assert_eq!((original.sysctls, original.networks), (redacted.sysctls, redacted.networks));
    assert_eq!((original.clock, original.clean), (redacted.clock, redacted.clean));
}
