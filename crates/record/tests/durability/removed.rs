//! The output directory is removed while recording: a process of its own makes
//! it again, for the recorder itself has no right above it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use test_support::{
    Capture, Difference, Load, Peers, Recording, bpf_available, captures_below, monotonic_ns,
    names, scratch, wait_until,
};

/// The only child of a recorder without a command.
fn helper_of(recorder: &Recording) -> Pid {
    let pid = recorder.pid();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.expect("CONFIG_PROC_CHILDREN");
    let helper = children.trim().parse().ok().and_then(Pid::from_raw);
    helper.unwrap_or_else(|| panic!("one child: {children:?}"))
}

#[test]
fn what_was_recorded_is_in_the_directory_that_was_made_again() {
    if !bpf_available() {
        return;
    }
    for in_tree in [false, true] {
        let directory = scratch();
        let output = directory.path().join("out");
        fs::create_dir(&output).expect("a directory");
        let peers = Peers::new();
        let mut recorder = if in_tree {
            Recording::start_tree(&output, &[])
        } else {
            Recording::start_into(&output.join("c.parquet"), &[])
        };
        let load = Load::start(&peers, 1, Duration::from_millis(1));
        wait_until("load", || load.made() > 100);
        // Twice: it may come back and go again.
        fs::remove_dir_all(&output).expect("removed");
        fs::create_dir(&output).expect("a directory");
        fs::remove_dir_all(&output).expect("removed");
        let before = load.made();
        wait_until("more load", || load.made() > before + 100);
        let stopped_ns = monotonic_ns();
        recorder.signal(Signal::TERM);
        let ended = recorder.wait();
        let made = load.finish();
        assert!(ended.status.success(), "{ended:?}");
        assert!(
            ended.stderr.contains("was removed while recording; it was made again"),
            "{ended:?}"
        );
        let captures = captures_below(&output);
        assert_eq!(captures.len(), 1, "{captures:?}");
        let capture = Capture::read(&captures[0]);
        Difference::of(&made, &peers.rows(&capture.rows), stopped_ns).assert_none("removed");
        let day = captures[0].parent().expect("a directory");
        assert_eq!(names(day).len(), 1, "{:?}", names(day));
        assert_eq!(names(directory.path()), ["out"]);
    }
}

#[test]
fn the_process_that_makes_it_again_ends_with_the_recorder() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let output = directory.path().join("out");
    fs::create_dir(&output).expect("a directory");
    for signal in [Signal::TERM, Signal::INT, Signal::KILL] {
        let mut recorder = Recording::start_tree(&output, &[]);
        let helper = helper_of(&recorder);
        let status = format!("/proc/{}/status", helper.as_raw_pid());
        let text = fs::read_to_string(&status).expect("it runs");
        for line in [
            "Seccomp:\t2",
            "NoNewPrivs:\t1",
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        // As from a terminal, which signals both.
        for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::USR1] {
            kill_process(helper, signal).expect("it runs");
        }
        assert!(Path::new(&status).exists());
        recorder.end_by(signal);
        // Whoever has to wait for it then may take their time.
        wait_until("its end", || {
            fs::read_to_string(&status).map_or(true, |text| text.contains("State:\tZ"))
        });
    }
}

#[test]
fn without_that_process_the_directory_is_named() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let output = directory.path().join("out");
    fs::create_dir(&output).expect("a directory");
    let mut recorder = Recording::start_into(&output.join("c.parquet"), &[]);
    kill_process(helper_of(&recorder), Signal::KILL).expect("it runs");
    fs::remove_dir_all(&output).expect("removed");
    let ended = recorder.end_by(Signal::TERM);
    ended.assert_failed();
    let named = ended.stderr.contains(output.to_str().expect("UTF-8"));
    assert!(named && ended.stderr.contains("cannot be made again"), "{ended:?}");
}
