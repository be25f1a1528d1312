//! Bundles of `record snapshot --bundle`: asked like the captures in them, with the
//! names and the facts about the host that came with them.

use std::collections::BTreeSet;
use std::fs;

use connlat_schema::Outcome;
use serde_json::{Value, json};

use super::archive::Archive;
use super::capture::{Capture, Connect, S};
use super::program::Dir;

const HOST: &str = r#"{"version": 1, "kernel": {"release": "6.18", "version": null},
    "network": {"counters": {"ListenDrops": 17}},
    "files": {"/etc/resolv.conf": "nameserver 10.0.0.2\noptions \u001b[2Jx\n"}}"#;
const NAMES: &str = "192.0.2.7 shop.example\n";

fn capture(seed: i64) -> Capture {
    let row = |n: i64| {
        let row = Connect::at(n * S / 50, 100_000 + n * 1_000 + seed);
        if n > 400 && n % 2 == 0 { row.failed(Outcome::Refused, Some(111)) } else { row }
    };
    let mut capture = Capture::of((0..600).map(row).collect());
    capture.info.boot_id = format!("boot-{seed}");
    capture.info.host = format!("web-{seed}");
    capture
}

/// `t.tar.zst` with `c.parquet` in it, which is beside it, too.
fn bundle(dir: &Dir) {
    let bytes = fs::read(capture(0).write(dir.path("c.parquet"))).expect("a file");
    Archive::new()
        .file("README.txt", b"connects")
        .file("host.json", HOST.as_bytes())
        .file("names", NAMES.as_bytes())
        .file("c.parquet", &bytes)
        .write(dir.path("t.tar.zst"));
}

/// Kinds and texts of the warnings of an answer.
fn warnings(answer: &Value) -> Vec<String> {
    let warnings = answer["capture"]["warnings"].as_array().expect("warnings");
    let part = |warning: &Value, name: &str| warning[name].as_str().expect("text").to_owned();
    warnings.iter().map(|it| format!("{}: {}", part(it, "kind"), part(it, "message"))).collect()
}

#[test]
fn every_command_answers_of_a_bundle_what_it_answers_of_its_capture() {
    let dir = Dir::new();
    bundle(&dir);
    fs::write(dir.path("names"), NAMES).expect("a file");
    let help = dir.analyze(&["--help"]).text();
    let listed = help.split("Commands:").nth(1).and_then(|text| text.split("\n\n").next());
    let listed: BTreeSet<&str> = listed
        .expect("commands")
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let mut asked: BTreeSet<&str> = ["completions", "help", "info", "merge", "redact"].into();
    for question in [
        &["summary"][..],
        &["report"],
        &["percentiles", "--by", "name"],
        &["destinations"],
        &["outcomes"],
        &["processes"],
        &["cgroups"],
        &["timeseries"],
        &["histogram"],
        &["heatmap"],
        &["slowest"],
        &["events", "--where", "outcome = 'refused'"],
        &["diff", "FILE", "--split", "+5s"],
        &["check", "--fail-if", "p50 > 1h"],
    ] {
        asked.insert(question[0]);
        let of = |file: &str, more: &[&str]| {
            let mut words: Vec<&str> = question.to_vec();
            match words.iter().position(|word| *word == "FILE") {
                Some(place) => words[place] = file,
                None => words.push(file),
            }
            let run = dir.analyze(&[&words[..], more, &["--format", "json"]].concat());
            assert!(run.code == Some(0), "{words:?}: {}", run.stderr);
            let text = run.stdout.replace("t.tar.zst/c.parquet", "c.parquet");
            let text = text.replace("t.tar.zst", "c.parquet");
            let mut answer: Value = serde_json::from_str(&text).expect("JSON");
            if let Some(answer) = answer.as_object_mut() {
                // It has the facts about the host.
                answer.remove("captures");
            }
            answer
        };
        let (of_bundle, of_capture) =
            (of("t.tar.zst", &[]), of("c.parquet", &["--names", "names"]));
        assert_eq!(of_bundle, of_capture, "{question:?}");
        assert!(of_bundle["capture"]["rows"] == 600, "{question:?}");
    }
    assert_eq!(asked, listed, "each command is asked");
}

#[test]
fn the_commands_of_findings_name_the_bundle() {
    let dir = Dir::new();
    bundle(&dir);
    let strange = "a b;$(touch x).tar.zst";
    fs::rename(dir.path("t.tar.zst"), dir.path(strange)).expect("renamed");
    let answer = dir.analyze(&["summary", "--format", "json", strange]).json();
    let command = answer["findings"][0]["command"].as_str().expect("a finding").to_owned();
    let pasted = dir.shell(&format!("{command} --format csv --top 0")).text();
    assert_eq!(pasted.lines().count() as u64 - 1, answer["findings"][0]["connects"]);
    assert!(!dir.path("x").exists());
}

#[test]
fn names_of_a_bundle_are_used_unless_others_are_given() {
    let dir = Dir::new();
    bundle(&dir);
    fs::write(dir.path("other"), "192.0.2.7 other.example\n").expect("a file");
    let name = |more: &[&str]| {
        let answer = dir.analyze(&[&["destinations", "--format", "json"], more].concat()).json();
        (answer["rows"][0]["name"].clone(), warnings(&answer))
    };
    assert_eq!(name(&["t.tar.zst"]).0, "shop.example");
    assert_eq!(name(&["t.tar.zst", "--names", "other"]), (json!("other.example"), vec![]));
    assert_eq!(name(&["c.parquet"]).0, Value::Null, "no names, no column");

    // Those of two bundles are put together; what they call differently has none.
    let bytes = fs::read(capture(1).write(dir.path("d.parquet"))).expect("a file");
    let second = |names: &[u8]| {
        Archive::new().file("names", names).file("d.parquet", &bytes).write(dir.path("u.tar.zst"));
        name(&["t.tar.zst", "u.tar.zst"])
    };
    let (shown, told) = second(b"192.0.2.7 other.example\n");
    assert_eq!(shown, "");
    assert!(told[0].starts_with("name_conflict: 192.0.2.7"), "{told:?}");
    // None of a file that is wrong anywhere.
    for wrong in [&b"192.0.2.7 other.example\nno address\n"[..], b"192.0.2.7 \xff\n", b"{"] {
        let (shown, told) = second(wrong);
        assert_eq!(shown, "shop.example");
        let [told] = &told[..] else { panic!("{told:?}") };
        assert!(told.starts_with("bundle: the names in u.tar.zst are not used: "), "{told}");
        assert!(told.contains("; "), "no remedy: {told}");
    }
}

#[test]
fn info_and_the_report_have_the_facts_about_the_host() {
    let dir = Dir::new();
    bundle(&dir);
    let facts = [
        ("host kernel release", "6.18"),
        ("host kernel version", "unknown"),
        ("host network counters ListenDrops", "17"),
    ];
    let answer = dir.analyze(&["info", "--format", "json", "t.tar.zst"]).json();
    let rows = answer["rows"].as_array().expect("rows");
    for (fact, value) in facts {
        let row = json!({ "file": "t.tar.zst", "fact": fact, "value": value });
        assert!(rows.contains(&row), "{row}: {rows:?}");
    }
    for format in ["table", "csv", "markdown", "json"] {
        let text = dir.analyze(&["info", "--format", format, "t.tar.zst"]).text();
        assert!(text.contains("ListenDrops") && !text.contains('\u{1b}'), "{format}: {text}");
    }
    let page = dir.analyze(&["report", "t.tar.zst"]).text();
    assert!(page.contains("ListenDrops") && !page.contains('\u{1b}'));

    let capture = fs::read(dir.path("c.parquet")).expect("a file");
    let long = vec![b' '; (256 << 10) + 1];
    for (wrong, why) in [
        (&b"[]"[..], "no object"),
        (b"{\"a\"", "is not what `record` writes"),
        (b"{}", "is empty"),
        (&long, "is too long"),
    ] {
        Archive::new().file("host.json", wrong).file("c.parquet", &capture).write(dir.path("w"));
        let told = warnings(&dir.analyze(&["info", "--format", "json", "w"]).json());
        let [told] = &told[..] else { panic!("{told:?}") };
        assert!(told.starts_with("bundle: w/host.json ") && told.contains(why), "{told}");
    }
}

#[test]
fn bundles_are_found_in_directories_and_told_by_what_they_hold() {
    let dir = Dir::new();
    bundle(&dir);
    fs::create_dir(dir.path("d")).expect("made");
    fs::rename(dir.path("t.tar.zst"), dir.path("d/t.tar.zst")).expect("renamed");
    Archive::new().file("src/main.rs", b"fn main").write(dir.path("d/sources.tar.zst"));
    fs::write(dir.path("d/text.tar.zst"), "no archive").expect("a file");
    let rows = |arguments: &[&str]| {
        let arguments = [&["percentiles", "--format", "json"], arguments].concat();
        let answer = dir.analyze(&arguments).json();
        (answer["capture"]["rows"].clone(), warnings(&answer))
    };
    for argument in ["d", "d/*", "d/**/*.zst"] {
        let (rows, told) = rows(&[argument]);
        assert_eq!(rows, 600);
        let [told] = &told[..] else { panic!("{told:?}") };
        let both = told.contains("d/sources.tar.zst") && told.contains("d/text.tar.zst");
        assert!(told.starts_with("foreign: ") && both, "{told}");
    }
    // Any name will do, and the same capture counts once.
    fs::rename(dir.path("d/t.tar.zst"), dir.path("ticket")).expect("renamed");
    assert_eq!(rows(&["ticket"]), (json!(600), vec![]));
    let (both, told) = rows(&["ticket", "c.parquet"]);
    assert_eq!(both, 600);
    assert!(told[0].starts_with("copy: c.parquet is a copy of ticket/c.parquet"), "{told:?}");
    let named = dir.analyze(&["d/sources.tar.zst"]).failure();
    assert!(named.contains("d/sources.tar.zst: ") && named.contains("no archive of captures"));
}

#[test]
fn what_cannot_be_read_in_a_bundle_is_left_out_as_in_a_directory() {
    let dir = Dir::new();
    let good = fs::read(capture(0).write(dir.path("c.parquet"))).expect("a file");
    let journal = capture(1).journal(100);
    let archive = || {
        Archive::new()
            .file("./README.txt", b"")
            .file("good.parquet", &good)
            .file("cut.parquet", &good[..good.len() / 2])
            .file("j.parquet.journal", &journal)
            .file("notes.txt", b"who cares")
            .file("foreign.parquet", b"who cares")
            .raw(tar::EntryType::Symlink, b"link.parquet", 0, b"")
    };
    archive()
        .file("other.parquet", &fs::read(capture(2).write(dir.path("d"))).expect("a file"))
        .write(dir.path("b.tar.zst"));
    let answer = dir.analyze(&["percentiles", "--format", "json", "b.tar.zst"]).json();
    assert_eq!(answer["capture"]["rows"], 1_200);
    let told = warnings(&answer);
    for (told, expected) in told.iter().zip([
        "unread: left out: b.tar.zst/cut.parquet ends before its footer",
        "unread: left out: b.tar.zst/j.parquet.journal is a journal in an archive",
        "foreign: b.tar.zst/foreign.parquet and b.tar.zst/link.parquet",
    ]) {
        assert!(told.starts_with(expected), "{told}");
    }
    assert_eq!(told.len(), 3, "{told:?}");
    let strict = dir.analyze(&["percentiles", "--strict", "b.tar.zst"]).failure();
    assert!(strict.contains("b.tar.zst/cut.parquet: ends before its footer"), "{strict}");
    // What stands before damage is whole.
    let mut bytes = archive().tar();
    bytes.truncate(bytes.len() - 1024);
    bytes.extend([b'x'; 1024]);
    super::archive::write(dir.path("b.tar.zst"), &bytes);
    let answer = dir.analyze(&["percentiles", "--format", "json", "b.tar.zst"]).json();
    assert_eq!(answer["capture"]["rows"], 600);
    assert!(warnings(&answer).iter().any(|told| told.contains("b.tar.zst is a damaged archive")));
    dir.analyze(&["percentiles", "--strict", "b.tar.zst"]).failure();
}

#[test]
fn redact_hands_nothing_on_but_the_captures_and_merge_takes_them() {
    let dir = Dir::new();
    bundle(&dir);
    let run = dir.analyze(&["redact", "-o", "out", "t.tar.zst"]);
    assert!(run.stderr.contains("names and facts about the host in t.tar.zst are not in"));
    let done = run.text();
    assert!(done.contains("600 rows of t.tar.zst/c.parquet"), "{done}");
    let written: Vec<_> = fs::read_dir(dir.path("out")).expect("made").collect();
    let [Ok(written)] = &written[..] else { panic!("{written:?}") };
    let bytes = fs::read(written.path()).expect("a file");
    for secret in ["shop.example", "10.0.0.2", "ListenDrops", "192.0.2.7", "t.tar.zst"] {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret}");
    }
    dir.analyze(&["merge", "-o", "m.parquet", "t.tar.zst"]).text();
    let rows = |file: &str| dir.analyze(&["events", "--top", "0", "--format", "csv", file]).text();
    assert_eq!(rows("m.parquet"), rows("c.parquet"));
}
