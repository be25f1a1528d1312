//! What an answer can be grouped by: columns, and keys made of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use connlat_schema::capture::columns::{DST_ADDR, DST_PORT, IP_VERSION, schema};
use polars::prelude::*;

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A column of the capture.
    Column(&'static str),
    /// Destination address and port as one text.
    Dst,
    /// Network of the destination: `subnet/24` takes IPv4 by 24 bits and IPv6
    /// by 64, `subnet/48` IPv6 by 48 bits and IPv4 by 24.
    Subnet(u8),
}

const DST: &str = "dst";
const SUBNET: &str = "subnet/";
/// Prefix lengths where the one asked for is of the other family.
const USUAL_V4: u8 = 24;
const USUAL_V6: u8 = 64;

impl By {
    /// A key as typed.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == DST {
            return Ok(Self::Dst);
        }
        if let Some(bits) = text.strip_prefix(SUBNET) {
            let bits: Option<u8> = bits.parse().ok().filter(|bits| (1..=128).contains(bits));
            return bits.map(Self::Subnet).ok_or_else(|| "a prefix length is 1 to 128".to_owned());
        }
        Self::column(text).ok_or_else(|| {
            let names: Vec<&str> = names().collect();
            format!("use {DST}, {SUBNET}24 or a column: {}", names.join(", "))
        })
    }

    /// A column by name.
    pub fn column(name: &str) -> Option<Self> {
        names().find(|known| *known == name).map(Self::Column)
    }

    /// Name in answers.
    pub fn name(self) -> String {
        match self {
            Self::Column(name) => name.to_owned(),
            Self::Dst => DST.to_owned(),
            Self::Subnet(bits) => format!("{SUBNET}{bits}"),
        }
    }

    /// The key of a row, under its name.
    pub fn expr(self) -> Expr {
        let name = self.name();
        match self {
            Self::Column(column) => col(column),
            Self::Dst => {
                let bracketed = concat_str([lit("["), col(DST_ADDR), lit("]")], "", false);
                let address =
                    when(col(IP_VERSION).eq(lit(6))).then(bracketed).otherwise(col(DST_ADDR));
                let port = col(DST_PORT).cast(DataType::String);
                concat_str([address, port], ":", false).alias(name)
            }
            Self::Subnet(bits) => col(DST_ADDR)
                .map(
                    move |addresses| networks(&addresses, bits),
                    |_, field| Ok(Field::new(field.name().clone(), DataType::String)),
                )
                .alias(name),
        }
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    use std::sync::LazyLock;
    static SCHEMA: LazyLock<arrow::datatypes::SchemaRef> = LazyLock::new(schema);
    SCHEMA.fields().iter().map(|field| field.name().as_str())
}

fn networks(addresses: &Column, bits: u8) -> PolarsResult<Column> {
    let texts = addresses.str()?;
    // Addresses come in runs, for the rows of a capture are sorted by them.
    let mut last: Option<(&str, String)> = None;
    let mut networks = StringChunkedBuilder::new(addresses.name().clone(), texts.len());
    for text in texts.iter() {
        let Some(text) = text else {
            networks.append_null();
            continue;
        };
        let network = match last.take() {
            Some((same, network)) if same == text => network,
            _ => network(text, bits),
        };
        networks.append_value(&network);
        last = Some((text, network));
    }
    Ok(networks.finish().into_column())
}

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

    #[test]
    fn what_is_typed() {
        assert_eq!(By::parse("dst"), Ok(By::Dst));
        assert_eq!(By::parse("subnet/24"), Ok(By::Subnet(24)));
        assert_eq!(By::parse("dst_port"), Ok(By::Column(DST_PORT)));
        for wrong in ["subnet/0", "subnet/129", "subnet/", "Dst", "", "latency"] {
            assert!(By::parse(wrong).is_err(), "{wrong}");
        }
    }
}
