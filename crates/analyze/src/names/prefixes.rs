//! Names by prefix: the longest that holds an address decides.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Named, conflict};

/// Names by prefix. IPv4 addresses inside IPv6 are those outside.
#[derive(Debug, Default, PartialEq)]
pub struct Prefixes {
    /// By length, then by address with the bits after the prefix zero.
    v4: BTreeMap<u8, HashMap<u32, Named>>,
    v6: BTreeMap<u8, HashMap<u128, Named>>,
}

impl Prefixes {
    pub fn add(&mut self, prefix: IpNet, name: &str) {
        fn put<K: std::hash::Hash + Eq>(names: &mut HashMap<K, Named>, key: K, name: &str) {
            names
                .entry(key)
                .and_modify(|named| named.add(name))
                .or_insert_with(|| Named::One(name.into()));
        }
        match prefix.trunc() {
            IpNet::V4(net) => {
                let names = self.v4.entry(net.prefix_len()).or_default();
                put(names, net.network().to_bits(), name);
            }
            IpNet::V6(net) => match (net.network().to_ipv4_mapped(), net.prefix_len()) {
                (Some(inside), 96..) => {
                    let names = self.v4.entry(net.prefix_len() - 96).or_default();
                    put(names, inside.to_bits(), name);
                }
                _ => {
                    let names = self.v6.entry(net.prefix_len()).or_default();
                    put(names, net.network().to_bits(), name);
                }
            },
        }
    }

    /// The name of an address. One that several have is nobody's, and no
    /// shorter prefix is asked: it would name something else.
    pub fn of(&self, address: IpAddr) -> Option<&str> {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let bits = address.to_bits();
                let longest = self.v4.iter().rev().find_map(|(length, names)| {
                    let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
                    names.get(&(bits & mask))
                });
                longest?.name()
            }
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                let longest = self.v6.iter().rev().find_map(|(length, names)| {
                    let mask = u128::MAX.checked_shl(128 - u32::from(*length)).unwrap_or(0);
                    names.get(&(bits & mask))
                });
                longest?.name()
            }
        }
    }

    /// Prefixes with several names, in order.
    pub fn conflicts(&self) -> impl Iterator<Item = String> {
        let v4 = self.v4.iter().flat_map(|(length, names)| {
            names.iter().map(|(bits, named)| {
                (IpAddr::from(std::net::Ipv4Addr::from_bits(*bits)), *length, named)
            })
        });
        let v6 = self.v6.iter().flat_map(|(length, names)| {
            names.iter().map(|(bits, named)| {
                (IpAddr::from(std::net::Ipv6Addr::from_bits(*bits)), *length, named)
            })
        });
        let mut several: Vec<(IpAddr, u8, &str, &str)> = v4
            .chain(v6)
            .filter_map(|(address, length, named)| match named {
                Named::One(_) => None,
                Named::Several(a, b) => Some((address, length, &**a, &**b)),
            })
            .collect();
        several.sort_unstable();
        several.into_iter().map(|(address, length, a, b)| {
            let whole = if address.is_ipv4() { 32 } else { 128 };
            let what = match length == whole {
                true => address.to_string(),
                false => format!("{address}/{length}"),
            };
            conflict(&what, a, b)
        })
    }
}
