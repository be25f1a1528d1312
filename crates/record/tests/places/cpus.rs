//! The account of events does not depend on what files say about CPUs.

use std::fs;

use connlat_schema::capture::metadata::Counters;
use rustix::process::Signal;
use test_support::{Recording, scratch};

use super::{possible, quiet_place, storm};

const CONNECTS: u64 = 60;

/// Records a known number of connects, with files changed by a shell script
/// before; the account.
fn account(change: &str, arguments: &[&str]) -> Counters {
    let (place, path) = quiet_place();
    let run = format!("{change} && exec \"$@\"");
    let wrapper = ["unshare", "--mount", "sh", "-c", &run, "sh"];
    let netns = ["--netns", path.to_str().expect("UTF-8")];
    let recording = Recording::start_through(&wrapper, &[&netns[..], arguments].concat());
    let storm =
        place.run(|| std::process::Command::new(storm()).arg(CONNECTS.to_string()).output());
    assert!(storm.expect("it runs").status.success());
    let mut recording = recording;
    let ended = recording.end_by(Signal::INT);
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stderr.contains(" 0 lost"), "{ended:?}");
    let capture = test_support::Capture::read(recording.capture());
    assert_eq!(capture.rows.len() as u64, CONNECTS);
    assert_eq!(capture.info.account_problem, None);
    capture.info.counters
}

fn adds_up(counters: &Counters) {
    assert_eq!(counters.contradiction(CONNECTS), None, "{counters:?}");
    assert!(counters.seen >= CONNECTS, "{counters:?}");
}

#[test]
fn without_sys_the_account_adds_up() {
    if !possible() {
        return;
    }
    let directory = scratch();
    let types = directory.path().join("btf");
    fs::copy("/sys/kernel/btf/vmlinux", &types).expect("the kernel's types");
    adds_up(&account("umount -l /sys", &["--btf", types.to_str().expect("UTF-8")]));
}

#[test]
fn a_made_up_number_of_cpus_changes_nothing() {
    if !possible() {
        return;
    }
    let directory = scratch();
    let list = directory.path().join("possible");
    for made_up in ["0\n", "0-4095\n", "garbage\n", ""] {
        fs::write(&list, made_up).expect("a file");
        let over = format!("mount --bind {} /sys/devices/system/cpu/possible", list.display());
        adds_up(&account(&over, &[]));
    }
}
