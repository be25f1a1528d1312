//! Every argument's accepted and refused forms.

use std::fs;
use std::os::unix::fs::MetadataExt;

use clap::Parser;

use super::*;
use crate::cli::args::{Args, Subcommand};
use crate::session::Rotate;

fn options(args: &[&str]) -> Result<Options, clap::Error> {
    let args = Args::try_parse_from([&["record"], args].concat())?;
    match args.subcommand {
        None => Ok(for_recording(args.record)),
        Some(Subcommand::Live(live)) => Ok(for_live(*live)),
        Some(_) => panic!("not a session"),
    }
}

fn refused(args: &[&str]) -> String {
    let error = options(args).expect_err("must be refused");
    assert_eq!(error.exit_code(), 2, "{args:?}");
    error.to_string()
}

#[test]
fn durations() {
    for (text, millis) in [("10s", 10_000), ("500ms", 500), ("1h30m", 5_400_000)] {
        let options = options(&["--duration", text]).expect(text);
        assert_eq!(options.duration, Some(Duration::from_millis(millis)));
    }
    for text in ["", "10", "ten", "-1s", "0s", "99999999999999999999s"] {
        assert!(refused(&[&format!("--duration={text}")]).contains("--duration"), "{text}");
    }
}

#[test]
fn a_minimum_latency_is_a_time_when_recording_and_milliseconds_live() {
    let options_of = |args: &[&str]| options(args).expect("valid").probe.min_latency_ns;
    assert_eq!(options_of(&["--min-latency", "5ms"]), 5_000_000);
    assert_eq!(options_of(&["live", "0.1"]), 100_000);
    assert_eq!(options_of(&["live"]), 0);
    for text in ["0", "-0.5", "fast", "nan", "inf", "1e300"] {
        assert!(refused(&["live", "--", text]).contains("MIN_MS"), "{text}");
    }
}

#[test]
fn filters_reach_the_probe() {
    let args =
        ["-p", "1", "-p", "2", "-4", "--uid", "0", "--comm", "curl", "--netns", "4026531840"];
    let filters = options(&args).expect("filters").probe.filters;
    assert_eq!((filters.pids, filters.uids), (vec![1, 2], vec![0]));
    assert_eq!((filters.ip_version, filters.netns), (Some(4), vec![4_026_531_840]));
    assert_eq!(filters.comms, ["curl"]);
    let live = options(&["live", "-6", "-p", "7", "1"]).expect("filters").probe.filters;
    assert_eq!((live.pids, live.ip_version), (vec![7], Some(6)));
}

#[test]
fn destinations_and_ports() {
    let args = ["--dst", "10.1.2.3/8", "--dst", "::1", "--dst-port", "443", "--dst-port", "1-3"];
    let filters = options(&args).expect("filters").probe.filters;
    let texts: Vec<String> = filters.destinations.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["10.0.0.0/8", "::1/128"]);
    assert_eq!(filters.ports, [443..=443, 1..=3]);
    for text in ["example.com", "10.0.0.0/33", "", "10.0.0"] {
        assert!(refused(&["--dst", text]).contains("--dst"), "{text}");
    }
    for text in ["0-65536", "5-1", "http", "", "1-2-3"] {
        assert!(refused(&["--dst-port", text]).contains("--dst-port"), "{text}");
    }
}

#[test]
fn a_namespace_file_gives_its_inode() {
    let filters = options(&["--netns", "/proc/self/ns/net"]).expect("filters").probe.filters;
    let inode = fs::metadata("/proc/self/ns/net").expect("a namespace").ino();
    assert_eq!(filters.netns, [u32::try_from(inode).expect("32 bits")]);
    assert!(refused(&["--netns", "/nonexistent"]).contains("--netns"));
}

#[test]
fn sizes_are_checked() {
    for args in [
        ["--ring-size", "3MiB"],
        ["--ring-size", "2GiB"],
        ["--ring-size", "1KiB"],
        ["--max-in-flight", "0"],
        ["--max-events", "0"],
        ["--max-size", "big"],
        ["--max-memory", "0"],
        ["--mode", "0777"],
        ["--mode", "rw"],
    ] {
        refused(&args);
    }
    let options = options(&["--ring-size", "64KiB", "--max-size", "1.5GB", "--mode", "0640"]);
    let options = options.expect("sizes");
    assert_eq!(options.probe.ring_bytes, 65_536);
    let capture = options.capture.expect("a capture");
    assert_eq!((capture.limits.bytes, capture.mode), (Some(1_500_000_000), 0o640));
}

#[test]
fn rotation_is_by_time_or_by_size_and_needs_a_directory() {
    for (text, rotate) in
        [("10m", Rotate::Age(Duration::from_secs(600))), ("100MB", Rotate::Bytes(100_000_000))]
    {
        let args =
            ["--output-dir", "/d", "--rotate", text, "--retain", "24h", "--retain-size", "1GiB"];
        let capture = options(&args).expect("valid").capture.expect("a capture");
        let root = PathBuf::from("/d");
        assert_eq!(capture.destination, Destination::Tree { root, rotate: Some(rotate) });
        assert_eq!(capture.retention.age, Some(Duration::from_secs(86_400)));
        assert_eq!(capture.retention.bytes, Some(1 << 30));
    }
    refused(&["--rotate", "10m"]);
    refused(&["--output-dir", "/d", "--retain", "24h"]);
    refused(&["--output-dir", "/d", "-o", "f"]);
    refused(&["--output-dir", "/d", "--rotate", "often"]);
}

#[test]
fn a_command_keeps_its_own_options() {
    let options = options(&["--", "curl", "-4", "--duration"]).expect("a command");
    assert_eq!(options.command, ["curl", "-4", "--duration"]);
    assert_eq!(options.probe.filters, Filters::default());
}

#[test]
fn following_needs_a_command() {
    refused(&["--follow"]);
    refused(&["--follow", "-p", "1", "--", "true"]);
    assert!(options(&["--follow", "--", "true"]).expect("a command").probe.filters.follow);
}
