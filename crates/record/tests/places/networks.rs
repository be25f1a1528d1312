//! Settings belong to a network namespace: the capture says to which.

use std::process::Command;

use test_support::namespace::set_sysctl;
use test_support::{Namespace, Recording};

use super::{possible, storm};

const RANGE: &str = "net.ipv4.ip_local_port_range";
const RETRIES: &str = "net.ipv4.tcp_syn_retries";

#[test]
fn each_namespace_has_its_own_settings() {
    if !possible() {
        return;
    }
    let places = [("40000 40199", "3"), ("50000 50999", "2")].map(|(range, retries)| {
        let place = Namespace::new().expect("a namespace");
        place.run(|| {
            set_sysctl("ipv4/ip_local_port_range", range);
            set_sysctl("ipv4/tcp_syn_retries", retries);
        });
        (place, range, retries)
    });
    let netns =
        places.each_ref().map(|(place, ..)| place.path().to_str().expect("UTF-8").to_owned());
    let recording = Recording::start(&["--netns", &netns[0], "--netns", &netns[1]]);
    for (place, ..) in &places {
        let storm = place.run(|| Command::new(storm()).arg("9").output());
        assert!(storm.expect("it runs").status.success());
    }
    let capture = recording.finish();
    assert_eq!(capture.rows.len(), 18);
    let own = Namespace::current().and_then(|own| own.inode()).expect("an inode");
    assert_eq!(capture.info.sysctls_netns, Some(own));
    for (place, range, retries) in &places {
        let inode = place.inode().expect("an inode");
        let of_it = capture.info.networks.iter().filter(|known| known.netns.contains(&inode));
        let of_it: Vec<_> = of_it.collect();
        assert_eq!(of_it.len(), 1, "{:?}", capture.info.networks);
        assert_eq!(of_it[0].sysctls[RANGE], *range);
        assert_eq!(of_it[0].sysctls[RETRIES], *retries);
        // What /proc/sys says to somebody who is there.
        let shown = place.run(|| std::fs::read_to_string("/proc/sys/net/ipv4/tcp_fastopen"));
        assert_eq!(of_it[0].sysctls["net.ipv4.tcp_fastopen"], shown.expect("readable").trim());
        let rows: Vec<_> = capture.rows.iter().filter(|row| row.netns == inode).collect();
        let mut ends = range.split(' ').map(|end| end.parse::<i32>().expect("a port"));
        let ends = ends.next().expect("low")..=ends.next().expect("high");
        assert!(rows.len() == 9 && rows.iter().all(|row| ends.contains(&row.src_port)), "{rows:?}");
    }
}

/// A journal that was never sealed knows them, too.
#[test]
fn a_killed_recorder_leaves_the_settings_in_its_journal() {
    if !possible() {
        return;
    }
    let (place, path) = super::quiet_place();
    place.run(|| set_sysctl("ipv4/tcp_syn_retries", "4"));
    let mut recording = Recording::start(&["--netns", path.to_str().expect("UTF-8")]);
    let empty = std::fs::metadata(recording.journal()).expect("a journal").len();
    let storm = place.run(|| Command::new(storm()).arg("9").output());
    assert!(storm.expect("it runs").status.success());
    test_support::wait_until("the rows", || {
        std::fs::metadata(recording.journal()).is_ok_and(|journal| journal.len() > empty)
    });
    recording.end_by(rustix::process::Signal::KILL);
    let recovered = test_support::recover(&[&recording.journal()]);
    assert!(recovered.status.success(), "{recovered:?}");
    let capture = test_support::Capture::read(recording.capture());
    let inode = place.inode().expect("an inode");
    let of_it = capture.info.networks.iter().find(|known| known.netns.contains(&inode));
    assert_eq!(of_it.expect("its settings").sysctls[RETRIES], "4");
}
