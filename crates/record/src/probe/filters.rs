//! Which connects are recorded: described for the capture, and handed to the
//! probe, which applies them in the kernel.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use aya::maps::lpm_trie::Key;
use aya::maps::{Array, HashMap, LpmTrie, Map};
use aya::programs::ProgramType;
use aya::sys::{BpfHelper, is_helper_supported};
use aya::{Ebpf, EbpfLoader};
use connlat_schema::settings::{MAX_CGROUP_LEVEL, filter};
use connlat_schema::wire::COMM_LEN;
use ipnet::IpNet;

use super::error::AttachError;
use crate::host::{CgroupPaths, PidNamespace};

/// Descendants of a followed command at one time.
const MAX_FOLLOWED: u32 = 65_536;

/// A connect is recorded when it satisfies every filter that is set; a filter
/// with several values is satisfied by any of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Process ids.
    pub pids: Vec<u32>,
    /// User ids.
    pub uids: Vec<u32>,
    /// Thread names, as the kernel has them: cut at 15 bytes.
    pub comms: Vec<String>,
    /// cgroup v2 paths, with everything below them.
    pub cgroups: Vec<PathBuf>,
    /// Network namespace inodes.
    pub netns: Vec<u32>,
    /// 4 or 6; v4-mapped IPv6 counts as 4.
    pub ip_version: Option<u32>,
    /// Destination prefixes.
    pub destinations: Vec<IpNet>,
    /// Destination ports.
    pub ports: Vec<RangeInclusive<u16>>,
    /// Only the command and its descendants.
    pub follow: bool,
}

impl Filters {
    /// Names and values, as the capture records them; empty for the whole host.
    pub fn describe(&self) -> BTreeMap<String, Vec<String>> {
        fn texts<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(T::to_string).collect()
        }
        let port = |range: &RangeInclusive<u16>| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        // Numbers typed inside a pid namespace, unlike those in the rows.
        let namespace = PidNamespace::own().ok().flatten().filter(|_| !self.pids.is_empty());
        let all = [
            ("pid", texts(&self.pids)),
            ("pid_namespace", namespace.iter().map(|own| own.inode.to_string()).collect()),
            ("uid", texts(&self.uids)),
            ("comm", self.comms.clone()),
            ("cgroup", self.cgroups.iter().map(|path| path.display().to_string()).collect()),
            ("netns", texts(&self.netns)),
            ("ip_version", self.ip_version.iter().map(u32::to_string).collect()),
            ("dst", texts(&self.destinations)),
            ("dst_port", self.ports.iter().map(port).collect()),
            ("follow", if self.follow { vec!["command".to_owned()] } else { Vec::new() }),
        ];
        let set = all.into_iter().filter(|(_, values)| !values.is_empty());
        set.map(|(name, values)| (name.to_owned(), values)).collect()
    }

    /// Bits of `Settings::filters`.
    pub(super) fn bits(&self) -> u32 {
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        bit(!self.pids.is_empty() || self.follow, filter::PID)
            | bit(!self.uids.is_empty(), filter::UID)
            | bit(!self.comms.is_empty(), filter::COMM)
            | bit(!self.cgroups.is_empty(), filter::CGROUP)
            | bit(!self.netns.is_empty(), filter::NETNS)
            | bit(self.ip_version.is_some(), filter::IP_VERSION)
            | bit(!self.destinations.is_empty(), filter::DST_NET)
            | bit(!self.ports.is_empty(), filter::DST_PORT)
    }

    /// Finds the cgroups named.
    ///
    /// # Errors
    /// [`AttachError::NoCgroup`], [`AttachError::NoCgroupFilter`].
    pub(super) fn resolve_cgroups(&self, paths: &CgroupPaths) -> Result<Cgroups, AttachError> {
        if !self.cgroups.is_empty() && !cgroup_filter_available() {
            return Err(AttachError::NoCgroupFilter);
        }
        let mut found = Cgroups::default();
        for path in &self.cgroups {
            let (id, level) = paths
                .find(path)
                .map_err(|source| AttachError::NoCgroup { path: path.clone(), source })?;
            if level > MAX_CGROUP_LEVEL {
                let source = std::io::Error::other("nested too deeply");
                return Err(AttachError::NoCgroup { path: path.clone(), source });
            }
            found.ids.push(id);
            found.deepest = found.deepest.max(level);
        }
        Ok(found)
    }

    /// Sizes the maps in use.
    pub(super) fn size_maps(&self, loader: &mut EbpfLoader<'_>) {
        let size = |values: usize| u32::try_from(values).unwrap_or(u32::MAX).max(1);
        let pids = if self.follow { MAX_FOLLOWED } else { size(self.pids.len()) };
        loader
            .map_max_entries("PIDS", pids)
            .map_max_entries("UIDS", size(self.uids.len()))
            .map_max_entries("COMMS", size(self.comms.len()))
            .map_max_entries("CGROUPS", size(self.cgroups.len()))
            .map_max_entries("NETNSES", size(self.netns.len()))
            .map_max_entries("DST_NETS", size(self.destinations.len()));
    }

    /// Fills the maps.
    pub(super) fn fill_maps(&self, ebpf: &mut Ebpf, cgroups: &Cgroups) -> Result<(), AttachError> {
        fill(ebpf, "PIDS", self.pids.iter().copied())?;
        fill(ebpf, "UIDS", self.uids.iter().copied())?;
        fill(ebpf, "NETNSES", self.netns.iter().copied())?;
        fill(ebpf, "CGROUPS", cgroups.ids.iter().copied())?;
        fill(ebpf, "COMMS", self.comms.iter().map(|comm| comm_key(comm)))?;
        let mut nets = LpmTrie::<_, [u8; 16], u8>::try_from(map(ebpf, "DST_NETS")?)
            .map_err(AttachError::from_aya)?;
        for net in &self.destinations {
            let (prefix, address) = mapped_prefix(net);
            nets.insert(&Key::new(prefix, address), 1, 0).map_err(AttachError::from_aya)?;
        }
        if !self.ports.is_empty() {
            let mut ports = Array::<_, u64>::try_from(map(ebpf, "DST_PORTS")?)
                .map_err(AttachError::from_aya)?;
            for (index, word) in (0..).zip(port_bits(&self.ports)) {
                ports.set(index, word, 0).map_err(AttachError::from_aya)?;
            }
        }
        Ok(())
    }
}

/// Whether tracing programs of this kernel may ask for the ancestors of a
/// task's cgroup; true where that cannot be told. Linux 5.10 lacks it.
pub fn cgroup_filter_available() -> bool {
    // Every tracing program has the helpers of this type, which alone can be
    // tried without attaching.
    is_helper_supported(
        ProgramType::RawTracePoint,
        BpfHelper::BPF_FUNC_get_current_ancestor_cgroup_id,
    )
    .unwrap_or(true)
}

/// cgroup filters as the probe takes them.
#[derive(Debug, Default)]
pub(super) struct Cgroups {
    ids: Vec<u64>,
    pub(super) deepest: u32,
}

/// A map of the object, borrowed: the programs still have to find it open.
fn map<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Map, AttachError> {
    let map = ebpf.map_mut(name);
    map.ok_or_else(|| AttachError::Rejected(format!("the BPF object has no map {name}")))
}

fn fill<K: aya::Pod>(
    ebpf: &mut Ebpf,
    name: &str,
    keys: impl Iterator<Item = K>,
) -> Result<(), AttachError> {
    let mut map = HashMap::<_, K, u8>::try_from(map(ebpf, name)?).map_err(AttachError::from_aya)?;
    for key in keys {
        map.insert(key, 1, 0).map_err(AttachError::from_aya)?;
    }
    Ok(())
}

/// A thread name as `bpf_get_current_comm` gives it.
fn comm_key(comm: &str) -> [u8; COMM_LEN] {
    let mut key = [0; COMM_LEN];
    // The last byte stays NUL (`TASK_COMM_LEN`).
    for (to, from) in key[..COMM_LEN - 1].iter_mut().zip(comm.bytes()) {
        *to = from;
    }
    key
}

/// Prefix length and address, IPv4 as v4-mapped IPv6.
fn mapped_prefix(net: &IpNet) -> (u32, [u8; 16]) {
    match net.network() {
        IpAddr::V4(address) => {
            (96 + u32::from(net.prefix_len()), address.to_ipv6_mapped().octets())
        }
        IpAddr::V6(address) => (u32::from(net.prefix_len()), address.octets()),
    }
}

/// A bit for each of the 65,536 ports.
fn port_bits(ranges: &[RangeInclusive<u16>]) -> Vec<u64> {
    let mut words = vec![0_u64; 65_536 / 64];
    for port in ranges.iter().cloned().flatten() {
        words[usize::from(port) / 64] |= 1 << (port % 64);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_share_one_table() {
        let prefix = |text: &str| mapped_prefix(&text.parse().expect("a prefix"));
        let (length, address) = prefix("10.1.0.0/16");
        assert_eq!((length, &address[10..]), (112, &[0xff, 0xff, 10, 1, 0, 0][..]));
        assert_eq!(prefix("2001:db8::/32").0, 32);
        assert_eq!(prefix("0.0.0.0/0").0, 96);
    }

    #[test]
    fn ports_become_bits() {
        let words = port_bits(&[443..=443, 65_530..=65_535, 0..=0]);
        assert_eq!(words[443 / 64], 1 << (443 % 64));
        assert_eq!(words[0], 1);
        assert_eq!(words.iter().map(|word| word.count_ones()).sum::<u32>(), 8);
    }

    #[test]
    fn a_long_name_is_cut_as_the_kernel_cuts_it() {
        assert_eq!(&comm_key("a-very-long-thread-name"), b"a-very-long-thr\0");
        assert_eq!(&comm_key("sh"), b"sh\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn only_what_is_set_is_described() {
        assert!(Filters::default().describe().is_empty());
        let filters = Filters {
            ports: vec![80..=80, 8000..=8010],
            destinations: vec!["10.0.0.0/8".parse().expect("a prefix")],
            follow: true,
            ..Filters::default()
        };
        let described = filters.describe();
        assert_eq!(described["dst_port"], ["80", "8000-8010"]);
        assert_eq!(described["dst"], ["10.0.0.0/8"]);
        assert_eq!(described.len(), 3);
        assert_eq!(filters.bits(), filter::PID | filter::DST_NET | filter::DST_PORT);
    }
}
