//! Whatever programs the kernel skips, those that are left see every connect
//! once. Needs BPF.

use std::net::{SocketAddr, TcpListener, TcpStream};

use connlat_schema::capture::metadata::Lost;
use connlat_schema::counter::Counter;
use test_support::skip;

use super::*;

const EACH: usize = 40;

/// A probe with only these state programs, as if the kernel skipped the others
/// all the time; `None` without the privileges.
fn probe(programs: &'static [&'static str], port: u16) -> Option<Probe> {
    let options = ProbeOptions {
        filters: Filters { ports: vec![port..=port], ..Filters::default() },
        min_latency_ns: 0,
        trace_local_errors: false,
        ring_bytes: 1 << 20,
        max_in_flight: 1_024,
        btf: super::super::KERNEL_BTF.into(),
    };
    match Probe::attach_programs(&options, programs) {
        Ok(probe) => Some(probe),
        Err(AttachError::Permission(why)) => {
            skip(why);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn connect(to: SocketAddr) -> bool {
    (0..EACH).all(|_| TcpStream::connect(to).is_ok())
}

#[test]
fn stand_ins_see_what_others_miss_and_nothing_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let filtered = TcpListener::bind("127.0.0.1:0").expect("another");
    let wanted = listener.local_addr().expect("bound");
    let unwanted = filtered.local_addr().expect("bound");
    let all: &[&[&str]] = &[
        &[
            "connlat_state",
            "connlat_state2",
            "connlat_state3",
            "connlat_state4",
            "connlat_state_last",
        ],
        &["connlat_state", "connlat_state_last"],
        &["connlat_state2", "connlat_state3", "connlat_state_last"],
        &["connlat_state_last"],
    ];
    for programs in all {
        let Some(mut probe) = probe(programs, wanted.port()) else { return };
        assert!(connect(wanted) && connect(unwanted));
        let mut events = Vec::new();
        probe.detach(&mut events);

        let ports: Vec<u16> = events.iter().map(|event| event.dst_port).collect();
        assert_eq!(ports, vec![wanted.port(); EACH], "{programs:?}");
        let mut sources: Vec<u16> = events.iter().map(|event| event.src_port).collect();
        sources.sort_unstable();
        sources.dedup();
        assert_eq!(sources.len(), EACH, "{programs:?}: a connect twice");
        let counters = probe.counters().expect("readable");
        assert!(counters.filtered >= EACH as u64, "{programs:?}: {counters:?}");
        assert_eq!(counters.seen, counters.filtered + EACH as u64, "{programs:?}: {counters:?}");
        assert_eq!(counters.lost, Lost::default(), "{programs:?}");
        let needed = account::sum(&probe.counts).expect("readable")[Counter::LastNeeded as usize];
        // A start and an end of each.
        let alone = programs.len() == 1;
        assert_eq!(needed, if alone { 2 * EACH as u64 } else { 0 }, "{programs:?}");
        // Accepted connections would hold their ports for a minute.
        for listener in [&listener, &filtered] {
            (0..EACH).for_each(|_| drop(listener.accept()));
        }
    }
}
