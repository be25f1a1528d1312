//! Second attempts of one socket: errors, ports and flags of the first are
//! still in it, and must not show in the second's row.

use socket2::Domain;
use test_support::monotonic_ns;

use super::answers::{needs_ipv6, responder};
use super::handshakes::{fast_open_server, get_cookie, send_fast_open};
use super::local::{exhaust_ports, free_ports};
use crate::client::Client;
use crate::expected::{Expected, Window};
use crate::responder::{ACCEPT, Behaviour, Responder};
use crate::stage::{Report, Skip, Stage};

/// Peer 0 refuses, peer 1 accepts, peer 2 is silent.
fn peers() -> Result<Responder, Skip> {
    responder(&[Behaviour::Reset, ACCEPT, Behaviour::Silent])
}

/// A first attempt that is refused.
fn refused(client: &Client, peer: &Responder) -> Expected {
    let to = peer.v4(0, 81);
    let attempt = client.connect(to).returned(libc::ECONNREFUSED);
    let heard = peer.wait_for_answers(to, 1);
    let expected = attempt.expect("refused").errno(libc::ECONNREFUSED);
    expected.answered(&heard, 0).label("first")
}

/// Refused, and then a non-blocking attempt that something ends.
fn refused_then(end: impl FnOnce(Client) -> Window) -> Report {
    let peer = peers()?;
    let client = Client::v4();
    let first = refused(&client, &peer);
    client.socket.set_nonblocking(true).expect("a flag");
    let to = peer.v4(2, 82);
    let attempt = client.begin(to);
    let heard = peer.wait_for_syns(to, 1);
    let ended = end(client);
    let second = attempt.expect("aborted").heard(&heard).ended(ended).label("second");
    Ok(vec![first, second])
}

pub fn refused_then_closed(_: &Stage) -> Report {
    refused_then(Client::close)
}

pub fn refused_then_shut_down(_: &Stage) -> Report {
    refused_then(|client| shut_down(&client))
}

fn shut_down(client: &Client) -> Window {
    let before = monotonic_ns();
    client.socket.shutdown(std::net::Shutdown::Both).expect("a connecting socket");
    Window::new(before, monotonic_ns())
}

pub fn refused_then_established(_: &Stage) -> Report {
    let peer = peers()?;
    let client = Client::v4();
    let first = refused(&client, &peer);
    let to = peer.v4(1, 82);
    let attempt = client.connect(to).returned(0);
    let heard = peer.wait_for_answers(to, 1);
    Ok(vec![first, attempt.expect("established").answered(&heard, 0).label("second")])
}

/// The second attempt gets no port at all, and must not show the first one's.
pub fn refused_then_no_port(_: &Stage) -> Report {
    let peer = peers()?;
    let client = Client::v4();
    let mut rows = vec![refused(&client, &peer)];
    let to = peer.v4(2, 82);
    let (fillers, filled) = exhaust_ports(&peer, to);
    let attempt = client.connect(to).returned(libc::EADDRNOTAVAIL);
    let second = attempt.expect("local_error").port_chosen(0);
    rows.extend(free_ports(&peer, to, fillers, filled));
    rows.push(Expected { from: (crate::responder::OWN_V4, 0).into(), ..second }.label("second"));
    Ok(rows)
}

/// The application fetches the error before it connects again: connect(2) then
/// first says ECONNABORTED and starts nothing.
pub fn error_fetched_first(_: &Stage) -> Report {
    let peer = peers()?;
    let client = Client::nonblocking();
    let to = peer.v4(0, 81);
    let attempt = client.begin(to);
    let (errno, known) = client.wait();
    assert_eq!(errno, libc::ECONNREFUSED);
    let heard = peer.wait_for_answers(to, 1);
    let first = attempt.expect("refused").errno(errno).ended_by(known).answered(&heard, 0);
    client.connect(peer.v4(2, 83)).returned(libc::ECONNABORTED);
    let to = peer.v4(2, 84);
    let attempt = client.begin(to);
    let heard = peer.wait_for_syns(to, 1);
    let second = attempt.expect("aborted").heard(&heard).ended(client.disconnect());
    Ok(vec![first.label("first"), second.label("second")])
}

/// shutdown(2) leaves ECONNRESET in the socket, after the first attempt's end.
pub fn shut_down_then_disconnected(_: &Stage) -> Report {
    let peer = peers()?;
    let client = Client::nonblocking();
    let to = peer.v4(2, 81);
    let attempt = client.begin(to);
    let heard = peer.wait_for_syns(to, 1);
    let first = attempt.expect("aborted").heard(&heard).ended(shut_down(&client));
    let to = peer.v4(2, 82);
    let attempt = client.begin(to);
    let heard = peer.wait_for_syns(to, 1);
    let second = attempt.expect("aborted").heard(&heard).ended(client.disconnect());
    Ok(vec![first.label("first"), second.label("second")])
}

/// IPv6 first, then a v4-mapped address: no IPv6 source may be left over.
pub fn v6_then_mapped(_: &Stage) -> Report {
    needs_ipv6()?;
    let peer = peers()?;
    let client = Client::new(Domain::IPV6);
    let to = peer.v6(0, 81);
    let attempt = client.connect(to).returned(libc::ECONNREFUSED);
    let heard = peer.wait_for_answers(to, 1);
    let first = attempt.expect("refused").errno(libc::ECONNREFUSED).answered(&heard, 0);
    let to = peer.v4(1, 82);
    let std::net::IpAddr::V4(v4) = to.ip() else { unreachable!("an IPv4 peer") };
    let attempt = client.connect((v4.to_ipv6_mapped(), to.port()).into()).returned(0);
    let heard = peer.wait_for_answers(to, 1);
    let second = attempt.expect("established").answered(&heard, 0);
    Ok(vec![first.label("first"), second.label("second")])
}

/// Data in the first SYN must not mark the second attempt.
pub fn fast_open_then_plain(_: &Stage) -> Report {
    let (_listener, to) = fast_open_server()?;
    let cookie = get_cookie(to);
    let client = Client::v4();
    let first = send_fast_open(&client, to);
    client.disconnect();
    let second = client.connect(to).returned(0).expect("established");
    Ok(vec![cookie, first.label("first"), second.label("second")])
}
