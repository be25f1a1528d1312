//! Connects whose client keeps its own log, and the comparison with a capture.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{SockAddr, Socket};

use crate::support::{Made, Row, bound_socket, monotonic_ns, nobody, server};

/// No test makes more than this, whatever goes wrong.
const MAX_CONNECTS: usize = 400_000;

/// Somebody who accepts and a port where nobody does; the ports are ours
/// alone, so rows can be told apart from those of other tests.
pub struct Peers {
    open: SocketAddr,
    closed: SocketAddr,
    _reserved: Socket,
}

impl Peers {
    pub fn new() -> Self {
        let open = server("127.0.0.1:0");
        let (reserved, closed) = nobody("127.0.0.1:0");
        Self { open, closed, _reserved: reserved }
    }

    /// Rows of connects to these peers.
    pub fn rows<'a>(&self, rows: &'a [Row]) -> Vec<&'a Row> {
        let ports = [self.open.port(), self.closed.port()].map(i32::from);
        rows.iter().filter(|row| ports.contains(&row.dst.1)).collect()
    }
}

/// Threads that connect without rest, or with some.
pub struct Load {
    stop: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Vec<Made>>>,
}

impl Load {
    /// Each thread rests `pause` after eight connects.
    pub fn start(peers: &Peers, threads: usize, pause: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let made = Arc::new(AtomicU64::new(0));
        let (open, closed) = (peers.open, peers.closed);
        let threads = (0..threads)
            .map(|_| {
                let (stop, count) = (Arc::clone(&stop), Arc::clone(&made));
                thread::spawn(move || {
                    let mut made = Vec::new();
                    while !stop.load(Ordering::Relaxed) && made.len() < MAX_CONNECTS {
                        made.extend((0..8).map(|n| connect(if n == 0 { closed } else { open })));
                        count.fetch_add(8, Ordering::Relaxed);
                        thread::sleep(pause);
                    }
                    made
                })
            })
            .collect();
        Self { stop, made, threads }
    }

    /// Connects made so far.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// Stops and returns everything that was done.
    pub fn finish(self) -> Vec<Made> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    }
}

/// Connects and resets at once, so that no port waits in TIME_WAIT.
fn connect(to: SocketAddr) -> Made {
    let socket = bound_socket("127.0.0.1:0".parse().expect("an address"));
    socket.set_linger(Some(Duration::ZERO)).expect("linger");
    let from = socket.local_addr().expect("bound").as_socket().expect("an IP address");
    let before = monotonic_ns();
    let result = socket.connect(&SockAddr::from(to));
    let after = monotonic_ns();
    let errno = result.err().map(|error| error.raw_os_error().expect("from the system"));
    Made { from, to, errno, window: (before, after) }
}

/// How a client's log and a capture differ.
#[derive(Debug, Default)]
pub struct Difference {
    /// Connects without a row, ended before the given moment.
    pub missing: Vec<Made>,
    /// Connects with more rows than one.
    pub twice: Vec<Made>,
    /// Rows of connects that nobody made.
    pub unknown: Vec<Row>,
    /// Rows that belong to a connect.
    pub matched: usize,
}

impl Difference {
    /// Compares; a connect that ended at or after `until_ns` may be missing.
    pub fn of(made: &[Made], rows: &[&Row], until_ns: i64) -> Self {
        let mut starts: HashMap<(i32, i32), Vec<i64>> = HashMap::new();
        for row in rows {
            starts.entry((row.src.1, row.dst.1)).or_default().push(row.start_ns);
        }
        for starts in starts.values_mut() {
            starts.sort_unstable();
        }
        let mut difference = Self::default();
        let mut known = HashSet::new();
        for made in made {
            let ports = (i32::from(made.from.port()), i32::from(made.to.port()));
            let starts = starts.get(&ports).map_or(&[][..], Vec::as_slice);
            let first = starts.partition_point(|start| *start < made.window.0);
            let last = starts.partition_point(|start| *start <= made.window.1);
            difference.matched += last - first;
            known.extend(starts[first..last].iter().map(|start| (ports, *start)));
            match last - first {
                0 if made.window.1 < until_ns => difference.missing.push(made.clone()),
                0 | 1 => {}
                _ => difference.twice.push(made.clone()),
            }
        }
        let unknown = |row: &&&Row| !known.contains(&((row.src.1, row.dst.1), row.start_ns));
        difference.unknown = rows.iter().filter(unknown).map(|row| (*row).clone()).collect();
        difference.match_in_flight(made);
        difference
    }

    /// A connect in the air at the very end can be reported without its port;
    /// time and destination tell which one it was.
    fn match_in_flight(&mut self, made: &[Made]) {
        self.unknown.retain(|row| {
            let was_it = |made: &Made| {
                i32::from(made.to.port()) == row.dst.1
                    && (made.window.0..=made.window.1).contains(&row.start_ns)
            };
            let is_known = row.outcome == "in_flight" && row.src.1 == 0 && made.iter().any(was_it);
            self.matched += usize::from(is_known);
            !is_known
        });
    }

    /// Fails unless every connect has its one row.
    #[track_caller]
    pub fn assert_none(&self, context: &str) {
        let Self { missing, twice, unknown, matched } = self;
        assert!(
            missing.is_empty() && twice.is_empty() && unknown.is_empty(),
            "{context}: {} missing, {} twice, {} unknown, {matched} matched; {:?} {:?} {:?}",
            missing.len(),
            twice.len(),
            unknown.len(),
            missing.first(),
            twice.first(),
            unknown.first(),
        );
    }
}
