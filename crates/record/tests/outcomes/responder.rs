//! A TCP peer in user space behind a TUN device: answers when and how a case
//! asks for, and logs when it really did. That log is the rig's truth.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use test_support::netlink;
use test_support::{monotonic_ns, wait_until};

use crate::packet::Segment;
use crate::tun;

/// The host's own addresses on the device.
pub const OWN_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));
pub const OWN_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 0, 1));
/// The last stretch before a due time is spun, not slept: ns.
const SPIN_NS: i64 = 150_000;
/// How often the responder looks whether it should stop.
const IDLE_NS: i64 = 20_000_000;
/// An ICMP error that arrives while connect(2) still holds the socket is only
/// a soft error (net/ipv4/tcp_ipv4.c, tcp_v4_err), so it comes a bit later.
const ICMP_DELAY_NS: i64 = 3_000_000;

/// What the responder does with the SYNs to one of its addresses.
#[derive(Debug, Clone, Copy)]
pub enum Behaviour {
    /// SYN-ACK this long after the SYN, the first `lost` SYNs of a flow ignored.
    Accept { after: Duration, lost: usize },
    /// RST.
    Reset,
    /// ICMP destination unreachable or its ICMPv6 counterpart.
    Icmp { kind: u8, code: u8 },
    /// Nothing.
    Silent,
    /// SYN for the SYN, and then what the second part says for the SYN-ACK.
    Simultaneous(Then),
}

/// The end of a simultaneous open.
#[derive(Debug, Clone, Copy)]
pub enum Then {
    Ack,
    Reset,
    Silent,
}

/// SYN-ACK at once.
pub const ACCEPT: Behaviour = Behaviour::Accept { after: Duration::ZERO, lost: 0 };

/// One flow as the responder heard it; times are CLOCK_MONOTONIC, ns.
#[derive(Debug, Clone)]
pub struct Heard {
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// When each SYN was read.
    pub syns: Vec<i64>,
    /// Payload of the last SYN, bytes.
    pub syn_payload: u32,
    /// Just before and just after each answer was sent.
    pub answers: Vec<(i64, i64)>,
}

#[derive(Debug, Default)]
struct Log {
    flows: Mutex<Vec<Heard>>,
    changed: Condvar,
}

/// A running responder.
#[derive(Debug)]
pub struct Responder {
    log: Arc<Log>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Creates the device in the calling thread's namespace and answers there;
    /// the behaviours belong to peers 0, 1, 2 …
    pub fn start(behaviours: &[Behaviour]) -> io::Result<Self> {
        let device = tun::open()?;
        netlink::link_up(tun::NAME)?;
        netlink::add_address(tun::NAME, OWN_V4, 16)?;
        // Without IPv6 in the kernel the IPv6 cases say so themselves.
        if netlink::add_address(tun::NAME, OWN_V6, 64).is_ok() {
            wait_until("the route to the own IPv6 address", own_v6_is_routed);
        }
        let (log, stop) = (Arc::new(Log::default()), Arc::new(AtomicBool::new(false)));
        let worker = Worker {
            device,
            behaviours: behaviours.to_vec(),
            log: Arc::clone(&log),
            stop: Arc::clone(&stop),
            due: VecDeque::new(),
        };
        let thread = thread::Builder::new().name("responder".to_owned());
        let thread = Some(thread.spawn(move || worker.run())?);
        Ok(Self { log, stop, thread })
    }

    /// Peer `n` by IPv4.
    pub fn v4(&self, n: u8, port: u16) -> SocketAddr {
        (Ipv4Addr::new(10, 99, 1, n), port).into()
    }

    /// Peer `n` by IPv6.
    pub fn v6(&self, n: u8, port: u16) -> SocketAddr {
        (Ipv6Addr::new(0xfd99, 0, 0, 0, 0, 0, 1, n.into()), port).into()
    }

    /// Waits until `enough` SYNs to this address were read.
    pub fn wait_for_syns(&self, to: SocketAddr, enough: usize) -> Heard {
        self.wait(to, |heard| heard.syns.len() >= enough)
    }

    /// Waits until `enough` answers of this address were sent.
    pub fn wait_for_answers(&self, to: SocketAddr, enough: usize) -> Heard {
        self.wait(to, |heard| heard.answers.len() >= enough)
    }

    /// Waits until a SYN from this port was read.
    pub fn wait_for_flow(&self, to: SocketAddr, port: u16) -> Heard {
        self.wait(to, |heard| heard.from.port() == port)
    }

    fn wait(&self, to: SocketAddr, ready: impl Fn(&Heard) -> bool) -> Heard {
        let deadline = Instant::now() + Duration::from_secs(15);
        let mut flows = self.log.flows.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(heard) = flows.iter().find(|heard| heard.to == to && ready(heard)) {
                return heard.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the responder heard only {flows:?}");
            let waited = self.log.changed.wait_timeout(flows, left);
            flows = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Worker {
    device: File,
    behaviours: Vec<Behaviour>,
    log: Arc<Log>,
    stop: Arc<AtomicBool>,
    /// Answers to send, in the order of their times.
    due: VecDeque<(i64, Segment, Vec<u8>)>,
}

impl Worker {
    fn run(mut self) {
        ask_for_precise_wakeups();
        while !self.stop.load(Ordering::Relaxed) {
            self.send_due();
            let next = self.due.front().map_or(IDLE_NS, |(due, ..)| due - SPIN_NS - monotonic_ns());
            let timeout = Timespec { tv_sec: 0, tv_nsec: next.clamp(0, IDLE_NS) };
            let mut waited = [PollFd::from_borrowed_fd(self.device.as_fd(), PollFlags::IN)];
            let _ = poll(&mut waited, Some(&timeout));
            let mut buffer = [0; 2048];
            while let Ok(length @ 1..) = self.device.read(&mut buffer) {
                let read_at = monotonic_ns();
                if let Some(segment) = Segment::parse(&buffer[..length]) {
                    self.hear(segment, read_at);
                }
            }
        }
    }

    fn hear(&mut self, segment: Segment, at: i64) {
        let Some(behaviour) = self.behaviour(segment.to.ip()) else { return };
        if !segment.is_syn() {
            let finishing = segment.tcp.fin || segment.payload > 0;
            let answer = match behaviour {
                _ if segment.tcp.rst => return,
                Behaviour::Simultaneous(then) if segment.tcp.syn => match then {
                    Then::Ack => segment.ack(),
                    Then::Reset => segment.rst(),
                    Then::Silent => return,
                },
                // Whoever closes shall not wait for us.
                _ if finishing => segment.rst(),
                _ => return,
            };
            self.schedule(at, segment, answer);
            return;
        }
        let count = self.log_syn(&segment, at);
        let (due, answer) = match behaviour {
            Behaviour::Silent => return,
            Behaviour::Accept { lost, .. } if count <= lost => return,
            Behaviour::Accept { after, .. } => {
                (at + i64::try_from(after.as_nanos()).unwrap_or(i64::MAX), segment.syn_ack())
            }
            Behaviour::Reset => (at, segment.rst()),
            Behaviour::Icmp { kind, code } => (at + ICMP_DELAY_NS, segment.icmp(kind, code)),
            Behaviour::Simultaneous(_) => (at, segment.syn()),
        };
        self.schedule(due, segment, answer);
    }

    fn behaviour(&self, to: IpAddr) -> Option<Behaviour> {
        let n = match to {
            IpAddr::V4(to) => to.octets()[3],
            IpAddr::V6(to) => to.octets()[15],
        };
        self.behaviours.get(usize::from(n)).copied()
    }

    fn schedule(&mut self, due: i64, segment: Segment, answer: Vec<u8>) {
        let at = self.due.partition_point(|(other, ..)| *other <= due);
        self.due.insert(at, (due, segment, answer));
    }

    fn send_due(&mut self) {
        while let Some((due, ..)) = self.due.front()
            && due - monotonic_ns() <= SPIN_NS
        {
            let Some((due, segment, answer)) = self.due.pop_front() else { return };
            while monotonic_ns() < due {
                std::hint::spin_loop();
            }
            let before = monotonic_ns();
            let sent = self.device.write(&answer);
            let after = monotonic_ns();
            if sent.is_ok() {
                self.change(&segment, |heard| heard.answers.push((before, after)));
            }
        }
    }

    fn log_syn(&self, segment: &Segment, at: i64) -> usize {
        let mut count = 0;
        self.change(segment, |heard| {
            heard.syns.push(at);
            heard.syn_payload = segment.payload;
            count = heard.syns.len();
        });
        count
    }

    fn change(&self, segment: &Segment, change: impl FnOnce(&mut Heard)) {
        let mut flows = self.log.flows.lock().unwrap_or_else(PoisonError::into_inner);
        let known =
            flows.iter().position(|flow| (flow.from, flow.to) == (segment.from, segment.to));
        let index = known.unwrap_or_else(|| {
            flows.push(Heard {
                from: segment.from,
                to: segment.to,
                syns: Vec::new(),
                syn_payload: 0,
                answers: Vec::new(),
            });
            flows.len() - 1
        });
        change(&mut flows[index]);
        self.log.changed.notify_all();
    }
}

/// A new IPv6 address gets its local route from a work queue, and until then
/// answers to it are dropped.
fn own_v6_is_routed() -> bool {
    let routes = std::fs::read_to_string("/proc/thread-self/net/ipv6_route").expect("/proc");
    routes.lines().any(|route| route.starts_with("fd990000000000000000000000000001 80 "))
}

/// Real-time scheduling, where it may be had: answers are due to the
/// microsecond on a machine that is busy with other cases.
fn ask_for_precise_wakeups() {
    // The kernel's `struct sched_param`; musl has no call that passes it on.
    let priority: libc::c_int = 1;
    // SAFETY: the parameters outlive the call.
    unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_FIFO, &raw const priority)
    };
}
