//! SIGKILL at random moments, under load, again and again.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use test_support::{
    Capture, Difference, Load, Peers, Recording, bpf_available, captures_below, files_below,
    journal_of, journals_below, monotonic_ns, names, recover, setting,
};

use crate::journals;

/// What may be lost: younger than this when the kill arrives.
const WINDOW_NS: i64 = 500_000_000;

/// In memory where the host has such a place, or where CONNLAT_KILL_DIR says:
/// these tests are about the end of processes, and a disk that others keep busy
/// would add its own delays.
fn scratch_to_kill() -> tempfile::TempDir {
    let place = std::env::var_os("CONNLAT_KILL_DIR").unwrap_or_else(|| "/dev/shm".into());
    tempfile::tempdir_in(place).or_else(|_| tempfile::tempdir()).expect("a temporary directory")
}

#[derive(Debug, Clone, Copy)]
enum Moment {
    /// While recording.
    Recording,
    /// This long after SIGTERM: while the last events are fetched, the journal
    /// is closed, the capture sealed, renamed, or the journal removed.
    Stopping,
}

#[test]
fn killed_at_random_moments() {
    if !bpf_available() {
        return;
    }
    let rounds: u32 = setting("CONNLAT_KILL_ROUNDS", 10);
    let peers = Peers::new();
    let mut tally = std::collections::BTreeMap::new();
    let (mut rows, mut due) = (0, 0);
    for round in 0..rounds {
        let moment = if round % 2 == 0 { Moment::Recording } else { Moment::Stopping };
        let (left, difference) = kill_once(round, moment, &peers);
        *tally.entry(format!("{moment:?} left {left:?}")).or_insert(0) += 1;
        rows += difference.matched;
        due += difference.due;
    }
    eprintln!("{rounds} kills, {rows} rows recovered and compared: {tally:#?}");
    assert!(due > 100, "only {due} connects had to be there");
}

/// One kill; returns what was on disk after it, and what came back.
fn kill_once(round: u32, moment: Moment, peers: &Peers) -> (Vec<String>, Difference) {
    let directory = scratch_to_kill();
    let capture = directory.path().join("c.parquet");
    let journal = journal_of(&capture);
    let mut recorder = Recording::start_into(&capture, &[]);
    let load = Load::start(peers, 2, Duration::from_micros(500));
    let killed_ns = match moment {
        Moment::Recording => {
            // The first one late, so that something has to be there.
            let latest = 1_200_000;
            let moment = if round == 0 { latest } else { fastrand::u64(..latest) };
            thread::sleep(Duration::from_micros(moment));
            monotonic_ns()
        }
        Moment::Stopping => {
            thread::sleep(Duration::from_micros(fastrand::u64(..600_000)));
            // Everything before the request to stop counts.
            let stop_ns = monotonic_ns();
            recorder.signal(Signal::TERM);
            // A logarithmic spread hits the first and the last steps alike.
            let exponent = fastrand::f64() * 5.5;
            thread::sleep(Duration::from_secs_f64(1e-6 * 10f64.powf(exponent)));
            stop_ns
        }
    };
    recorder.signal(Signal::KILL);
    let ended = recorder.wait();
    let made = load.finish();

    let context = format!("round {round}, {moment:?}, {ended:?}");
    let left = names(directory.path());
    assert!(
        left.iter().all(|name| name.starts_with("c.parquet")),
        "{context}: unexpected files {left:?}"
    );
    if journal.exists() {
        // Readable as it is, before anybody repairs anything.
        journals::read(&journal);
        let recovered = recover(&[&journal]);
        assert!(recovered.status.success(), "{context}: {recovered:?}");
    }
    assert_eq!(names(directory.path()), ["c.parquet"], "{context}, left {left:?}");
    let capture = Capture::read(&capture);
    let rows = peers.rows(&capture.rows);
    let difference = Difference::of(&made, &rows, killed_ns - WINDOW_NS);
    difference.assert_none(&format!("{context}, left {left:?}"));
    (left, difference)
}

#[test]
fn killed_while_rotating() {
    if !bpf_available() {
        return;
    }
    let rounds = setting::<u32>("CONNLAT_KILL_ROUNDS", 10).div_ceil(2);
    let peers = Peers::new();
    let (mut journals_left, mut sealed, mut due) = (0, 0, 0);
    for round in 0..rounds {
        let directory = scratch_to_kill();
        let mut recorder = Recording::start_tree(directory.path(), &["--rotate", "200ms"]);
        let load = Load::start(&peers, 2, Duration::from_micros(500));
        thread::sleep(Duration::from_micros(fastrand::u64(700_000..2_000_000)));
        let killed_ns = monotonic_ns();
        recorder.signal(Signal::KILL);
        recorder.wait();
        let made = load.finish();

        // One that was being created when the kill came holds nothing.
        let journals = journals_below(directory.path());
        journals_left += journals.len();
        sealed += captures_below(directory.path()).len();
        for journal in &journals {
            let recovered = recover(&[journal]);
            assert!(recovered.status.success(), "round {round}: {recovered:?}");
        }
        let captures = captures_below(directory.path());
        assert_eq!(files_below(directory.path()), captures, "round {round}: captures only");
        let rows = Capture::rows_below(directory.path());
        let difference = Difference::of(&made, &peers.rows(&rows), killed_ns - WINDOW_NS);
        difference.assert_none(&format!("round {round}"));
        due += difference.due;
    }
    eprintln!("{rounds} kills while rotating left {journals_left} journals, {sealed} segments");
    assert!(sealed > 0, "no segment ended before a kill");
    assert!(due > 100, "only {due} connects had to be there");
}
