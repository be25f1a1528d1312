//! Connects with known facts, and those who answer them.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::monotonic_ns;

/// One connect as its client saw it.
#[derive(Debug, Clone)]
pub struct Made {
    /// Address and port it had, whatever came of it.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// What connect(2) returned.
    pub errno: Option<i32>,
    /// CLOCK_MONOTONIC just before and just after connect(2), ns.
    pub window: (i64, i64),
}

/// A TCP socket bound to a port of its own on the address, so that the port is
/// known even when the connect fails.
pub fn bound_socket(from: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(from), Type::STREAM, Some(Protocol::TCP))
        .expect("a socket");
    socket.bind(&SockAddr::from(from)).expect("a port");
    socket
}

/// Connects and closes.
pub fn connect(from: SocketAddr, to: SocketAddr) -> Made {
    made_by(&bound_socket(from), to)
}

/// Connects on the IPv4 loopback and resets at once, so that no port waits in
/// TIME_WAIT.
pub fn connect_and_reset(to: SocketAddr) -> Made {
    let socket = bound_socket(([127, 0, 0, 1], 0).into());
    socket.set_linger(Some(Duration::ZERO)).expect("linger");
    made_by(&socket, to)
}

fn made_by(socket: &Socket, to: SocketAddr) -> Made {
    let from = address_of(socket);
    let before = monotonic_ns();
    let result = socket.connect(&SockAddr::from(to));
    let after = monotonic_ns();
    let errno = result.err().map(|error| error.raw_os_error().expect("from the system"));
    Made { from, to, errno, window: (before, after) }
}

/// Accepts and closes until the test ends; returns the address.
pub fn server(address: &str) -> SocketAddr {
    let listener = bound_socket(address.parse().expect("an address"));
    // A short queue overflows under load, and then SYNs really are lost.
    listener.listen(4096).expect("listening");
    let address = address_of(&listener);
    thread::spawn(move || while listener.accept().is_ok() {});
    address
}

/// An address where nobody listens: bound, so that nobody else can take it.
pub fn nobody(address: &str) -> (Socket, SocketAddr) {
    let socket = bound_socket(address.parse().expect("an address"));
    let address = address_of(&socket);
    (socket, address)
}

fn address_of(socket: &Socket) -> SocketAddr {
    socket.local_addr().expect("bound").as_socket().expect("an IP address")
}
