//! Limits given are kept, and the capture says which one ended it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use serde_json::Value;
use test_support::{
    Capture, Difference, Ended, Load, Peers, Recording, bpf_available, names, scratch,
};

/// Rows after the limit: at most one batch of the ring buffer.
const BATCH_EVENTS: usize = 8_192;

/// Records under load until a limit ends it.
fn until(limit: &[&str], check: impl FnOnce(&Ended, &Capture, u64)) {
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let peers = Peers::new();
    let mut recorder = Recording::start_into(&path, limit);
    let load = Load::start(&peers, 2, Duration::from_micros(500));
    let ended = recorder.wait();
    let made = load.finish();
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stderr.contains(limit[0]), "which limit it was: {ended:?}");
    assert_eq!(names(directory.path()), ["c.parquet"]);
    let capture = Capture::read(&path);
    assert!(capture.info.clean);
    Difference::of(&made, &peers.rows(&capture.rows), 0).assert_none(limit[0]);
    check(&ended, &capture, fs::metadata(&path).expect("sealed").len());
}

fn stop_reason(capture: &Capture) -> Value {
    let json = capture.info.to_json().expect("small");
    let document: Value = serde_json::from_str(&json).expect("JSON");
    document["stop_reason"].clone()
}

#[test]
fn max_events() {
    if !bpf_available() {
        return;
    }
    for limit in [1, 1_000] {
        until(&["--max-events", &limit.to_string()], |_, capture, _| {
            assert_eq!(stop_reason(capture), "max_events");
            let rows = capture.rows.len();
            assert!((limit..limit + BATCH_EVENTS).contains(&rows), "{rows} rows for {limit}");
        });
    }
}

#[test]
fn max_size() {
    if !bpf_available() {
        return;
    }
    until(&["--max-size", "300KB"], |_, capture, size| {
        assert_eq!(stop_reason(capture), "max_size");
        assert!(capture.rows.len() > 500, "{} rows", capture.rows.len());
        assert!(size <= 300_000, "{size} bytes");
    });
}

#[test]
fn max_memory() {
    if !bpf_available() {
        return;
    }
    until(&["--max-memory", "4MiB"], |_, capture, _| {
        assert_eq!(stop_reason(capture), "max_memory");
    });
}

#[test]
fn modes_of_files() {
    if !bpf_available() {
        return;
    }
    for (arguments, mode) in [(&[][..], 0o600), (&["--mode", "0640"][..], 0o640)] {
        let directory = scratch();
        let path = directory.path().join("c.parquet");
        let mut recorder = Recording::start_into(&path, arguments);
        let of = |name: &str| {
            let metadata = fs::metadata(directory.path().join(name)).expect(name);
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(of("c.parquet.journal"), mode);
        recorder.stop();
        assert_eq!(of("c.parquet"), mode);
    }
}
