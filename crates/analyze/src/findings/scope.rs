//! Who is affected: conditions on where connects come from and go to.

mod space;

use super::command;
use super::evidence::{Event, Evidence, TextId};

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
    /// Conditions by cell, one cell's behind the other's: events alike in every
    /// dimension share one.
    met: Vec<u32>,
    /// Where each cell's conditions end in `met`.
    ends: Vec<u32>,
    /// Cell by event.
    cell_of: Vec<u32>,
    /// Networks as text.
    networks: Vec<String>,
    /// Several machines, or namespaces, or both, have names to be told apart.
    several_machines: bool,
}

impl Space {
    /// The conditions that an event meets, by number.
    pub fn met_by(&self, event: usize) -> &[u32] {
        self.conditions_of_cell(self.cell_of[event])
    }

    /// The events that meet all of some conditions, which are compared once a cell.
    pub fn inside(&self, scope: &[u32]) -> Inside<'_> {
        self.inside_any(&[scope])
    }

    /// The events that are inside at least one of some scopes.
    pub fn inside_any<S: AsRef<[u32]>>(&self, scopes: &[S]) -> Inside<'_> {
        let holds = |cell| scopes.iter().any(|scope| self.cell_holds(scope.as_ref(), cell));
        let cells = (0..self.ends.len() as u32).map(holds).collect();
        Inside { cells, cell_of: &self.cell_of }
    }

    /// Cell that an event belongs to.
    pub fn cell(&self, event: u32) -> u32 {
        self.cell_of[event as usize]
    }

    pub fn cell_count(&self) -> usize {
        self.ends.len()
    }

    /// The conditions that the events of a cell meet.
    pub fn conditions_of_cell(&self, cell: u32) -> &[u32] {
        let first = cell.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        &self.met[first as usize..self.ends[cell as usize] as usize]
    }

    /// Whether the events of a cell meet all of some conditions.
    pub fn cell_holds(&self, scope: &[u32], cell: u32) -> bool {
        let met = self.conditions_of_cell(cell);
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
        let text = |name, text: TextId| (name, Value::Text(evidence.raw(text).to_owned()));
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
            Dimension::Service => evidence.place(sample.dst, sample.dst_port),
            Dimension::Address => evidence.address(sample.dst),
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
            Dimension::Cgroup => format!("cgroup {}", evidence.cgroup(sample.cgroup)),
            Dimension::Uid => format!("user {}", sample.uid),
            Dimension::Source => format!("source {}", evidence.address(sample.src)),
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

/// Which events are inside a scope.
pub struct Inside<'a> {
    cells: Vec<bool>,
    cell_of: &'a [u32],
}

impl Inside<'_> {
    pub fn holds(&self, event: u32) -> bool {
        self.cells[self.cell_of[event as usize] as usize]
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

impl Value {
    /// As people read it; text as it stands in the capture.
    pub fn shown(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The text, if it is one.
    pub fn text_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Number(_) => None,
            Self::Text(text) => Some(text),
        }
    }
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
