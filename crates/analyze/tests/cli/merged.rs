//! Tables say what they put together that has the same name and is not the
//! same, and the keys they name tell it apart.

use serde_json::Value;

use super::capture::{Capture, Connect, S};
use super::program::Dir;

fn notes(answer: &Value) -> Vec<String> {
    let none = Vec::new();
    let notes = answer["notes"].as_array().unwrap_or(&none).iter();
    notes.map(|note| note.as_str().expect("text").to_owned()).collect()
}

fn rows_to(addresses: &[(&str, i64)]) -> Vec<Connect> {
    let mut rows = Vec::new();
    for n in 0..60 {
        let (address, netns) = addresses[n as usize % addresses.len()];
        let mut row = Connect::at(n * S / 10, 1_000).to(address, 8_080);
        row.netns = netns;
        rows.push(row);
    }
    rows
}

fn put_together(answer: &Value) -> Vec<String> {
    notes(answer).into_iter().filter(|note| note.contains("tells them apart")).collect()
}

#[test]
fn an_address_of_several_namespaces_is_told() {
    let dir = Dir::new();
    let ask = |args: &[&str]| dir.analyze(&[args, &["--format", "json", "c.parquet"]].concat());
    let write = |addresses: &[(&str, i64)]| {
        Capture::of(rows_to(addresses)).write(dir.path("c.parquet"));
    };
    write(&[("127.0.0.1", 1), ("127.0.0.1", 2), ("10.0.0.7", 1), ("192.0.2.1", 2)]);
    for question in [
        &["destinations"][..],
        &["summary"],
        &["percentiles", "--by", "dst"],
        &["timeseries", "--by", "dst_addr"],
        &["outcomes", "--by", "dst"],
        &["diff", "--split", "+3s"],
    ] {
        let told = put_together(&ask(question).json());
        assert_eq!(told.len(), 1, "{question:?}: {told:?}");
        assert!(told[0].starts_with("connects to 127.0.0.1:8080 come"), "{told:?}");
        assert!(told[0].ends_with("is another server in each; --by netns tells them apart"));
    }
    // The keys that are named do it.
    let answer = ask(&["destinations", "--by", "netns"]).json();
    assert_eq!(put_together(&answer), [""; 0]);
    assert_eq!(answer["rows"].as_array().expect("rows").len(), 4);
    write(&[("127.0.0.1", 1), ("192.0.2.1", 2), ("192.0.2.1", 1)]);
    assert_eq!(put_together(&ask(&["destinations"]).json()), [""; 0]);
    write(&[("10.0.0.7", 1), ("10.0.0.7", 2), ("fe80::1", 1), ("fe80::1", 2)]);
    let told = put_together(&ask(&["destinations"]).json());
    assert!(told[0].starts_with("connects to [fe80::1]:8080 come"), "{told:?}");
    assert!(told[1].contains("10.0.0.7:8080") && told[1].contains("may be another"), "{told:?}");
}

#[test]
fn machines_and_boots_that_are_put_together_are_told() {
    let dir = Dir::new();
    let mut capture = Capture::of(rows_to(&[("192.0.2.1", 1)]));
    let mut write = |name: &str, host: &str, machine: &str, boot: &str| {
        capture.info.host = host.into();
        capture.info.boot_id = boot.into();
        capture.info.machine_id_hash = Some(machine.into());
        capture.write(dir.path(name));
    };
    write("a.parquet", "web", "m1", "b1");
    write("again.parquet", "web", "m1", "b2");
    write("b.parquet", "web", "m2", "b3");
    write("c.parquet", "db", "m3", "b4");
    let told = |args: &[&str]| {
        let answer = dir.analyze(&[args, &["--format", "json"]].concat()).json();
        let machines = answer["capture"]["machines"].as_u64().expect("a number");
        (machines, put_together(&answer))
    };
    assert_eq!(told(&["processes", "a.parquet", "again.parquet"]), (1, Vec::new()));
    let (_, notes) = told(&["processes", "--by", "pid", "a.parquet", "again.parquet"]);
    assert!(notes[0].contains("2 boots") && notes[0].contains("--by boot_id"), "{notes:?}");
    let (machines, notes) = told(&["processes", "a.parquet", "b.parquet"]);
    assert_eq!(machines, 2);
    assert_eq!(notes, ["2 machines are put together; --by boot_id tells them apart"]);
    let (_, notes) = told(&["processes", "a.parquet", "c.parquet"]);
    assert_eq!(notes, ["2 machines are put together; --by host tells them apart"]);
    let (_, notes) = told(&["processes", "--by", "host", "a.parquet", "b.parquet"]);
    assert_eq!(
        notes,
        ["machines of the same name are put together; --by boot_id tells them apart"]
    );
    let (_, notes) = told(&["processes", "--by", "boot_id", "a.parquet", "b.parquet"]);
    assert_eq!(notes, [""; 0]);
    let text = dir.analyze(&["percentiles", "a.parquet", "b.parquet"]).text();
    assert!(text.contains("2 machines, all called web"), "{text}");
}
