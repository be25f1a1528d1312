//! A ticket in one file: what the recorder had, names, facts about the host.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use test_support::{
    Capture, Difference, Load, Peers, Process, Recording, bpf_available, captures_below,
    monotonic_ns, names, record, recorder, run_to_end, scratch, skip, wait_until,
};

/// Members of an archive by name.
fn members(bundle: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = File::open(bundle).expect("the bundle");
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).expect("zstd"));
    let mut members = BTreeMap::new();
    for member in archive.entries().expect("tar") {
        let mut member = member.expect("a member");
        assert!(member.header().entry_type().is_file());
        assert_eq!(member.header().mode().expect("a mode"), 0o600);
        let name = member.path().expect("a name").to_str().expect("UTF-8").to_owned();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).expect("its contents");
        assert!(members.insert(name, bytes).is_none());
    }
    members
}

/// The analyzer says of a bundle what it says of the capture in it.
#[track_caller]
fn same_answers(bundle: &Path, capture: &Path) {
    let analyze = recorder().with_file_name("analyze");
    if !analyze.exists() {
        return skip("there is no analyze beside record; build the workspace");
    }
    let ask = |question: &str, file: &Path| {
        let mut command = Command::new(&analyze);
        command.args([question, "--format", "csv"]).arg(file);
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    for question in ["percentiles", "outcomes", "events"] {
        let answer = ask(question, bundle);
        assert!(answer.lines().count() > 1, "{answer}");
        // With the names that came with it there are more columns.
        if question != "events" {
            assert_eq!(answer, ask(question, capture));
        }
    }
    assert!(ask("destinations", bundle).contains("127.0.0.1,home,"));
    assert!(ask("info", bundle).contains("host network sockets tcp_in_use"));
}

#[test]
fn a_bundle_belongs_to_whoever_called_sudo_where_they_may_write() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let recorder = Recording::start_into(&directory.path().join("c.parquet"), &[]);
    let pid = recorder.pid().to_string();
    let [theirs, others] = [scratch(), scratch()];
    std::os::unix::fs::chown(theirs.path(), Some(1000), Some(1000)).expect("root");
    for (place, owner) in [(&theirs, 1000), (&others, 0)] {
        let mut command = record(&["snapshot", &pid, "--bundle"]);
        command.arg(place.path().join("t.tar.zst"));
        let ended = run_to_end(command.env("SUDO_UID", "1000").env("SUDO_GID", "1000"));
        assert!(ended.status.success(), "{ended:?}");
        let status = fs::metadata(place.path().join("t.tar.zst")).expect("a bundle");
        assert_eq!((status.uid(), status.mode() & 0o777), (owner, 0o600));
    }
}

#[test]
fn a_bundle_holds_what_ended_before_it_was_asked_for() {
    if !bpf_available() {
        return;
    }
    for tree in [false, true] {
        let directory = scratch();
        let mut recorder = match tree {
            true => Recording::start_tree(directory.path(), &["--rotate", "1h"]),
            false => Recording::start_into(&directory.path().join("c.parquet"), &[]),
        };
        let peers = Peers::new();
        let load = Load::start(&peers, 1, Duration::from_millis(2));
        wait_until("load", || load.made() > 200);

        let elsewhere = scratch();
        let bundle = elsewhere.path().join("ticket.tar.zst");
        let names_file = elsewhere.path().join("hosts");
        fs::write(&names_file, "127.0.0.1 home\n").expect("written");
        let asked_ns = monotonic_ns();
        let pid = recorder.pid().to_string();
        let mut command = record(&["snapshot", &pid, "--bundle"]);
        command.arg(&bundle).arg("--names").arg(&names_file);
        let ended = run_to_end(&mut command);
        assert!(ended.status.success(), "{ended:?}");
        assert!(ended.stderr.contains("ticket.tar.zst ]"), "{ended:?}");
        assert_eq!(names(elsewhere.path()), ["hosts", "ticket.tar.zst"]);
        assert_eq!(fs::metadata(&bundle).expect("the bundle").mode() & 0o777, 0o600);

        let members = members(&bundle);
        assert_eq!(members["names"], b"127.0.0.1 home\n");
        let readme = String::from_utf8(members["README.txt"].clone()).expect("UTF-8");
        assert!(readme.contains("analyze summary ticket.tar.zst"), "{readme}");
        let host: serde_json::Value = serde_json::from_slice(&members["host.json"]).expect("JSON");
        assert_eq!(host["version"], 1);
        assert_eq!(host["recorder"]["pid"], recorder.pid());
        assert!(host["network"]["sockets"]["tcp_in_use"].as_u64() > Some(0), "{host}");

        // The very file that the recorder wrote.
        let captures: Vec<_> = members.keys().filter(|name| name.ends_with(".parquet")).collect();
        let [name] = captures[..] else { panic!("one capture: {:?}", members.keys()) };
        let sealed = captures_below(directory.path());
        let [sealed] = &sealed[..] else { panic!("one snapshot: {sealed:?}") };
        assert_eq!(sealed.file_name().and_then(|name| name.to_str()), Some(name.as_str()));
        assert_eq!(members[name], fs::read(sealed).expect("the capture"));
        let rows = Capture::read(sealed).rows;
        assert!(recorder.is_running());
        recorder.stop();
        same_answers(&bundle, sealed);
        let known = Difference::of(&load.finish(), &peers.rows(&rows), asked_ns);
        assert!(known.missing.is_empty(), "{known:?}");
        assert!(known.twice.is_empty() && known.unknown.is_empty());
    }
}

#[test]
fn a_quiet_recorder_and_one_that_rotates_all_the_time_are_bundled() {
    if !bpf_available() {
        return;
    }
    let filters = ["--dst", "192.0.2.1", "--dst-port", "1"];
    for arguments in [&["--rotate", "1h"][..], &["--rotate", "1s"][..]] {
        let directory = scratch();
        let arguments = [arguments, &filters].concat();
        let mut recorder = Recording::start_tree(directory.path(), &arguments);
        let elsewhere = scratch();
        for number in 0..4 {
            let bundle = elsewhere.path().join(format!("{number}.tar.zst"));
            let asked_ns = monotonic_ns();
            let pid = recorder.pid().to_string();
            let ended = run_to_end(record(&["snapshot", &pid, "--bundle"]).arg(&bundle));
            assert!(ended.status.success(), "{ended:?}");
            let members = members(&bundle);
            let last = members.keys().rfind(|name| name.ends_with(".parquet")).expect("a capture");
            let path = elsewhere.path().join("last.parquet");
            fs::write(&path, &members[last]).expect("written");
            let stop = Capture::read(&path).info.stop.monotonic_ns;
            assert!(stop >= asked_ns, "it ends {stop}, asked at {asked_ns}");
        }
        recorder.stop();
    }
}

#[test]
fn what_cannot_be_bundled_is_said_and_nothing_is_left() {
    let here = scratch();
    let at = |name: &str| here.path().join(name);
    fs::write(at("there.tar.zst"), "somebody's").expect("written");
    fs::write(at("long"), vec![b' '; (16 << 20) + 1]).expect("written");
    let snapshot = |bundle: &str, more: &[&str]| {
        // No such process: what is wrong besides is said first.
        let mut command = record(&["snapshot", "4194304", "--bundle"]);
        run_to_end(command.arg(at(bundle)).args(more))
    };
    let long = at("long");
    let long = long.to_str().expect("UTF-8");
    for (bundle, more, said) in [
        ("there.tar.zst", &[][..], "exists and is not replaced"),
        ("new.zip", &[], "use FILE.tar.zst"),
        ("none/new.tar.zst", &[], "No such file"),
        ("new.tar.zst", &["--names", "/nonexistent"], "cannot read the names in /nonexistent"),
        ("new.tar.zst", &["--names", "/"], "cannot read the names in /"),
        ("new.tar.zst", &["--names", long], "longer than 16 MiB"),
        ("new.tar.zst", &[], "is not a recorder"),
    ] {
        let ended = snapshot(bundle, more);
        ended.assert_refused();
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    }
    assert_eq!(fs::read(at("there.tar.zst")).expect("still there"), b"somebody's");
    assert_eq!(names(here.path()), ["long", "there.tar.zst"]);
    let usage = run_to_end(&mut record(&["snapshot", "--names", "x"]));
    assert_eq!(usage.status.code(), Some(2), "{usage:?}");
}

#[test]
fn nothing_is_left_of_a_bundle_that_nobody_waited_for() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let recorder = Recording::start_into(&directory.path().join("c.parquet"), &[]);
    // It does not answer.
    recorder.signal(Signal::STOP);
    for signal in [Signal::INT, Signal::TERM] {
        let elsewhere = scratch();
        let pid = recorder.pid().to_string();
        let mut command = record(&["snapshot", &pid, "--bundle"]);
        command.arg(elsewhere.path().join("t.tar.zst"));
        let begun = || names(elsewhere.path()) == ["t.tar.zst.tmp"];
        let mut asking = Recording::spawn(command, begun);
        // The handlers are there before the file is.
        asking.signal(signal);
        let ended = asking.wait();
        ended.assert_refused();
        assert!(ended.stderr.contains("interrupted"), "{ended:?}");
        assert_eq!(names(elsewhere.path()), [""; 0]);
    }
    recorder.signal(Signal::CONT);
}

#[test]
fn a_recorder_that_ends_or_keeps_nothing_is_not_waited_for() {
    if !bpf_available() {
        return;
    }
    let elsewhere = scratch();
    let bundle = elsewhere.path().join("t.tar.zst");
    let directory = scratch();
    let recorder = Recording::start_into(&directory.path().join("c.parquet"), &[]);
    recorder.signal(Signal::STOP);
    let pid = recorder.pid().to_string();
    let mut command = record(&["snapshot", &pid, "--bundle"]);
    command.arg(&bundle);
    let begun = || names(elsewhere.path()) == ["t.tar.zst.tmp"];
    let mut asking = Recording::spawn(command, begun);
    // Time to ask; what it asks for is then never done.
    std::thread::sleep(Duration::from_millis(500));
    recorder.signal(Signal::KILL);
    let ended = asking.wait();
    ended.assert_refused();
    let said = ["ended before it wrote", "cannot look into", "is not a recorder"];
    assert!(said.iter().any(|said| ended.stderr.contains(said)), "{ended:?}");

    let screen = Process::spawn(record(&["live"]).stdout(std::process::Stdio::null()));
    let pid = screen.id().to_string();
    let mut last = None;
    wait_until("a refusal", || {
        let ended = run_to_end(record(&["snapshot", &pid, "--bundle"]).arg(&bundle));
        let refused = ended.stderr.contains("records into no file");
        last = Some(ended);
        refused
    });
    last.expect("asked").assert_refused();
    assert_eq!(names(elsewhere.path()), [""; 0]);
}
