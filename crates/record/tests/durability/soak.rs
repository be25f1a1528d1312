//! The always-on recorder: rotation and retention.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use test_support::{
    Capture, Difference, Load, Peers, Recording, Row, bpf_available, captures_below, files_below,
    journals_below, monotonic_ns, names, record, run_to_end, scratch, setting, wait_until,
};

/// Resident memory, whatever the machine is busy with, kB.
const MEMORY_KB: u64 = 256 << 10;
/// Descriptors, with some segments waiting to be sealed.
const DESCRIPTORS: usize = 100;
/// The second half of a long run may use so much more than the first.
const MEMORY_SLACK_KB: u64 = 8 << 10;
const DESCRIPTOR_SLACK: usize = 8;
/// Shorter runs are over before allocators have filled their arenas.
const LONG_RUN_SECONDS: u64 = 60;

#[test]
fn rotation_keeps_every_event_once_in_constant_memory() {
    if !bpf_available() {
        return;
    }
    let seconds: u64 = setting("CONNLAT_SOAK_SECONDS", 8);
    let directory = scratch();
    let mut recorder = Recording::start_tree(directory.path(), &["--rotate", "1s"]);
    let peers = Peers::new();
    let load = Load::start(&peers, 1, Duration::from_millis(10));
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut memory, mut descriptors) = (Vec::new(), Vec::new());
    while Instant::now() < end {
        assert!(recorder.is_running(), "ended: {:?}", recorder.wait().status);
        memory.push(recorder.rss_kb().unwrap_or(0));
        descriptors.push(recorder.descriptors());
        thread::sleep(Duration::from_millis(100));
    }
    let stopped_ns = monotonic_ns();
    recorder.stop();
    let made = load.finish();

    let segments = captures_below(directory.path());
    assert_eq!(files_below(directory.path()), segments, "captures and nothing else");
    assert!(segments.len() as u64 >= seconds / 2, "{} segments", segments.len());
    for segment in &segments {
        let text = segment.strip_prefix(directory.path()).expect("below").to_string_lossy();
        let parts: Vec<&str> = text.split('/').collect();
        let hive = matches!(parts[..], [host, date, name]
            if host.starts_with("node=h-") && date.starts_with("date=") && name.starts_with("connlat-"));
        assert!(hive, "{text}");
        let capture = Capture::read(segment);
        assert!(capture.info.clean, "{text}");
        assert_eq!(capture.info.counters.written, capture.rows.len() as u64, "{text}");
        assert_eq!(capture.info.counters.lost.total(), 0, "{text}");
    }
    let rows = Capture::rows_below(directory.path());
    let difference = Difference::of(&made, &peers.rows(&rows), stopped_ns);
    difference.assert_none("over all segments");

    let (memory_early, memory_late) = most_of_halves(&memory);
    let (early, late) = most_of_halves(&descriptors);
    eprintln!(
        "{seconds} s, {} segments, {} rows; memory at most {memory_early} then {memory_late} kB, \
         descriptors at most {early} then {late}",
        segments.len(),
        difference.matched
    );
    assert!(memory_early.max(memory_late) < MEMORY_KB && early.max(late) < DESCRIPTORS);
    if seconds >= LONG_RUN_SECONDS {
        assert!(memory_late <= memory_early + MEMORY_SLACK_KB, "memory grows: {memory:?}");
        assert!(late <= early + DESCRIPTOR_SLACK, "descriptors grow: {descriptors:?}");
    }
}

/// The largest sample of the first and of the second half.
fn most_of_halves<T: Copy + Ord + Default>(samples: &[T]) -> (T, T) {
    let (early, late) = samples.split_at(samples.len() / 2);
    let most = |samples: &[T]| samples.iter().copied().max().unwrap_or_default();
    (most(early), most(late))
}

#[test]
fn rotation_by_size() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let mut recorder = Recording::start_tree(directory.path(), &["--rotate", "100KB"]);
    let peers = Peers::new();
    let load = Load::start(&peers, 2, Duration::from_micros(500));
    wait_until("a second and a third segment", || captures_below(directory.path()).len() >= 2);
    let stopped_ns = monotonic_ns();
    recorder.stop();
    let made = load.finish();
    let rows = Capture::rows_below(directory.path());
    Difference::of(&made, &peers.rows(&rows), stopped_ns).assert_none("over all segments");
}

/// Replaces a file by a capture of its own, not a segment.
fn record_one(path: &Path) {
    let mut command = record(&["--force", "--duration", "1ms", "-o"]);
    let ended = run_to_end(command.arg(path));
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
fn retention_deletes_its_own_oldest_segments_and_nothing_else() {
    if !bpf_available() {
        return;
    }
    for retain in [["--retain", "2s"], ["--retain-size", "20KB"]] {
        let directory = scratch();
        let peers = Peers::new();
        let mut arguments = vec!["--rotate", "500ms"];
        arguments.extend(retain);
        let mut recorder = Recording::start_tree(directory.path(), &arguments);
        let journal = journals_below(directory.path()).remove(0);
        let place = journal.parent().expect("a directory").to_owned();
        let load = Load::start(&peers, 1, Duration::from_millis(5));
        wait_until("the first segment", || !captures_below(&place).is_empty());
        let first = captures_below(&place).remove(0);

        // Somebody else's files, older by name than anything of this recorder.
        let host = place.parent().and_then(Path::file_name).expect("node=").to_string_lossy();
        let host = host.trim_start_matches("node=h-").to_owned();
        let foreign = [
            "notes.txt".to_owned(),
            "aaa.parquet".to_owned(),
            "connlat-other-20200101T000000Z.parquet".to_owned(),
            format!("connlat-{host}-20200101T000000Z.parquet.journal"),
            format!("connlat-{host}-important.parquet"),
        ];
        for name in &foreign {
            fs::copy(&first, place.join(name)).expect("a copy");
        }
        // By name like its own, by content a recording that was never rotated.
        record_one(&place.join(&foreign[4]));
        wait_until("the end of the first segment's time", || !first.exists());
        assert!(recorder.is_running());
        let most = 14;
        let observed = Instant::now() + Duration::from_secs(4);
        while Instant::now() < observed {
            let own = captures_below(&place).len() - 3;
            assert!(own <= most, "{own} segments are kept: {:?}", names(&place));
            thread::sleep(Duration::from_millis(50));
        }
        let stopped_ns = monotonic_ns();
        recorder.stop();
        let made = load.finish();
        for name in &foreign {
            assert!(place.join(name).exists(), "{retain:?} deleted {name}");
            fs::remove_file(place.join(name)).expect("removed");
        }
        // From the oldest segment that is left, nothing is missing.
        let captures: Vec<Capture> =
            captures_below(&place).iter().map(|path| Capture::read(path)).collect();
        let oldest = captures.iter().map(|c| c.info.start.monotonic_ns).min().expect("segments");
        let rows: Vec<Row> = captures.into_iter().flat_map(|capture| capture.rows).collect();
        let kept: Vec<_> =
            made.into_iter().filter(|made| made.window.0 > oldest + 200_000_000).collect();
        let difference = Difference::of(&kept, &peers.rows(&rows), stopped_ns);
        let (missing, twice) = (difference.missing.len(), difference.twice.len());
        assert_eq!((missing, twice), (0, 0), "{retain:?}");
    }
}

#[test]
fn a_removed_host_directory_costs_only_what_was_in_it() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let mut recorder = Recording::start_tree(directory.path(), &["--rotate", "500ms"]);
    let peers = Peers::new();
    let load = Load::start(&peers, 1, Duration::from_millis(5));
    wait_until("a segment", || !captures_below(directory.path()).is_empty());
    for entry in fs::read_dir(directory.path()).expect("the directory") {
        fs::remove_dir_all(entry.expect("an entry").path()).expect("removed");
    }
    let removed_ns = monotonic_ns();
    // What is recorded from the next segment on is kept.
    wait_until("new segments", || captures_below(directory.path()).len() >= 3);
    assert!(recorder.is_running());
    let stopped_ns = monotonic_ns();
    recorder.stop();
    let made = load.finish();
    let rows = Capture::rows_below(directory.path());
    let later: Vec<_> =
        made.into_iter().filter(|made| made.window.0 > removed_ns + 1_000_000_000).collect();
    let difference = Difference::of(&later, &peers.rows(&rows), stopped_ns);
    let (missing, twice) = (difference.missing.len(), difference.twice.len());
    assert_eq!((missing, twice), (0, 0), "{:?}", difference.missing.first());
}
