//! Packets in and out of the responder.

use std::net::{IpAddr, SocketAddr};

use etherparse::{NetHeaders, PacketBuilder, PacketHeaders, TcpHeader, TransportHeader};

/// Initial sequence number of every answer.
pub const ISS: u32 = 1_000;
const TTL: u8 = 64;

/// A TCP segment that arrived.
#[derive(Debug)]
pub struct Segment {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub tcp: TcpHeader,
    pub payload: u32,
    bytes: Vec<u8>,
}

impl Segment {
    /// Parses a packet of the device; `None` for anything but TCP.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let packet = PacketHeaders::from_ip_slice(bytes).ok()?;
        let (source, destination): (IpAddr, IpAddr) = match packet.net? {
            NetHeaders::Ipv4(ip, _) => (ip.source.into(), ip.destination.into()),
            NetHeaders::Ipv6(ip, _) => (ip.source.into(), ip.destination.into()),
            NetHeaders::Arp(_) => return None,
        };
        let Some(TransportHeader::Tcp(tcp)) = packet.transport else { return None };
        Some(Self {
            from: (source, tcp.source_port).into(),
            to: (destination, tcp.destination_port).into(),
            payload: u32::try_from(packet.payload.slice().len()).ok()?,
            tcp,
            bytes: bytes.to_vec(),
        })
    }

    pub fn is_syn(&self) -> bool {
        self.tcp.syn && !self.tcp.ack
    }

    fn acknowledged(&self) -> u32 {
        let flags = u32::from(self.tcp.syn) + u32::from(self.tcp.fin);
        self.tcp.sequence_number.wrapping_add(self.payload + flags)
    }

    /// SYN, the other half of a simultaneous open.
    pub fn syn(&self) -> Vec<u8> {
        self.answer(|tcp| tcp.syn = true)
    }

    /// SYN-ACK.
    pub fn syn_ack(&self) -> Vec<u8> {
        self.answer(|tcp| {
            (tcp.syn, tcp.ack) = (true, true);
            tcp.acknowledgment_number = self.acknowledged();
        })
    }

    /// ACK of the peer's SYN-ACK, after our own SYN.
    pub fn ack(&self) -> Vec<u8> {
        self.answer(|tcp| {
            tcp.ack = true;
            tcp.sequence_number = ISS + 1;
            tcp.acknowledgment_number = self.acknowledged();
        })
    }

    /// RST, acceptable in whatever state the peer is.
    pub fn rst(&self) -> Vec<u8> {
        self.answer(|tcp| {
            (tcp.rst, tcp.ack) = (true, !self.tcp.ack);
            tcp.acknowledgment_number = if self.tcp.ack { 0 } else { self.acknowledged() };
            tcp.sequence_number = if self.tcp.ack { self.tcp.acknowledgment_number } else { 0 };
        })
    }

    /// An ICMP error about this segment.
    pub fn icmp(&self, kind: u8, code: u8) -> Vec<u8> {
        // The IP header and at least eight bytes of TCP, as RFC 792 wants.
        let about = self.bytes.get(..60).unwrap_or(&self.bytes);
        let mut packet = Vec::new();
        let built = match (self.to.ip(), self.from.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                PacketBuilder::ipv4(from.octets(), to.octets(), TTL)
                    .icmpv4_raw(kind, code, [0; 4])
                    .write_to_vec(&mut packet, about)
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                PacketBuilder::ipv6(from.octets(), to.octets(), TTL)
                    .icmpv6_raw(kind, code, [0; 4])
                    .write_to_vec(&mut packet, about)
            }
            _ => unreachable!("both ends of a packet have one family"),
        };
        built.expect("a small packet");
        packet
    }

    fn answer(&self, change: impl FnOnce(&mut TcpHeader)) -> Vec<u8> {
        let mut tcp = TcpHeader::new(self.to.port(), self.from.port(), ISS, u16::MAX);
        change(&mut tcp);
        let mut packet = Vec::new();
        let built = match (self.to.ip(), self.from.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                PacketBuilder::ipv4(from.octets(), to.octets(), TTL)
                    .tcp_header(tcp)
                    .write_to_vec(&mut packet, &[])
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                PacketBuilder::ipv6(from.octets(), to.octets(), TTL)
                    .tcp_header(tcp)
                    .write_to_vec(&mut packet, &[])
            }
            _ => unreachable!("both ends of a packet have one family"),
        };
        built.expect("a small packet");
        packet
    }
}
