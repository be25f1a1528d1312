//! Which conditions each event meets.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::super::evidence::{Event, Evidence, TextId};
use super::{Condition, Dimension, Space};
use crate::scan::network;

/// Prefix lengths of networks, those people use first.
const V4: [u8; 6] = [24, 16, 8, 20, 12, 28];
const V6: [u8; 6] = [64, 48, 56, 32, 96, 112];

impl Space {
    /// Of all the evidence.
    pub fn of(evidence: &Evidence) -> Self {
        let mut builder = Builder::new(evidence);
        let cell_of = evidence.events.iter().map(|event| builder.cell(event)).collect();
        Self {
            conditions: builder.conditions,
            met: builder.met,
            ends: builder.ends,
            cell_of,
            networks: builder.networks,
            several_machines: builder.several_machines,
        }
    }
}

struct Builder<'a> {
    evidence: &'a Evidence,
    conditions: Vec<Condition>,
    numbers: HashMap<Condition, u32, RandomState>,
    met: Vec<u32>,
    ends: Vec<u32>,
    cell_numbers: HashMap<[i64; 8], u32, RandomState>,
    networks: Vec<String>,
    network_numbers: HashMap<String, u64>,
    of_address: HashMap<TextId, Vec<Condition>>,
    namespaces: HashMap<(TextId, i64), u64>,
    several_machines: bool,
    several_namespaces: bool,
}

impl<'a> Builder<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let first = evidence.events.first();
        let differs = |is: &dyn Fn(&Event, &Event) -> bool| {
            first.is_some_and(|first| evidence.events.iter().any(|event| is(first, event)))
        };
        Self {
            evidence,
            conditions: Vec::new(),
            numbers: HashMap::default(),
            met: Vec::new(),
            ends: Vec::new(),
            cell_numbers: HashMap::default(),
            networks: Vec::new(),
            network_numbers: HashMap::new(),
            of_address: HashMap::new(),
            namespaces: HashMap::new(),
            several_machines: differs(&|a, b| a.machine != b.machine),
            several_namespaces: differs(&|a, b| a.netns != b.netns),
        }
    }

    fn cell(&mut self, event: &Event) -> u32 {
        let key = [
            event.machine as i64,
            event.netns,
            event.dst as i64,
            event.dst_port,
            event.comm as i64,
            event.cgroup as i64,
            event.uid,
            event.src as i64,
        ];
        if let Some(cell) = self.cell_numbers.get(&key) {
            return *cell;
        }
        for condition in self.conditions_of(event) {
            let number = self.number(condition);
            self.met.push(number);
        }
        let cell = self.ends.len() as u32;
        self.ends.push(self.met.len() as u32);
        self.cell_numbers.insert(key, cell);
        cell
    }

    fn number(&mut self, condition: Condition) -> u32 {
        *self.numbers.entry(condition).or_insert_with(|| {
            self.conditions.push(condition);
            self.conditions.len() as u32 - 1
        })
    }

    fn conditions_of(&mut self, event: &Event) -> Vec<Condition> {
        let of = |dimension, value| Condition { dimension, value };
        let service = ((event.dst as u64) << 16) | (event.dst_port as u64 & 0xffff);
        let namespaces = self.namespaces.len() as u64;
        let namespace = *self.namespaces.entry((event.machine, event.netns)).or_insert(namespaces);
        let mut conditions = self.places(event.dst);
        conditions.extend([
            of(Dimension::Service, service),
            of(Dimension::Port, event.dst_port as u64),
            of(Dimension::Comm, event.comm as u64),
            of(Dimension::Cgroup, event.cgroup as u64),
            of(Dimension::Uid, event.uid as u64),
        ]);
        // Before an address is chosen there is none.
        if !matches!(self.evidence.raw(event.src), "" | "0.0.0.0" | "::") {
            conditions.push(of(Dimension::Source, event.src as u64));
        }
        if self.several_machines {
            conditions.push(of(Dimension::Host, event.machine as u64));
        }
        if self.several_namespaces {
            conditions.push(of(Dimension::Netns, namespace));
        }
        conditions
    }

    /// What an address alone says.
    fn places(&mut self, dst: TextId) -> Vec<Condition> {
        if let Some(known) = self.of_address.get(&dst) {
            return known.clone();
        }
        let of = |dimension, value| Condition { dimension, value };
        let mut conditions = vec![of(Dimension::Address, dst as u64)];
        let address = self.evidence.raw(dst);
        if let Ok(parsed) = address.parse::<IpAddr>() {
            conditions.push(of(Dimension::Family, if parsed.is_ipv6() { 6 } else { 4 }));
            for (order, bits) in if parsed.is_ipv6() { V6 } else { V4 }.into_iter().enumerate() {
                let name = prefix(parsed, bits).unwrap_or_else(|| network(address, bits));
                let new = self.networks.len() as u64;
                let number = *self.network_numbers.entry(name).or_insert_with_key(|name| {
                    self.networks.push(name.clone());
                    new
                });
                conditions.push(of(Dimension::Network(order as u8), number));
            }
        }
        self.of_address.insert(dst, conditions.clone());
        conditions
    }
}

/// Short IPv6 prefixes, which [`network`] takes for IPv4 ones.
fn prefix(address: IpAddr, bits: u8) -> Option<String> {
    let IpAddr::V6(address) = address else { return None };
    let mask = u128::MAX.checked_shl(128 - u32::from(bits))?;
    Some(format!("{}/{bits}", std::net::Ipv6Addr::from_bits(address.to_bits() & mask)))
}
