//! The few netlink requests that tests make themselves, so that they need
//! neither `ip` nor `ss` and also run where there is nothing but a kernel.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

const HEADER: usize = 16;
/// `SOCK_DESTROY` (include/uapi/linux/sock_diag.h), which is what `ss -K` sends.
const SOCK_DESTROY: u16 = 21;
const NLMSG_ERROR: u16 = 2;

/// What a route does with packets, other than forwarding them.
#[derive(Debug, Clone, Copy)]
pub enum RouteKind {
    /// Drops them.
    Blackhole = 6,
    /// Answers that there is no such host.
    Unreachable = 7,
    /// Answers that it is forbidden.
    Prohibit = 8,
}

/// `ip link set NAME up`.
///
/// # Errors
/// What the kernel answers: EPERM without root, ENODEV or EEXIST, and others.
pub fn link_up(name: &str) -> io::Result<()> {
    let up = (libc::IFF_UP as u32).to_ne_bytes();
    let info = [&[0; 4][..], &index(name)?.to_ne_bytes(), &up, &up].concat();
    Request::new(libc::RTM_NEWLINK, 0).raw(&info).send(libc::NETLINK_ROUTE)
}

/// `ip address add ADDRESS/PREFIX dev NAME`.
///
/// # Errors
/// What the kernel answers: EPERM without root, ENODEV or EEXIST, and others.
pub fn add_address(name: &str, address: IpAddr, prefix: u8) -> io::Result<()> {
    /// `IFA_F_NODAD`: usable at once.
    const NODAD: u8 = 2;
    let info = [&[family(address), prefix, NODAD, 0][..], &index(name)?.to_ne_bytes()].concat();
    let bytes = octets(address);
    Request::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
        .raw(&info)
        .attribute(libc::IFA_LOCAL, &bytes)
        .attribute(libc::IFA_ADDRESS, &bytes)
        .send(libc::NETLINK_ROUTE)
}

/// `ip route add KIND ADDRESS`.
///
/// # Errors
/// What the kernel answers: EPERM without root, ENODEV or EEXIST, and others.
pub fn add_route(kind: RouteKind, to: IpAddr) -> io::Result<()> {
    const PROTOCOL_STATIC: u8 = 4;
    let bytes = octets(to);
    let bits = bytes.len() as u8 * 8;
    let main = libc::RT_TABLE_MAIN;
    let info = [family(to), bits, 0, 0, main, PROTOCOL_STATIC, 0, kind as u8, 0, 0, 0, 0];
    Request::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
        .raw(&info)
        .attribute(libc::RTA_DST, &bytes)
        .send(libc::NETLINK_ROUTE)
}

/// `ss -K`: aborts one TCP socket of this namespace.
///
/// # Errors
/// What the kernel answers: EPERM without root, ENODEV or EEXIST, and others.
pub fn destroy_socket(from: SocketAddr, to: SocketAddr) -> io::Result<()> {
    let padded = |address: IpAddr| {
        let mut bytes = octets(address);
        bytes.resize(16, 0);
        bytes
    };
    // struct inet_diag_req_v2 (include/uapi/linux/inet_diag.h)
    let request = [
        &[family(from.ip()), libc::IPPROTO_TCP as u8, 0, 0][..],
        &u32::MAX.to_ne_bytes(),
        &from.port().to_be_bytes(),
        &to.port().to_be_bytes(),
        &padded(from.ip()),
        &padded(to.ip()),
        &0_u32.to_ne_bytes(),
        // INET_DIAG_NOCOOKIE
        &[0xff; 8],
    ]
    .concat();
    Request::new(SOCK_DESTROY, 0).raw(&request).send(libc::NETLINK_SOCK_DIAG)
}

fn index(name: &str) -> io::Result<u32> {
    let name = std::ffi::CString::new(name)?;
    // SAFETY: a NUL-terminated string that outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

fn family(address: IpAddr) -> u8 {
    (if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

struct Request(Vec<u8>);

impl Request {
    fn new(kind: u16, flags: i32) -> Self {
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self(bytes)
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn attribute(self, kind: u16, value: &[u8]) -> Self {
        let length = (value.len() + 4) as u16;
        self.raw(&[&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat())
    }

    /// Sends the request and waits for the kernel's answer to it.
    fn send(mut self, protocol: i32) -> io::Result<()> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        let domain = Domain::from(libc::AF_NETLINK);
        let socket =
            Socket::new(domain, Type::from(libc::SOCK_RAW), Some(Protocol::from(protocol)))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.send(&self.0)?;
        let mut answer = [std::mem::MaybeUninit::<u8>::uninit(); 512];
        let length = socket.recv(&mut answer)?;
        // SAFETY: the kernel has written that many bytes.
        let answer = unsafe { std::slice::from_raw_parts(answer.as_ptr().cast::<u8>(), length) };
        let kind = answer.get(4..6).map(|kind| u16::from_ne_bytes([kind[0], kind[1]]));
        let error = answer.get(HEADER..).and_then(<[u8]>::first_chunk::<4>);
        match (kind, error.map(|bytes| i32::from_ne_bytes(*bytes))) {
            (Some(NLMSG_ERROR), Some(0)) => Ok(()),
            (Some(NLMSG_ERROR), Some(error)) => Err(io::Error::from_raw_os_error(-error)),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
