//! Asked to stop, the recorder loses nothing at all.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use test_support::{
    Capture, Difference, Load, Peers, Recording, bpf_available, monotonic_ns, names, scratch,
};

const ROUNDS: u32 = 3;

#[test]
fn nothing_that_ended_before_the_signal_is_missing() {
    if !bpf_available() {
        return;
    }
    let peers = Peers::new();
    for round in 0..ROUNDS {
        for signal in [Signal::TERM, Signal::INT] {
            let directory = scratch();
            let path = directory.path().join("c.parquet");
            let mut recorder = Recording::start_into(&path, &[]);
            let load = Load::start(&peers, 2, Duration::from_micros(200));
            thread::sleep(Duration::from_micros(fastrand::u64(50_000..500_000)));
            let signalled_ns = monotonic_ns();
            recorder.signal(signal);
            let ended = recorder.wait();
            let made = load.finish();

            assert!(ended.status.success(), "{ended:?}");
            assert_eq!(names(directory.path()), ["c.parquet"]);
            let capture = Capture::read(&path);
            assert!(capture.info.clean);
            assert_eq!(capture.info.counters.lost.total(), 0);
            let rows = peers.rows(&capture.rows);
            let difference = Difference::of(&made, &rows, signalled_ns);
            difference.assert_none(&format!("{signal:?}, round {round}"));
            assert!(difference.matched > 100, "hardly any load: {}", difference.matched);
        }
    }
}
