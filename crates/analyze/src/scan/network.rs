//! Networks of addresses.

use std::net::IpAddr;

use ipnet::IpNet;

/// Prefix lengths where the one asked for is of the other family.
const USUAL_V4: u8 = 24;
const USUAL_V6: u8 = 64;

/// The network of an address; text that is none stays as it is.
pub fn network(address: &str, bits: u8) -> String {
    let Ok(parsed) = address.parse::<IpAddr>() else { return address.to_owned() };
    let bits = match parsed {
        IpAddr::V4(_) if bits > 32 => USUAL_V4,
        IpAddr::V6(_) if bits <= 32 => USUAL_V6,
        _ => bits,
    };
    match IpNet::new(parsed, bits) {
        Ok(network) => network.trunc().to_string(),
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
