//! Handshakes of other kinds: simultaneous, with data, of several subflows, or
//! none at all.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::Duration;

use connlat_schema::flags;
use io_uring::{IoUring, opcode, squeue, types};
use socket2::{Domain, Protocol, Socket, Type};
use test_support::namespace::set_sysctl;
use test_support::{monotonic_ns, wait_until};

use super::answers::responder;
use crate::client::{Attempt, Client, listen, pause, raw_address};
use crate::expected::{Expected, Task};
use crate::responder::{Behaviour, Responder, Then};
use crate::stage::{Report, Skip, Stage};

const LOOPBACK: &str = "127.0.0.1:0";

/// A socket that connects to itself goes through SYN_RECV.
pub fn self_connect(_: &Stage) -> Report {
    let client = Client::bound(LOOPBACK.parse().expect("an address"));
    let attempt = client.connect(client.local()).returned(0);
    Ok(vec![attempt.expect("established").flags(flags::SIMULTANEOUS)])
}

pub fn simultaneous_open(_: &Stage) -> Report {
    let peer = responder(&[Behaviour::Simultaneous(Then::Ack)])?;
    let to = peer.v4(0, 80);
    let client = Client::v4();
    let attempt = client.connect(to).returned(0);
    let heard = peer.wait_for_answers(to, 2);
    let expected = attempt.expect("established").flags(flags::SIMULTANEOUS);
    Ok(vec![expected.answered(&heard, 1)])
}

/// RST in SYN_RECV says ECONNRESET where it says ECONNREFUSED in SYN_SENT.
pub fn simultaneous_then_reset(_: &Stage) -> Report {
    let peer = responder(&[Behaviour::Simultaneous(Then::Reset)])?;
    let to = peer.v4(0, 80);
    let client = Client::v4();
    let attempt = client.connect(to).returned(libc::ECONNRESET);
    let heard = peer.wait_for_answers(to, 2);
    let expected = attempt.expect("refused").errno(libc::ECONNRESET).flags(flags::SIMULTANEOUS);
    Ok(vec![expected.answered(&heard, 1)])
}

pub fn simultaneous_then_closed(_: &Stage) -> Report {
    let peer = responder(&[Behaviour::Simultaneous(Then::Silent)])?;
    let to = peer.v4(0, 80);
    let client = Client::nonblocking();
    let attempt = client.begin(to);
    let heard = peer.wait_for_answers(to, 1);
    let expected = attempt.expect("aborted").flags(flags::SIMULTANEOUS).heard(&heard);
    Ok(vec![expected.ended(client.close())])
}

/// A server that takes data in SYNs, as the namespace's sysctl now allows.
pub fn fast_open_server() -> Result<(Socket, SocketAddr), Skip> {
    if !set_sysctl("ipv4/tcp_fastopen", "3") {
        return Err(Skip::Kernel("no net.ipv4.tcp_fastopen".to_owned()));
    }
    let (listener, at) = listen(LOOPBACK);
    let server = Client::of(listener);
    server.option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 16).expect("the option");
    Ok((server.socket, at))
}

/// The first connect of a namespace asks for the cookie the others need: an
/// ordinary handshake.
pub fn get_cookie(to: SocketAddr) -> Expected {
    let client = Client::v4();
    send(&client, to).returned(0).expect("established").label("asks for a cookie")
}

/// Connects with data in the SYN.
pub fn send_fast_open(client: &Client, to: SocketAddr) -> Expected {
    let attempt = send(client, to).returned(0);
    // sendto(2) does not wait for the answer.
    let (errno, known) = client.wait();
    assert_eq!(errno, 0);
    attempt.expect("established").flags(flags::FAST_OPEN).ended_by(known)
}

fn send(client: &Client, to: SocketAddr) -> Attempt {
    let send = || client.socket.send_to_with_flags(b"data", &to.into(), libc::MSG_FASTOPEN);
    client.attempt(to, send)
}

pub fn fast_open_sendto(_: &Stage) -> Report {
    let (_listener, to) = fast_open_server()?;
    let cookie = get_cookie(to);
    let client = Client::v4();
    Ok(vec![cookie, send_fast_open(&client, to).label("with data")])
}

/// The SYN with data is refused, or lost and repeated without its data.
fn fast_open_answered(behaviour: Behaviour) -> Result<(Client, Responder, Attempt), Skip> {
    // Data without having asked for a cookie first (TFO_CLIENT_NO_COOKIE).
    if !set_sysctl("ipv4/tcp_fastopen", "5") {
        return Err(Skip::Kernel("no net.ipv4.tcp_fastopen".to_owned()));
    }
    let peer = responder(&[behaviour])?;
    let client = Client::nonblocking();
    let attempt = send(&client, peer.v4(0, 80)).returned(0);
    Ok((client, peer, attempt))
}

pub fn fast_open_refused(_: &Stage) -> Report {
    let (client, peer, attempt) = fast_open_answered(Behaviour::Reset)?;
    let (errno, known) = client.wait();
    assert_eq!(errno, libc::ECONNREFUSED);
    let heard = peer.wait_for_answers(attempt.to, 1);
    assert_eq!(heard.syn_payload, 4);
    let expected = attempt.expect("refused").errno(errno).flags(flags::FAST_OPEN);
    Ok(vec![expected.ended_by(known).answered(&heard, 0)])
}

pub fn fast_open_lost(_: &Stage) -> Report {
    let lost = Behaviour::Accept { after: Duration::from_millis(2), lost: 1 };
    let (client, peer, attempt) = fast_open_answered(lost)?;
    let heard = peer.wait_for_answers(attempt.to, 1);
    // What comes after the handshake, here a reset, does not matter.
    let (_, known) = client.wait();
    assert_eq!((heard.syns.len(), heard.syn_payload), (2, 0));
    let expected = attempt.expect("established").flags(flags::FAST_OPEN);
    Ok(vec![expected.ended_by(known).answered(&heard, 0)])
}

/// A socket whose connect(2) returns at once and sends nothing yet.
fn deferred(to: SocketAddr) -> Result<(Client, Attempt), Skip> {
    let client = Client::v4();
    client
        .option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)
        .map_err(|error| Skip::Kernel(format!("TCP_FASTOPEN_CONNECT: {error}")))?;
    let attempt = client.connect(to).returned(0);
    Ok((client, attempt))
}

/// The SYN leaves with the first write: the time includes 30 ms of thinking.
pub fn fast_open_deferred(_: &Stage) -> Report {
    let (_listener, to) = fast_open_server()?;
    let cookie = get_cookie(to);
    let (client, attempt) = deferred(to)?;
    pause(30);
    let sending = monotonic_ns();
    client.socket.send(b"data").expect("sent");
    let (errno, known) = client.wait();
    assert_eq!(errno, 0);
    let mut expected = attempt.expect("established").flags(flags::FAST_OPEN).ended_by(known);
    expected.end.from = sending;
    Ok(vec![cookie, expected.label("with data")])
}

pub fn fast_open_closed(_: &Stage) -> Report {
    let (_listener, to) = fast_open_server()?;
    let cookie = get_cookie(to);
    let (client, attempt) = deferred(to)?;
    let expected = attempt.expect("aborted").ended(client.close());
    Ok(vec![cookie, expected.label("nothing sent")])
}

fn mptcp_socket() -> Result<Socket, Skip> {
    let protocol = Protocol::from(libc::IPPROTO_MPTCP);
    Socket::new(Domain::IPV4, Type::STREAM, Some(protocol))
        .map_err(|error| Skip::Kernel(format!("MPTCP: {error}")))
}

fn mptcp_server() -> Result<(Socket, SocketAddr), Skip> {
    let server = mptcp_socket()?;
    server.bind(&LOOPBACK.parse::<SocketAddr>().expect("an address").into()).expect("a port");
    server.listen(8).expect("listening");
    let at = server.local_addr().expect("bound").as_socket().expect("an IP address");
    Ok((server, at))
}

/// One row for the subflow, none for the socket around it.
pub fn mptcp(_: &Stage) -> Report {
    let (_server, to) = mptcp_server()?;
    let client = Client::of(mptcp_socket()?);
    let attempt = client.connect(to).returned(0);
    Ok(vec![attempt.expect("established").flags(flags::MPTCP_SUBFLOW)])
}

/// A further subflow is the kernel's idea, and a kernel thread connects it.
pub fn mptcp_second_subflow(_: &Stage) -> Report {
    const SECOND: &str = "127.0.0.2";
    let (server, to) = mptcp_server()?;
    // A socket asks the path manager when it is made, not when it connects.
    ip(&["mptcp", "limits", "set", "subflow", "2"])?;
    ip(&["mptcp", "endpoint", "add", SECOND, "subflow"])?;
    let client = Client::of(mptcp_socket()?);
    // The accepted socket, made from here on, shall not join from its side too;
    // that it then refuses the join comes after the handshake.
    if !set_sysctl("mptcp/pm_type", "1") {
        return Err(Skip::Kernel("no net.mptcp.pm_type".to_owned()));
    }
    let attempt = client.connect(to).returned(0);
    let first = attempt.expect("established").flags(flags::MPTCP_SUBFLOW);
    // The further subflow needs a connection known to speak MPTCP both ways.
    let (accepted, _) = server.accept().expect("accepted");
    client.socket.send(b"data").expect("sent");
    accepted.send(b"data").expect("sent");
    wait_until("the second subflow", || joins() > 0);
    let now = monotonic_ns();
    let from = SocketAddr::new(SECOND.parse().expect("an address"), 0);
    let mut second = Expected { from, task: Task::Kernel, ..first.clone() };
    (second.start.to, second.end.to) = (now, now);
    Ok(vec![first.label("first"), second.label("second")])
}

/// Joins of this namespace that were answered (`MPJoinSynAckRx`).
fn joins() -> u64 {
    let counters = std::fs::read_to_string("/proc/thread-self/net/netstat").expect("/proc");
    let mut lines = counters.lines().filter_map(|line| line.strip_prefix("MPTcpExt: "));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let mut pairs = names.split(' ').zip(values.split(' '));
    let joins = pairs.find(|(name, _)| *name == "MPJoinSynAckRx");
    joins.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

fn ip(arguments: &[&str]) -> Result<(), Skip> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| Skip::Missing(format!("ip ({error})")))?;
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {why}");
    Ok(())
}

/// What a checkpointed process is restored with: no segment is sent.
pub fn repair(_: &Stage) -> Report {
    let (_listener, to) = listen(LOOPBACK);
    let client = Client::bound(LOOPBACK.parse().expect("an address"));
    client
        .option(libc::IPPROTO_TCP, libc::TCP_REPAIR, 1)
        .map_err(|error| Skip::Kernel(format!("TCP_REPAIR: {error}")))?;
    let attempt = client.connect(to).returned(0);
    Ok(vec![attempt.expect("established").flags(flags::REPAIR)])
}

/// Started by the task that submits.
pub fn io_uring(_: &Stage) -> Report {
    let (_listener, to) = listen(LOOPBACK);
    let attempt = submit(to, squeue::Flags::empty())?.returned(0);
    Ok(vec![attempt.expect("established")])
}

/// Forced into a worker: a thread of the process with a name of its own.
pub fn io_uring_worker(_: &Stage) -> Report {
    let (_listener, to) = listen(LOOPBACK);
    let attempt = submit(to, squeue::Flags::ASYNC)?.returned(0);
    let mut expected = attempt.expect("established");
    expected.who.comm = format!("iou-wrk-{}", expected.who.tid);
    Ok(vec![Expected { task: Task::AnyThread, ..expected }])
}

fn submit(to: SocketAddr, flags: squeue::Flags) -> Result<Attempt, Skip> {
    let refused = |error: io::Error| Skip::Kernel(format!("io_uring: {error}"));
    let mut ring = IoUring::new(2).map_err(refused)?;
    let client = Client::v4();
    let address = raw_address(to);
    let descriptor = types::Fd(client.socket.as_raw_fd());
    let connect = opcode::Connect::new(descriptor, address.as_ptr().cast(), address.len());
    let connect = connect.build().flags(flags);
    Ok(client.attempt(to, || {
        // SAFETY: socket and address outlive the request, which is waited for.
        unsafe { ring.submission().push(&connect) }.map_err(io::Error::other)?;
        ring.submit_and_wait(1)?;
        let result = ring.completion().next().expect("a completion").result();
        if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(()) }
    }))
}
