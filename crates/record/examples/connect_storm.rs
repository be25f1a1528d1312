//! Load for measurements: connects on loopback as fast as this host can.
//!
//! `connect_storm CONNECTS [THREADS]` makes exactly that many connects, one
//! third each to an IPv4 and an IPv6 listener and to a port where nobody
//! listens, and prints what became of them as JSON.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

/// An upper bound, so that a typing error does not run for days.
const MAX_CONNECTS: u64 = 1_000_000_000;

#[derive(Default)]
struct Tally {
    established: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

fn main() -> ExitCode {
    let numbers: Option<Vec<u64>> = std::env::args().skip(1).map(|n| n.parse().ok()).collect();
    let (connects, threads) = match numbers.as_deref() {
        Some([connects]) => (*connects, 4),
        Some([connects, threads]) => (*connects, *threads),
        _ => {
            eprintln!("usage: connect_storm CONNECTS [THREADS]");
            return ExitCode::from(2);
        }
    };
    match storm(connects.min(MAX_CONNECTS), threads.clamp(1, 256)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("connect_storm: {error}");
            ExitCode::FAILURE
        }
    }
}

fn storm(connects: u64, threads: u64) -> io::Result<()> {
    let v4 = serve("127.0.0.1:0")?;
    let v6 = serve("[::1]:0")?;
    let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let tally = Tally::default();
    let started = Instant::now();
    thread::scope(|scope| {
        for thread in 0..threads {
            let share = connects / threads + u64::from(thread < connects % threads);
            let tally = &tally;
            scope.spawn(move || {
                for number in 0..share {
                    let to = [v4, v6, closed][(number % 3) as usize];
                    let counter = match connect(to) {
                        Ok(()) => &tally.established,
                        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                            &tally.refused
                        }
                        Err(_) => &tally.failed,
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{{\"connects\": {connects}, \"established\": {}, \"refused\": {}, \"failed\": {}, \"seconds\": {seconds:.3}, \"per_second\": {:.0}}}",
        count(&tally.established),
        count(&tally.refused),
        count(&tally.failed),
        connects as f64 / seconds
    );
    Ok(())
}

/// Connects and resets at once, so that no port waits in TIME_WAIT.
fn connect(to: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect(&to.into())
}

fn serve(address: &str) -> io::Result<SocketAddr> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let listener = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    listener.bind(&address.into())?;
    listener.listen(4096)?;
    let listener = TcpListener::from(listener);
    let address = listener.local_addr()?;
    thread::spawn(move || for _ in listener.incoming() {});
    Ok(address)
}
