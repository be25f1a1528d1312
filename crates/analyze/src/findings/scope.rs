//! Who is affected: conditions on where connects come from and go to.

use std::collections::HashMap;
use std::net::IpAddr;

use super::command;
use super::evidence::{Event, Evidence};
use crate::scan::network;

/// Prefix lengths of networks, those people use first.
const V4: [u8; 6] = [24, 16, 8, 20, 12, 28];
const V6: [u8; 6] = [64, 48, 56, 32, 96, 112];

/// A property that affected connects may share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Address and port.
    Service,
    Address,
    Port,
    /// IPv4 or IPv6.
    Family,
    /// The destination's network; lower ones are preferred where several fit.
    Network(u8),
    Host,
    Netns,
    Comm,
    Cgroup,
    Uid,
    Source,
}

impl Dimension {
    /// Whether it says where connects go to, not where they come from.
    pub fn is_place(self) -> bool {
        self <= Self::Network(u8::MAX)
    }
}

/// One condition: a dimension and its value, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Condition {
    pub dimension: Dimension,
    value: u64,
}

/// All conditions that events meet, numbered, and which event meets which.
pub struct Space {
    pub conditions: Vec<Condition>,
    /// Conditions by cell: events alike in every dimension share one.
    cells: Vec<Box<[u32]>>,
    /// Cell by event.
    cell_of: Vec<u32>,
    /// Networks as text.
    networks: Vec<String>,
    /// Several machines, or namespaces, or both, have names to be told apart.
    several_machines: bool,
}

impl Space {
    /// Of all the evidence.
    pub fn of(evidence: &Evidence) -> Self {
        let mut builder = Builder::new(evidence);
        let cell_of = evidence.events.iter().map(|event| builder.cell(event)).collect();
        Self {
            conditions: builder.conditions,
            cells: builder.cells,
            cell_of,
            networks: builder.networks,
            several_machines: builder.several_machines,
        }
    }

    /// The conditions that an event meets, by number.
    pub fn met_by(&self, event: usize) -> &[u32] {
        &self.cells[self.cell_of[event] as usize]
    }

    /// Whether an event meets all of some conditions.
    pub fn holds(&self, scope: &[u32], event: usize) -> bool {
        let met = self.met_by(event);
        scope.iter().all(|condition| met.contains(condition))
    }

    /// Dimension of a condition.
    pub fn dimension(&self, condition: u32) -> Dimension {
        self.conditions[condition as usize].dimension
    }

    /// Network that a condition names.
    pub fn network(&self, condition: u32) -> Option<&str> {
        let Condition { dimension: Dimension::Network(_), value } =
            self.conditions[condition as usize]
        else {
            return None;
        };
        self.networks.get(value as usize).map(String::as_str)
    }

    /// The fields of a condition as JSON has them.
    pub fn fields(&self, condition: u32, sample: &Event, evidence: &Evidence) -> Vec<Field> {
        let text = |name, text: usize| (name, Value::Text(evidence.raw(text).to_owned()));
        match self.dimension(condition) {
            Dimension::Service => {
                vec![text("dst_addr", sample.dst), ("dst_port", Value::Number(sample.dst_port))]
            }
            Dimension::Address => vec![text("dst_addr", sample.dst)],
            Dimension::Port => vec![("dst_port", Value::Number(sample.dst_port))],
            Dimension::Family => {
                let six = is_six(evidence.raw(sample.dst));
                let name = if six { "ipv6" } else { "ipv4" };
                vec![("family", Value::Text(name.to_owned()))]
            }
            Dimension::Network(_) => {
                let network = self.network(condition).unwrap_or_default();
                vec![("dst_network", Value::Text(network.to_owned()))]
            }
            Dimension::Host => vec![text("host", sample.host)],
            Dimension::Netns => vec![("netns", Value::Number(sample.netns))],
            Dimension::Comm => vec![text("comm", sample.comm)],
            Dimension::Cgroup => vec![text("cgroup", sample.cgroup)],
            Dimension::Uid => vec![("uid", Value::Number(sample.uid))],
            Dimension::Source => vec![text("src_addr", sample.src)],
        }
    }

    /// A condition in words, as it follows "connects …".
    pub fn words(&self, condition: u32, sample: &Event, evidence: &Evidence) -> String {
        match self.dimension(condition) {
            Dimension::Service => evidence.dst(sample.dst, sample.dst_port),
            Dimension::Address => evidence.text(sample.dst),
            Dimension::Port => format!("port {}", sample.dst_port),
            Dimension::Family => {
                let six = is_six(evidence.raw(sample.dst));
                if six { "all IPv6".to_owned() } else { "all IPv4".to_owned() }
            }
            Dimension::Network(_) => self.network(condition).unwrap_or_default().to_owned(),
            Dimension::Host => {
                let name = evidence.text(sample.host);
                if self.same_name(sample, evidence) {
                    let boot: String = evidence.text(sample.machine).chars().take(8).collect();
                    format!("host {name} (boot {boot})")
                } else {
                    format!("host {name}")
                }
            }
            Dimension::Netns => {
                let on = if self.several_machines {
                    format!(" of {}", evidence.text(sample.host))
                } else {
                    String::new()
                };
                format!("network namespace {}{on}", sample.netns)
            }
            Dimension::Comm => evidence.text(sample.comm),
            Dimension::Cgroup => format!("cgroup {}", evidence.text(sample.cgroup)),
            Dimension::Uid => format!("user {}", sample.uid),
            Dimension::Source => format!("source {}", evidence.text(sample.src)),
        }
    }

    fn same_name(&self, sample: &Event, evidence: &Evidence) -> bool {
        let mut events = evidence.events.iter();
        self.several_machines
            && events.any(|e| e.host == sample.host && e.machine != sample.machine)
    }

    /// A condition as SQL inside double quotes of a shell.
    pub fn sql(
        &self,
        condition: u32,
        events: &[&Event],
        evidence: &Evidence,
    ) -> Vec<Option<String>> {
        let Some(sample) = events.first() else { return Vec::new() };
        let is = |column, text| command::is(column, evidence.raw(text));
        match self.dimension(condition) {
            Dimension::Service => {
                vec![is("dst_addr", sample.dst), Some(format!("dst_port = {}", sample.dst_port))]
            }
            Dimension::Address => vec![is("dst_addr", sample.dst)],
            Dimension::Port => vec![Some(format!("dst_port = {}", sample.dst_port))],
            Dimension::Family => {
                let six = is_six(evidence.raw(sample.dst));
                vec![Some(format!("ip_version = {}", if six { 6 } else { 4 }))]
            }
            Dimension::Network(_) => {
                let network = self.network(condition).unwrap_or_default();
                let addresses = events.iter().map(|event| evidence.raw(event.dst)).collect();
                vec![command::in_network(network, &addresses)]
            }
            Dimension::Host if self.same_name(sample, evidence) => {
                vec![is("boot_id", sample.machine)]
            }
            Dimension::Host => vec![is("host", sample.host)],
            Dimension::Netns => {
                let host = if self.several_machines { is("host", sample.host) } else { None };
                let netns = Some(format!("netns = {}", sample.netns));
                host.into_iter().map(Some).chain([netns]).collect()
            }
            Dimension::Comm => vec![is("comm", sample.comm)],
            Dimension::Cgroup => vec![is("cgroup", sample.cgroup)],
            Dimension::Uid => vec![Some(format!("uid = {}", sample.uid))],
            Dimension::Source => vec![is("src_addr", sample.src)],
        }
    }
}

/// A named value of a scope.
pub type Field = (&'static str, Value);

/// A value of a scope.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    Number(i64),
    Text(String),
}

/// Whether an address is of IPv6.
pub fn is_six(address: &str) -> bool {
    address.contains(':')
}

/// Whether a destination is the host itself, by its address alone.
pub fn is_loopback(address: &str) -> bool {
    address.starts_with("127.") || address == "::1"
}

/// Whether the same address may stand for several neighbours: captures do not
/// say on which link it is.
pub fn is_link_local(address: &str) -> bool {
    let six = address.parse::<std::net::Ipv6Addr>();
    six.is_ok_and(|address| address.is_unicast_link_local()) || address.starts_with("169.254.")
}

struct Builder<'a> {
    evidence: &'a Evidence,
    conditions: Vec<Condition>,
    numbers: HashMap<Condition, u32>,
    cells: Vec<Box<[u32]>>,
    cell_numbers: HashMap<[i64; 8], u32>,
    networks: Vec<String>,
    network_numbers: HashMap<String, u64>,
    of_address: HashMap<usize, Vec<Condition>>,
    namespaces: HashMap<(usize, i64), u64>,
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
            numbers: HashMap::new(),
            cells: Vec::new(),
            cell_numbers: HashMap::new(),
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
        let conditions = self.conditions_of(event);
        let numbers = conditions.into_iter().map(|condition| self.number(condition)).collect();
        let cell = self.cells.len() as u32;
        self.cells.push(numbers);
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
    fn places(&mut self, dst: usize) -> Vec<Condition> {
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
