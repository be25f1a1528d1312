//! Whatever programs the kernel skips, those that are left see every connect
//! once. Needs BPF.

use std::net::{SocketAddr, TcpListener, TcpStream};

use connlat_schema::capture::metadata::Lost;
use connlat_schema::counter::Counter;
use rustix::thread::{CpuSet, sched_getcpu, sched_setaffinity};
use socket2::{Domain, SockAddr, Socket, Type};
use test_support::skip;

use super::*;
use crate::probe::filters::Filters;

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

fn socket() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket")
}

/// A listener whose full accept queue drops SYNs (net/ipv4/tcp_input.c,
/// tcp_conn_request), and what fills it.
fn silent_listener() -> (SocketAddr, Vec<Socket>) {
    let listener = socket();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    listener.listen(0).expect("listening");
    let address = listener.local_addr().expect("bound").as_socket().expect("an IP address");
    let mut kept = unanswered(address, 4);
    kept.push(listener);
    (address, kept)
}

fn unanswered(to: SocketAddr, count: usize) -> Vec<Socket> {
    (0..count)
        .map(|_| {
            let socket = socket();
            socket.set_nonblocking(true).expect("a flag");
            let _ = socket.connect(&to.into());
            socket
        })
        .collect()
}

/// An attempt whose end was missed stays in the table under the address of a
/// socket that is gone. What the kernel puts there next is not its end.
#[test]
fn a_left_over_does_not_get_the_end_of_another_socket() {
    const PROGRAMS: &[&str] = &["connlat_state", "connlat_state_last"];
    // The kernel gives memory freed on a CPU to the next socket of that CPU.
    let mut here = CpuSet::new();
    here.set(sched_getcpu());
    sched_setaffinity(None, &here).expect("one CPU");
    let btf = kernel_types(super::super::KERNEL_BTF.as_ref()).expect("the kernel's types");

    for is_passive in [true, false] {
        let (silent, _full) = silent_listener();
        let server = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address: SockAddr = server.local_addr().expect("bound").into();
        let Some(mut probe) = probe(PROGRAMS, silent.port()) else { return };
        let early: Vec<Socket> = (0..EACH).map(|_| socket()).collect();
        let left_over = unanswered(silent, EACH);
        probe.state.detach(&mut probe.ebpf);
        drop(left_over);
        probe.state = StatePrograms::attach(&mut probe.ebpf, &btf, PROGRAMS).expect("attached");

        // Sockets from before leave the memory to those that accepting makes.
        let others = if is_passive { early } else { (0..EACH).map(|_| socket()).collect() };
        let accepted: Vec<TcpStream> = others
            .iter()
            .map(|other| {
                other.connect(&address).expect("connected");
                server.accept().expect("accepted").0
            })
            .collect();
        let noticed = probe.counters().expect("readable").lost.end_missed;
        let mut events = Vec::new();
        probe.detach(&mut events);
        probe.take_undecided(u64::MAX >> 1, &mut events);

        assert_eq!(accepted.len(), EACH);
        assert!(
            events.is_empty(),
            "passive {is_passive}: of connects that ended unseen: {events:?}"
        );
        assert!(noticed > 0, "passive {is_passive}: no memory was used again");
        let counters = probe.counters().expect("readable");
        assert_eq!(counters.lost.end_missed, EACH as u64, "passive {is_passive}");
        assert_eq!(counters.seen, counters.filtered + EACH as u64, "passive {is_passive}");
    }
}
