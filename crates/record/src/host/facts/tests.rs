//! Machines made of files.

use std::fs;

use tempfile::TempDir;

use super::*;

struct Made(TempDir);

impl Made {
    fn new(files: &[(&str, &str)]) -> Self {
        let made = Self(tempfile::tempdir().expect("a directory"));
        for (name, text) in files {
            let path = made.0.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, text).expect("written");
        }
        made
    }

    fn machine(&self) -> Machine {
        Machine { root: self.0.path().to_owned(), recorder: 7 }
    }

    /// The process is in the namespace of the recorder.
    fn in_one_namespace(self) -> Self {
        let at = |process: &str| self.0.path().join(format!("proc/{process}/ns"));
        for process in ["self", "7"] {
            fs::create_dir_all(at(process)).expect("made");
        }
        fs::write(at("self").join("net"), "").expect("written");
        fs::hard_link(at("self").join("net"), at("7").join("net")).expect("linked");
        self
    }
}

const SOCKSTAT: &str = "sockets: used 315\nTCP: inuse 12 orphan 1 tw 40 alloc 14 mem 3\n";
const SNMP: &str = "Ip: Forwarding\nIp: 1\nTcp: RtoMin MaxConn ActiveOpens\nTcp: 200 -1 24\n";
const NETSTAT: &str = "TcpExt: SyncookiesSent ListenDrops\nTcpExt: 0 17\n";

#[test]
fn what_is_not_there_is_unknown_and_never_zero() {
    let made = Made::new(&[]);
    let machine = made.machine();
    let all = [
        machine.kernel(),
        machine.system(),
        machine.processors(),
        machine.memory(),
        machine.load(),
        machine.network()["sockets"].clone(),
        machine.network()["conntrack"].clone(),
        machine.network()["counters"].clone(),
        machine.network()["settings"].clone(),
        machine.files(),
    ];
    for facts in all {
        let facts = facts.as_object().expect("an object").clone();
        assert!(!facts.is_empty() && facts.values().all(Value::is_null), "{facts:?}");
    }
}

#[test]
fn what_is_there_is_read() {
    let made = Made::new(&[
        ("etc/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 13\"\nID=debian\n"),
        ("etc/resolv.conf", "nameserver 10.0.0.2\n"),
        ("sys/devices/system/cpu/online", "0-3,6\n"),
        ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\n"),
        ("proc/meminfo", "MemTotal:        8000 kB\nMemAvailable:    10 kB\n"),
        ("proc/uptime", "726.56 233.51\n"),
        ("proc/loadavg", "2.32 2.62 1.62 2/92 15442\n"),
        ("proc/pressure/cpu", "some avg10=8.23 total=3\nfull avg10=0.00 total=0\n"),
        ("proc/7/net/sockstat", SOCKSTAT),
        ("proc/7/net/sockstat6", "TCP6: inuse 2\n"),
        ("proc/7/net/snmp", SNMP),
        ("proc/7/net/netstat", NETSTAT),
    ]);
    let machine = made.machine();
    let system = machine.system();
    assert_eq!((&system["name"], &system["id"]), (&json!("Debian GNU/Linux 13"), &json!("debian")));
    assert_eq!(machine.processors(), json!({ "online": 5, "model": "Some CPU" }));
    assert_eq!(machine.memory()["total_bytes"], 8000 * 1024);
    assert_eq!(machine.load()["uptime_seconds"], 726);
    assert_eq!(machine.load()["averages"], "2.32 2.62 1.62");
    assert_eq!(machine.load()["pressure_cpu"], "avg10=8.23 total=3");
    let network = machine.network();
    let sockets = &network["sockets"];
    assert_eq!((&sockets["used"], &sockets["tcp_in_use"]), (&json!(315), &json!(12)));
    assert_eq!((&sockets["tcp_time_wait"], &sockets["tcp6_in_use"]), (&json!(40), &json!(2)));
    let counters = &network["counters"];
    assert_eq!((&counters["ActiveOpens"], &counters["ListenDrops"]), (&json!(24), &json!(17)));
    assert_eq!(counters["ListenOverflows"], Value::Null);
    assert_eq!(machine.files()["/etc/resolv.conf"], "nameserver 10.0.0.2\n");
}

#[test]
fn settings_of_another_namespace_are_unknown() {
    let files = [
        ("proc/sys/net/netfilter/nf_conntrack_count", "65536\n"),
        ("proc/sys/net/netfilter/nf_conntrack_max", "65536\n"),
        ("proc/sys/net/core/somaxconn", "4096\n"),
    ];
    let same = Made::new(&files).in_one_namespace().machine().network();
    assert_eq!(same["conntrack"], json!({ "entries": 65536, "limit": 65536 }));
    assert_eq!(same["settings"]["net.core.somaxconn"], "4096");

    let other =
        Made::new(&[&files[..], &[("proc/self/ns/net", ""), ("proc/7/ns/net", "")]].concat());
    let other = other.machine().network();
    assert_eq!(other["conntrack"], json!({ "entries": null, "limit": null }));
    assert_eq!(other["settings"]["net.core.somaxconn"], Value::Null);
}

#[test]
fn long_texts_are_cut() {
    let long = format!("PRETTY_NAME={}\n", "x".repeat(FILE_TEXT));
    let made = Made::new(&[("etc/os-release", &long), ("etc/resolv.conf", &long)]);
    let name = made.machine().system()["name"].clone();
    assert_eq!(name.as_str().map(str::len), Some(VALUE));
    let text = made.machine().files()["/etc/resolv.conf"].clone();
    assert!(text.as_str().is_some_and(|text| text.len() < FILE_TEXT + 10 && text.ends_with('…')));
}

#[test]
fn lists_of_processors() {
    assert_eq!(count_of_list("0"), Some(1));
    assert_eq!(count_of_list("0-3,6"), Some(5));
    for broken in ["", "3-0", "a", "0-18446744073709551615"] {
        assert_eq!(count_of_list(broken), None, "{broken}");
    }
}
