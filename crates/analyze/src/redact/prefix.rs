//! Networks in the filters of a recording.

use std::net::IpAddr;

use ipnet::IpNet;

/// A prefix as the recorder writes it, or an address.
pub fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_addresses() {
        assert_eq!(network("10.0.0.0/8").map(|net| net.to_string()).as_deref(), Some("10.0.0.0/8"));
        assert_eq!(network("::1").map(|net| net.to_string()).as_deref(), Some("::1/128"));
        assert_eq!(network("web-1"), None);
    }
}
