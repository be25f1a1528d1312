//! Clients that keep their own log.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::Socket;

use crate::{Made, Row, connect_and_reset, nobody, server};

/// No test makes more than this, whatever goes wrong.
const MAX_CONNECTS: usize = 400_000;

/// Somebody who accepts and a port where nobody does; the ports are ours
/// alone, so rows can be told apart from those of other tests.
#[derive(Debug)]
pub struct Peers {
    open: SocketAddr,
    closed: SocketAddr,
    _reserved: Socket,
}

impl Default for Peers {
    fn default() -> Self {
        Self::new()
    }
}

impl Peers {
    /// Both on the IPv4 loopback of the calling thread's namespace.
    pub fn new() -> Self {
        let open = server("127.0.0.1:0");
        let (reserved, closed) = nobody("127.0.0.1:0");
        Self { open, closed, _reserved: reserved }
    }

    /// Rows of connects to these peers.
    pub fn rows<'a>(&self, rows: &'a [Row]) -> Vec<&'a Row> {
        let ports = [self.open.port(), self.closed.port()].map(i32::from);
        rows.iter().filter(|row| ports.contains(&row.dst_port)).collect()
    }
}

/// Threads that connect without rest, or with some.
#[derive(Debug)]
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
                        let each = (0..8).map(|n| if n == 0 { closed } else { open });
                        made.extend(each.map(connect_and_reset));
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
