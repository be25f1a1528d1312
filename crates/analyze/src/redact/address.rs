//! Addresses become others of the same class, and networks stay networks.
//!
//! Two addresses that share their first n bits share exactly n bits afterwards
//! (`IpcryptPfx` of the ipcrypt draft). That alone would turn private addresses
//! into public ones. So an address keeps its leading bits up to where no
//! boundary of a class lies below any more: only bits after them are replaced.
//! Whether a bit is kept depends on the bits before it alone, hence the map is
//! still one to one and still keeps prefixes; and as it maps no class's network
//! elsewhere, every address stays in its class. No map that keeps all prefixes
//! and all classes could keep fewer bits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipcrypt_rs::{IpcryptPfx, ip_to_bytes};
use ipnet::IpNet;

use super::key::Key;

/// Networks that stay what they are: address, bits of the prefix.
/// Those of IANA's registries of special-purpose addresses that say how far an
/// address reaches; documentation networks are treated as public.
const CLASSES_V4: [(Ipv4Addr, u8); 11] = [
    (Ipv4Addr::UNSPECIFIED, 32),
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
];
const CLASSES_V6: [(Ipv6Addr, u8); 11] = [
    (Ipv6Addr::UNSPECIFIED, 128),
    (Ipv6Addr::LOCALHOST, 128),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96),
    (NAT64, 96),
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 8),
    (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0), 8),
    // Link-local addresses are in use in the first /64 of their network alone.
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 64),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
];
/// The well-known prefix of RFC 6052; an IPv4 address follows.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);

/// The map of addresses.
pub struct Addresses {
    cipher: IpcryptPfx,
}

impl Addresses {
    /// Of a key; another attempt is another map.
    pub fn new(key: &Key, attempt: u32) -> Self {
        let mut secret = key.mac("addresses", &attempt.to_string());
        // The cipher refuses equal halves, which are as likely as guessing a key.
        if secret[..16] == secret[16..] {
            secret[0] ^= 1;
        }
        Self { cipher: IpcryptPfx::new(secret) }
    }

    /// What stands for an address.
    pub fn redact(&self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => self.v4(address).into(),
            IpAddr::V6(address) => self.v6(address).into(),
        }
    }

    /// Whether anything but itself may stand for an address.
    pub fn replaces(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => !(a.is_loopback() || a.is_unspecified() || a.is_broadcast()),
            IpAddr::V6(a) => match a.to_ipv4_mapped() {
                Some(inside) => Self::replaces(inside.into()),
                None => !(a.is_loopback() || a.is_unspecified()),
            },
        }
    }

    fn v4(&self, address: Ipv4Addr) -> Ipv4Addr {
        // The host itself is nobody's secret.
        if address.is_loopback() {
            return address;
        }
        let bits = address.to_bits();
        let classes = CLASSES_V4.iter();
        let kept = classes.map(|(class, length)| {
            let common = (bits ^ class.to_bits()).leading_zeros() + 1;
            common.min(u32::from(*length))
        });
        let mask = mask(kept.max().unwrap_or(0), 32) as u32;
        let [.., a, b, c, d] = ip_to_bytes(self.cipher.encrypt_ipaddr(address.into()));
        let encrypted = u32::from_be_bytes([a, b, c, d]);
        Ipv4Addr::from_bits((bits & mask) | (encrypted & !mask))
    }

    fn v6(&self, address: Ipv6Addr) -> Ipv6Addr {
        if let Some(v4) = address.to_ipv4_mapped() {
            return self.v4(v4).to_ipv6_mapped();
        }
        let bits = address.to_bits();
        if bits >> 32 == NAT64.to_bits() >> 32 {
            let v4 = self.v4(Ipv4Addr::from_bits(bits as u32));
            return Ipv6Addr::from_bits(NAT64.to_bits() | u128::from(v4.to_bits()));
        }
        let classes = CLASSES_V6.iter();
        let kept = classes.map(|(class, length)| {
            let common = (bits ^ class.to_bits()).leading_zeros() + 1;
            common.min(u32::from(*length))
        });
        let mask = mask(kept.max().unwrap_or(0), 128);
        let encrypted = ip_to_bytes(self.cipher.encrypt_ipaddr(address.into()));
        Ipv6Addr::from_bits((bits & mask) | (u128::from_be_bytes(encrypted) & !mask))
    }

    /// What stands for a network: that of all its addresses.
    pub fn network(&self, network: IpNet) -> IpNet {
        let redacted = self.redact(network.network());
        IpNet::new(redacted, network.prefix_len()).map_or(network, |net| net.trunc())
    }
}

/// The first of so many bits.
fn mask(kept: u32, width: u32) -> u128 {
    let rest = u128::MAX.checked_shl(width - kept.min(width)).unwrap_or(0);
    rest & (u128::MAX >> (128 - width))
}

/// An address as a capture writes it: no other way of writing it, which would
/// become the same.
pub fn canonical(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().filter(|address| address.to_string() == text)
}

#[cfg(test)]
#[path = "address/tests.rs"]
mod tests;
