//! An incident is taken away while recording goes on.

use std::time::Duration;

use rustix::process::Signal;
use test_support::{
    Capture, Difference, Load, Peers, Recording, Row, bpf_available, captures_below, monotonic_ns,
    names, record, run_to_end, scratch, wait_until,
};

#[test]
fn a_snapshot_seals_what_there_is_and_recording_goes_on() {
    if !bpf_available() {
        return;
    }
    for by_command in [false, true] {
        let directory = scratch();
        let path = directory.path().join("c.parquet");
        let mut recorder = Recording::start_into(&path, &[]);
        let peers = Peers::new();
        let load = Load::start(&peers, 1, Duration::from_millis(2));
        wait_until("load", || load.made() > 200);
        let asked_ns = monotonic_ns();
        if by_command {
            let pid = recorder.pid().to_string();
            let ended = run_to_end(&mut record(&["snapshot", &pid]));
            assert!(ended.status.success(), "{ended:?}");
        } else {
            recorder.signal(Signal::USR1);
        }
        wait_until("a snapshot", || !captures_below(directory.path()).is_empty());
        let so_far = Capture::rows_below(directory.path());
        assert!(recorder.is_running());
        let before = load.made();
        wait_until("more load", || load.made() > before + 200);
        let stopped_ns = monotonic_ns();
        recorder.stop();
        let made = load.finish();

        let known = Difference::of(&made, &peers.rows(&so_far), asked_ns);
        assert!(known.missing.is_empty(), "the snapshot has what ended before it was asked for");
        assert!(known.twice.is_empty() && known.unknown.is_empty());
        // The snapshot is a copy: the capture itself has everything.
        let rows = Capture::read(&path).rows;
        Difference::of(&made, &peers.rows(&rows), stopped_ns).assert_none("the capture");
        assert_eq!(names(directory.path()).len(), 2, "{:?}", names(directory.path()));
    }
}

#[test]
fn a_segment_ends_early_and_a_quiet_host_answers_too() {
    if !bpf_available() {
        return;
    }
    // Nobody connects to port 1 of a documentation address (RFC 5737).
    for filters in [&[][..], &["--dst", "192.0.2.1", "--dst-port", "1"][..]] {
        let directory = scratch();
        let arguments = [&["--rotate", "1h"][..], filters].concat();
        let mut recorder = Recording::start_tree(directory.path(), &arguments);
        let peers = Peers::new();
        let load = Load::start(&peers, 1, Duration::from_millis(2));
        wait_until("load", || load.made() > 100);
        for segments in 1..=3 {
            recorder.signal(Signal::USR1);
            wait_until("a segment", || captures_below(directory.path()).len() == segments);
        }
        let stopped_ns = monotonic_ns();
        recorder.stop();
        let made = load.finish();
        let segments = captures_below(directory.path());
        assert_eq!(segments.len(), 4, "three by request and the last");
        let captures: Vec<Capture> = segments.iter().map(|path| Capture::read(path)).collect();
        let filtered: u64 = captures.iter().map(|capture| capture.info.counters.filtered).sum();
        assert!(captures.iter().all(|capture| capture.info.clean));
        let rows: Vec<Row> = captures.into_iter().flat_map(|capture| capture.rows).collect();
        if filters.is_empty() {
            Difference::of(&made, &peers.rows(&rows), stopped_ns).assert_none("all segments");
        } else {
            // Nothing to show, but the load was seen.
            let due = made.iter().filter(|made| made.window.1 < stopped_ns).count() as u64;
            assert_eq!(rows.len(), 0);
            assert!(filtered >= due && due > 100, "{filtered} filtered of {due}");
        }
    }
}

/// Threads and descriptors of a recorder, at most, while it takes a snapshot.
const MOST_TASKS: usize = 16;
const MOST_DESCRIPTORS: usize = 128;

#[test]
fn however_often_it_is_asked_for_there_is_one_at_a_time() {
    if !bpf_available() {
        return;
    }
    for tree in [false, true] {
        let directory = scratch();
        let mut recorder = if tree {
            Recording::start_tree(directory.path(), &[])
        } else {
            Recording::start_into(&directory.path().join("c.parquet"), &[])
        };
        let peers = Peers::new();
        let load = Load::start(&peers, 1, Duration::from_millis(1));
        let until = std::time::Instant::now() + Duration::from_secs(3);
        let (mut tasks, mut descriptors) = (0, 0);
        while std::time::Instant::now() < until {
            recorder.signal(Signal::USR1);
            let now = std::fs::read_dir(format!("/proc/{}/task", recorder.pid()));
            tasks = tasks.max(now.expect("it runs").count());
            descriptors = descriptors.max(recorder.descriptors());
        }
        assert!(tasks <= MOST_TASKS, "{tasks} threads");
        assert!(descriptors <= MOST_DESCRIPTORS, "{descriptors} descriptors");
        wait_until("a snapshot", || !captures_below(directory.path()).is_empty());
        recorder.stop();
        load.finish();
    }
}
