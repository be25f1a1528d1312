//! Addresses that mean another machine in another place: which of them rows of
//! several places have.
//!
//! `127.0.0.1` and `fe80::1` are this machine and this link, in each network
//! namespace its own; `10.0.0.7` may be. A table that groups by address alone
//! puts their connects together, and has to say so.

use std::collections::HashMap;
use std::net::IpAddr;

use connlat_schema::capture::columns::{BOOT_ID, DST_ADDR, DST_PORT, NETNS};

use super::batch::Batch;
use super::text::Texts;
use super::{Accumulator, ColumnSet};

/// Places of addresses that are remembered.
const MOST: usize = 100_000;

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Its network namespace, or one link of it.
    Here,
    /// A private network, of which there may be many.
    Private,
    /// Everywhere the same.
    Everywhere,
}

impl Reach {
    /// Of an address; text that is none reaches everywhere.
    pub fn of(address: &str) -> Self {
        match address.parse() {
            Ok(IpAddr::V4(v4)) if v4.is_loopback() || v4.is_link_local() => Self::Here,
            Ok(IpAddr::V4(v4)) => {
                let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
                if v4.is_private() || shared { Self::Private } else { Self::Everywhere }
            }
            Ok(IpAddr::V6(v6)) => match v6.to_ipv4_mapped() {
                Some(v4) => Self::of(&v4.to_string()),
                None if v6.is_loopback() || v6.is_unicast_link_local() => Self::Here,
                None if v6.is_unique_local() => Self::Private,
                None => Self::Everywhere,
            },
            Err(_) => Self::Everywhere,
        }
    }
}

/// A boot, by the number of its id, and a network namespace of it.
type Place = (u32, i64);

/// Destinations by the network namespaces and boots they were connected to from.
#[derive(Debug, Clone, Default)]
pub struct Merged {
    /// By the number of the address and the port: how far it reaches, and the
    /// first place, until there is another.
    seen: HashMap<(u32, i32), (Reach, Option<Place>)>,
}

impl Merged {
    /// Destinations with rows of several places, those that reach least first.
    pub fn several(&self, texts: &Texts) -> Vec<(Reach, String)> {
        let mut several: Vec<(Reach, String)> = self
            .seen
            .iter()
            .filter(|(_, (_, place))| place.is_none())
            .map(|((address, port), (reach, _))| {
                let address = texts.text(*address);
                let shown = match address.contains(':') {
                    true => format!("[{address}]:{port}"),
                    false => format!("{address}:{port}"),
                };
                (*reach, shown)
            })
            .collect();
        several.sort_unstable();
        several
    }

    fn add(&mut self, key: (u32, i32), reach: Reach, place: Option<Place>) {
        if self.seen.len() >= MOST && !self.seen.contains_key(&key) {
            return;
        }
        let known = self.seen.entry(key).or_insert((reach, place));
        if known.1 != place {
            known.1 = None;
        }
    }
}

impl Accumulator for Merged {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend([BOOT_ID, DST_ADDR, DST_PORT, NETNS]);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let (Some(addresses), Some(boots)) = (batch.text(DST_ADDR), batch.text(BOOT_ID)) else {
            return;
        };
        let (ports, namespaces) = (batch.int32(DST_PORT), batch.int64(NETNS));
        let mut last = None;
        // By place in the dictionary: most addresses reach everywhere, and have no number.
        let mut reach: HashMap<i32, Reach> = HashMap::new();
        for (row, (port, namespace)) in ports.iter().zip(namespaces).enumerate() {
            let this = (addresses.keys()[row], *port, boots.keys()[row], *namespace);
            if last == Some(this) {
                continue;
            }
            last = Some(this);
            let reach = *reach.entry(this.0).or_insert_with(|| Reach::of(addresses.get(row)));
            if reach != Reach::Everywhere {
                // No others are remembered, but these may have more places.
                let address = match self.seen.len() < MOST {
                    true => Some(addresses.number(row, batch.texts)),
                    false => batch.texts.known(addresses.get(row)),
                };
                let Some(address) = address else { continue };
                let place = (boots.number(row, batch.texts), *namespace);
                self.add((address, *port), reach, Some(place));
            }
        }
    }

    fn merge(&mut self, other: Self, _: &Texts) {
        for (key, (reach, place)) in other.seen {
            self.add(key, reach, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_addresses_reach() {
        for here in
            ["127.0.0.1", "127.9.9.9", "169.254.169.254", "::1", "fe80::1", "::ffff:127.0.0.1"]
        {
            assert_eq!(Reach::of(here), Reach::Here, "{here}");
        }
        for private in ["10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd00::1"] {
            assert_eq!(Reach::of(private), Reach::Private, "{private}");
        }
        for everywhere in ["192.0.2.7", "100.128.0.1", "172.32.0.1", "2001:db8::1", "x", ""] {
            assert_eq!(Reach::of(everywhere), Reach::Everywhere, "{everywhere}");
        }
    }
}
