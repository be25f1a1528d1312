//! Attempts that fail before a SYN leaves: no port, no route.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use connlat_schema::flags;
use test_support::namespace::set_sysctl;
use test_support::netlink::{RouteKind, add_route};

use super::answers::responder;
use crate::client::{Client, listen};
use crate::expected::Expected;
use crate::responder::{Behaviour, OWN_V4, Responder};
use crate::stage::{Report, Skip, Stage};

/// TEST-NET-2 (RFC 5737): not routed anywhere.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));

/// Leaves no port for a further connect to `to`, whose peer is silent: the
/// sockets that hold them and the rows of those, without their ends.
pub fn exhaust_ports(peer: &Responder, to: SocketAddr) -> (Vec<Client>, Vec<Expected>) {
    set_sysctl("ipv4/ip_local_port_range", "40000 40001");
    let holders: Vec<Client> = (0..2).map(|_| Client::nonblocking()).collect();
    let attempts: Vec<_> = holders.iter().map(|holder| holder.begin(to)).collect();
    let rows = attempts.into_iter().enumerate().map(|(index, attempt)| {
        let port = attempt.from.port();
        let heard = peer.wait_for_flow(to, port);
        let label = if index == 0 { "holds a port" } else { "holds the other" };
        attempt.expect("aborted").heard(&heard).label(label)
    });
    let rows = rows.collect();
    (holders, rows)
}

/// Closes the holders; on a slow machine they have sent more SYNs by then.
pub fn free_ports(
    peer: &Responder,
    to: SocketAddr,
    holders: Vec<Client>,
    rows: Vec<Expected>,
) -> Vec<Expected> {
    let closed = holders.into_iter().zip(rows).map(|(holder, row)| {
        let end = holder.close();
        let heard = peer.wait_for_flow(to, row.from.port());
        row.heard(&heard).ended(end)
    });
    closed.collect()
}

fn exhausted() -> Report {
    let peer = responder(&[Behaviour::Silent])?;
    let to = peer.v4(0, 80);
    let (holders, rows) = exhaust_ports(&peer, to);
    let attempt = Client::v4().connect(to).returned(libc::EADDRNOTAVAIL);
    let without = Expected { from: (OWN_V4, 0).into(), ..attempt.expect("local_error") };
    let mut rows = free_ports(&peer, to, holders, rows);
    rows.push(without.label("no port"));
    Ok(rows)
}

pub fn ports_exhausted(_: &Stage) -> Report {
    exhausted()
}

/// Two sockets with one port may not connect to one address.
pub fn bound_port_taken(_: &Stage) -> Report {
    let (_listener, to) = listen("127.0.0.1:0");
    let [first, second] = [Client::v4(), Client::v4()];
    first.socket.set_reuse_address(true).expect("a flag");
    second.socket.set_reuse_address(true).expect("a flag");
    first.socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    let from = first.local();
    second.socket.bind(&from.into()).expect("the same port");
    let holder = first.connect(to).returned(0);
    let attempt = second.connect(to).returned(libc::EADDRNOTAVAIL);
    let taken = Expected { from, ..attempt.expect("local_error") };
    Ok(vec![holder.expect("established").label("holds the port"), taken.label("is refused it")])
}

pub fn no_route(_: &Stage) -> Report {
    unrouted(None).map(|_| Vec::new())
}

pub fn route_blackhole(_: &Stage) -> Report {
    unrouted(Some(RouteKind::Blackhole)).map(|_| Vec::new())
}

pub fn route_unreachable(_: &Stage) -> Report {
    unrouted(Some(RouteKind::Unreachable)).map(|_| Vec::new())
}

pub fn route_prohibit(_: &Stage) -> Report {
    unrouted(Some(RouteKind::Prohibit)).map(|_| Vec::new())
}

pub fn traced_no_route(_: &Stage) -> Report {
    unrouted(None)
}

pub fn traced_blackhole(_: &Stage) -> Report {
    unrouted(Some(RouteKind::Blackhole))
}

pub fn traced_unreachable(_: &Stage) -> Report {
    unrouted(Some(RouteKind::Unreachable))
}

pub fn traced_prohibit(_: &Stage) -> Report {
    unrouted(Some(RouteKind::Prohibit))
}

/// An attempt that did reach SYN_SENT is not reported a second time.
pub fn traced_ports_exhausted(_: &Stage) -> Report {
    exhausted()
}

/// A port of an earlier attempt is not this one's.
pub fn traced_after_refusal(_: &Stage) -> Report {
    let peer = responder(&[Behaviour::Reset])?;
    let to = peer.v4(0, 80);
    let client = Client::v4();
    let first = client.connect(to).returned(libc::ECONNREFUSED);
    let heard = peer.wait_for_answers(to, 1);
    let first = first.expect("refused").errno(libc::ECONNREFUSED).answered(&heard, 0);
    let second = client.connect((ELSEWHERE, 80).into()).returned(libc::ENETUNREACH);
    let second = second.expect("local_error").errno(libc::ENETUNREACH).flags(flags::PRE_SYN);
    Ok(vec![first.label("first"), second.port_chosen(0).label("second")])
}

/// No route or one that forbids: the row `--trace-local-errors` gives.
fn unrouted(kind: Option<RouteKind>) -> Report {
    let errno = match kind {
        None => libc::ENETUNREACH,
        Some(RouteKind::Blackhole) => libc::EINVAL,
        Some(RouteKind::Unreachable) => libc::EHOSTUNREACH,
        Some(RouteKind::Prohibit) => libc::EACCES,
    };
    if let Some(kind) = kind {
        add_route(kind, ELSEWHERE).map_err(|error| Skip::Kernel(format!("{kind:?}: {error}")))?;
    }
    let attempt = Client::v4().connect((ELSEWHERE, 80).into()).returned(errno);
    Ok(vec![attempt.expect("local_error").errno(errno).flags(flags::PRE_SYN)])
}
