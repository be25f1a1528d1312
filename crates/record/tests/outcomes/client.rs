//! Connects, and what their client itself knows about them.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::thread::gettid;
use rustix::time::Timespec;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use test_support::monotonic_ns;
use test_support::{Namespace, own_cgroup};

use crate::expected::{Expected, Window};

/// The task that connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    pub pid: i32,
    pub tid: i32,
    pub uid: i64,
    pub comm: String,
    pub cgroup: String,
}

impl Who {
    /// The calling thread.
    pub fn me() -> Self {
        let comm = fs::read("/proc/thread-self/comm").expect("/proc");
        Self {
            pid: std::process::id().cast_signed(),
            tid: gettid().as_raw_nonzero().get(),
            uid: rustix::process::getuid().as_raw().into(),
            comm: String::from_utf8_lossy(comm.trim_ascii_end()).into_owned(),
            cgroup: own_cgroup(),
        }
    }
}

/// One call of connect(2).
#[derive(Debug, Clone)]
pub struct Attempt {
    pub who: Who,
    /// The socket's namespace.
    pub netns: i64,
    /// The port is 0 when the client cannot know it.
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// CLOCK_MONOTONIC just before and just after the call, ns.
    pub called: Window,
    /// What the call returned.
    pub errno: Option<i32>,
}

impl Attempt {
    /// The row this attempt has to become, if it ended before the call did.
    pub fn expect(&self, outcome: &'static str) -> Expected {
        Expected::new(self, outcome)
    }

    /// The call has to have returned this.
    #[track_caller]
    pub fn returned(self, errno: i32) -> Self {
        assert_eq!(self.errno, (errno != 0).then_some(errno), "connect to {}", self.to);
        self
    }
}

/// A TCP socket that connects.
#[derive(Debug)]
pub struct Client {
    pub socket: Socket,
    who: Who,
    netns: i64,
}

impl Client {
    /// A blocking socket that is bound to nothing.
    pub fn new(domain: Domain) -> Self {
        Self::of(Socket::new(domain, Type::STREAM, Some(Protocol::TCP)).expect("a socket"))
    }

    /// An IPv4 socket.
    pub fn v4() -> Self {
        Self::new(Domain::IPV4)
    }

    /// A socket bound to the address, so that its port is known even if it fails.
    pub fn bound(from: SocketAddr) -> Self {
        let client = Self::new(Domain::for_address(from));
        client.socket.bind(&from.into()).expect("a port");
        client
    }

    /// A non-blocking IPv4 socket.
    pub fn nonblocking() -> Self {
        let client = Self::v4();
        client.socket.set_nonblocking(true).expect("a flag");
        client
    }

    /// Any socket, used by the calling thread.
    pub fn of(socket: Socket) -> Self {
        let netns = Namespace::current().and_then(|own| own.inode());
        Self { socket, who: Who::me(), netns: netns.expect("a namespace") }
    }

    pub fn option(&self, level: i32, name: i32, value: i32) -> io::Result<()> {
        let length = size_of::<i32>() as libc::socklen_t;
        let value = (&raw const value).cast();
        // SAFETY: the value has the length given and outlives the call.
        match unsafe { libc::setsockopt(self.socket.as_raw_fd(), level, name, value, length) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Calls connect(2).
    pub fn connect(&self, to: SocketAddr) -> Attempt {
        self.attempt(to, || self.socket.connect(&to.into()))
    }

    /// A non-blocking connect that has begun.
    #[track_caller]
    pub fn begin(&self, to: SocketAddr) -> Attempt {
        self.connect(to).returned(libc::EINPROGRESS)
    }

    /// Anything that starts an attempt.
    pub fn attempt<T>(&self, to: SocketAddr, call: impl FnOnce() -> io::Result<T>) -> Attempt {
        // Not inside the window: reading /proc takes longer than a connect.
        let who = Who { tid: gettid().as_raw_nonzero().get(), ..self.who.clone() };
        let before = monotonic_ns();
        let result = call();
        let after = monotonic_ns();
        let errno = result.err().map(|error| error.raw_os_error().expect("from the system"));
        let called = Window::new(before, after);
        Attempt { who, netns: self.netns, from: self.local(), to, called, errno }
    }

    /// The socket's own address as getsockname(2) has it.
    pub fn local(&self) -> SocketAddr {
        let local = self.socket.local_addr().expect("an address");
        local.as_socket().expect("an IP address")
    }

    /// Waits for a non-blocking connect; the errno, 0 for success, and when it was known.
    pub fn wait(&self) -> (i32, i64) {
        let mut waited = [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::OUT)];
        let timeout = Timespec { tv_sec: 20, tv_nsec: 0 };
        let ready = loop {
            match poll(&mut waited, Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => {}
                ready => break ready.expect("poll"),
            }
        };
        assert_eq!(ready, 1, "the connect never ended");
        let known = monotonic_ns();
        let error = self.socket.take_error().expect("SO_ERROR");
        (error.map_or(0, |error| error.raw_os_error().expect("from the system")), known)
    }

    /// connect(2) with AF_UNSPEC, which disconnects.
    pub fn disconnect(&self) -> Window {
        let address = libc::sockaddr { sa_family: libc::AF_UNSPEC as u16, sa_data: [0; 14] };
        let length = size_of::<libc::sockaddr>() as libc::socklen_t;
        let before = monotonic_ns();
        // SAFETY: the address has the length given and outlives the call.
        let result = unsafe { libc::connect(self.socket.as_raw_fd(), &raw const address, length) };
        assert_eq!(result, 0, "disconnect: {}", io::Error::last_os_error());
        Window::new(before, monotonic_ns())
    }

    /// Closes the socket; when.
    pub fn close(self) -> Window {
        let before = monotonic_ns();
        drop(self.socket);
        Window::new(before, monotonic_ns())
    }
}

/// A listening socket; the kernel completes handshakes without anybody accepting.
pub fn listen(at: &str) -> (Socket, SocketAddr) {
    let at: SocketAddr = at.parse().expect("an address");
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP));
    let socket = socket.expect("a socket");
    socket.set_reuse_address(true).expect("a flag");
    socket.bind(&at.into()).expect("a free port");
    socket.listen(128).expect("listening");
    let at = socket.local_addr().expect("bound").as_socket().expect("an IP address");
    (socket, at)
}

/// Writes an address the way system calls want it.
pub fn raw_address(address: SocketAddr) -> SockAddr {
    address.into()
}

/// A pause that is part of a case, not a wait for something.
pub fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
