//! Networks of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Prefix lengths where the one asked for is of the other family.
const USUAL_V4: u8 = 24;
const USUAL_V6: u8 = 64;

/// The network of an address; text that is none stays as it is.
pub fn network(address: &str, bits: u8) -> String {
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let bits = if bits > 32 { USUAL_V4 } else { bits };
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            format!("{}/{bits}", Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        Ok(IpAddr::V6(address)) => {
            let bits = if bits <= 32 { USUAL_V6 } else { bits };
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            format!("{}/{bits}", Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_of_both_families() {
        assert_eq!(network("192.0.2.77", 24), "192.0.2.0/24");
        assert_eq!(network("192.0.2.77", 32), "192.0.2.77/32");
        assert_eq!(network("192.0.2.77", 64), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2:3::4", 64), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2:3::4", 24), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2:3::4", 48), "2001:db8:1::/48");
        assert_eq!(network("not an address", 24), "not an address");
    }
}
