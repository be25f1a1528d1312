//! The peer or the network answers: handshakes, resets and ICMP errors.

use std::net::SocketAddr;
use std::time::Duration;

use crate::client::{Client, listen};
use crate::expected::Expected;
use crate::responder::{ACCEPT, Behaviour, Responder};
use crate::stage::{Report, Skip, Stage};

pub fn success_v4(_: &Stage) -> Report {
    established("127.0.0.1:0", "127.0.0.1")
}

pub fn success_v6(_: &Stage) -> Report {
    needs_ipv6()?;
    established("[::1]:0", "::1")
}

/// The socket is bound to nothing: the kernel fills in a mapped source address.
pub fn success_v4_mapped(_: &Stage) -> Report {
    needs_ipv6()?;
    established("127.0.0.1:0", "::ffff:127.0.0.1")
}

/// `connect(0.0.0.0)` is a connect to the own host.
pub fn to_any_address(_: &Stage) -> Report {
    let (_listener, at) = listen("127.0.0.1:0");
    let client = Client::v4();
    let mut attempt = client.connect(([0, 0, 0, 0], at.port()).into()).returned(0);
    attempt.to = at;
    Ok(vec![attempt.expect("established")])
}

fn established(at: &str, to: &str) -> Report {
    let (_listener, at) = listen(at);
    let to = SocketAddr::new(to.parse().expect("an address"), at.port());
    let client = Client::new(socket2::Domain::for_address(to));
    Ok(vec![client.connect(to).returned(0).expect("established")])
}

pub fn nonblocking(_: &Stage) -> Report {
    let peer = responder(&[ACCEPT])?;
    let to = peer.v4(0, 80);
    let client = Client::nonblocking();
    let attempt = client.begin(to);
    let (errno, known) = client.wait();
    assert_eq!(errno, 0);
    let heard = peer.wait_for_answers(to, 1);
    Ok(vec![attempt.expect("established").ended_by(known).answered(&heard, 0)])
}

/// connect(2) again while the first call's attempt is under way, and after it.
pub fn called_again(_: &Stage) -> Report {
    let peer = responder(&[Behaviour::Accept { after: Duration::from_millis(100), lost: 0 }])?;
    let to = peer.v4(0, 80);
    let client = Client::nonblocking();
    let attempt = client.begin(to);
    client.connect(to).returned(libc::EALREADY);
    let (errno, known) = client.wait();
    assert_eq!(errno, 0);
    client.connect(to).returned(0);
    client.connect(to).returned(libc::EISCONN);
    let heard = peer.wait_for_answers(to, 1);
    Ok(vec![attempt.expect("established").ended_by(known).answered(&heard, 0)])
}

/// UDP sockets connect without a handshake: not the recorder's business.
pub fn udp(_: &Stage) -> Report {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.connect("127.0.0.1:9").expect("connected");
    Ok(Vec::new())
}

pub fn refused_v4(_: &Stage) -> Report {
    refused("127.0.0.1:0", "127.0.0.1:0")
}

pub fn refused_v6(_: &Stage) -> Report {
    needs_ipv6()?;
    refused("[::1]:0", "[::1]:0")
}

pub fn refused_v4_mapped(_: &Stage) -> Report {
    needs_ipv6()?;
    refused("[::ffff:127.0.0.1]:0", "[::ffff:127.0.0.1]:0")
}

fn refused(from: &str, to: &str) -> Report {
    // Bound and not listening: nobody answers there.
    let taken = Client::bound(to.parse().expect("an address"));
    let client = Client::bound(from.parse().expect("an address"));
    let from = client.local();
    let attempt = client.connect(taken.local()).returned(libc::ECONNREFUSED);
    let expected = attempt.expect("refused").errno(libc::ECONNREFUSED);
    Ok(vec![Expected { from, ..expected }])
}

pub fn reset_by_peer(_: &Stage) -> Report {
    answered(Behaviour::Reset, false, "refused", libc::ECONNREFUSED)
}

pub fn icmp_net(_: &Stage) -> Report {
    icmp(0, "unreachable", libc::ENETUNREACH)
}

pub fn icmp_host(_: &Stage) -> Report {
    icmp(1, "unreachable", libc::EHOSTUNREACH)
}

pub fn icmp_protocol(_: &Stage) -> Report {
    icmp(2, "unreachable", libc::ENOPROTOOPT)
}

pub fn icmp_port(_: &Stage) -> Report {
    icmp(3, "refused", libc::ECONNREFUSED)
}

/// Communication administratively prohibited.
pub fn icmp_admin(_: &Stage) -> Report {
    icmp(13, "unreachable", libc::EHOSTUNREACH)
}

pub fn icmpv6_no_route(_: &Stage) -> Report {
    icmpv6(0, "unreachable", libc::ENETUNREACH)
}

pub fn icmpv6_admin(_: &Stage) -> Report {
    icmpv6(1, "unreachable", libc::EACCES)
}

pub fn icmpv6_address(_: &Stage) -> Report {
    icmpv6(3, "unreachable", libc::EHOSTUNREACH)
}

pub fn icmpv6_port(_: &Stage) -> Report {
    icmpv6(4, "refused", libc::ECONNREFUSED)
}

fn icmp(code: u8, outcome: &'static str, errno: i32) -> Report {
    answered(Behaviour::Icmp { kind: 3, code }, false, outcome, errno)
}

fn icmpv6(code: u8, outcome: &'static str, errno: i32) -> Report {
    needs_ipv6()?;
    answered(Behaviour::Icmp { kind: 1, code }, true, outcome, errno)
}

fn answered(behaviour: Behaviour, v6: bool, outcome: &'static str, errno: i32) -> Report {
    let peer = responder(&[behaviour])?;
    let to = if v6 { peer.v6(0, 80) } else { peer.v4(0, 80) };
    let client = Client::new(socket2::Domain::for_address(to));
    let attempt = client.connect(to).returned(errno);
    let heard = peer.wait_for_answers(to, 1);
    // The last answer: an earlier one can have met a socket in use.
    let last = heard.answers.len() - 1;
    Ok(vec![attempt.expect(outcome).errno(errno).answered(&heard, last)])
}

/// The peer behind a TUN device.
pub fn responder(behaviours: &[Behaviour]) -> Result<Responder, Skip> {
    Responder::start(behaviours).map_err(|error| Skip::Kernel(format!("no TUN device: {error}")))
}

/// Without IPv6 in this kernel there is nothing to test.
pub fn needs_ipv6() -> Result<(), Skip> {
    match socket2::Socket::new(socket2::Domain::IPV6, socket2::Type::STREAM, None) {
        Ok(_) => Ok(()),
        Err(error) => Err(Skip::Kernel(format!("no IPv6: {error}"))),
    }
}
