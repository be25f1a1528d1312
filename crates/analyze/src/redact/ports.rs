//! Source ports become others of the same range: they would lead from a row to
//! a line of a firewall's log. Destination ports stay, for they name a service.
//!
//! Ports below 1024 and those the kernel gives out mean something to findings,
//! so each such range is permuted by itself, and 0, which is no port, stays.

use std::io::Read;

use connlat_schema::capture::metadata::CaptureInfo;

use super::key::Key;

/// The first port that is not privileged.
const UNPRIVILEGED: u32 = 1_024;
const PORTS: u32 = 65_536;
const RANGE: &str = "net.ipv4.ip_local_port_range";

/// What stands for each port.
pub struct SourcePorts(Vec<u16>);

impl SourcePorts {
    /// For captures whose ranges of local ports are all kept.
    pub fn new<'a>(key: &Key, infos: impl Iterator<Item = &'a CaptureInfo>) -> Self {
        let mut bounds = vec![1, UNPRIVILEGED, PORTS];
        for info in infos {
            let settings = info.networks.iter().map(|network| &network.sysctls);
            for range in settings.chain([&info.sysctls]).filter_map(|all| all.get(RANGE)) {
                let mut ends = range.split_whitespace().map(str::parse::<u32>);
                if let (Some(Ok(low)), Some(Ok(high))) = (ends.next(), ends.next()) {
                    bounds.extend([low, high.saturating_add(1)]);
                }
            }
        }
        bounds.retain(|bound| (1..=PORTS).contains(bound));
        bounds.sort_unstable();
        bounds.dedup();
        let mut random = key.stream("source ports");
        let mut ranks: Vec<(u64, u16)> = Vec::with_capacity(PORTS as usize);
        for port in 0..=u16::MAX {
            let mut bytes = [0; 8];
            // Memory never fails to be read.
            let _ = random.read_exact(&mut bytes);
            ranks.push((u64::from_le_bytes(bytes), port));
        }
        let mut map: Vec<u16> = (0..=u16::MAX).collect();
        for pair in bounds.windows(2) {
            let (from, to) = (pair[0] as usize, pair[1] as usize);
            let mut shuffled = ranks[from..to].to_vec();
            shuffled.sort_unstable();
            for (place, (_, port)) in map[from..to].iter_mut().zip(shuffled) {
                *place = port;
            }
        }
        Self(map)
    }

    /// What stands for a port; what is none stays.
    pub fn get(&self, port: i32) -> i32 {
        let place = usize::try_from(port).ok().and_then(|port| self.0.get(port));
        place.map_or(port, |port| (*port).into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_range_is_permuted_by_itself() {
        let info = |range: &str| {
            let json = serde_json::json!({
                "format_version": 1, "tool_version": "", "host": "", "kernel_release": "",
                "arch": "", "boot_id": "", "machine_id_hash": null, "command_line": [],
                "start": {"time_us": 0, "monotonic_ns": 0},
                "stop": {"time_us": 0, "monotonic_ns": 0},
                "stop_reason": "unknown", "clean": true, "counters": {},
                "sysctls": {RANGE: range},
            });
            CaptureInfo::from_json(&json.to_string()).expect("a document")
        };
        let key = Key::thrown_away().expect("a key");
        let infos = [info("32768 60999"), info("40000 70000"), info("x"), info("0 5")];
        let ports = SourcePorts::new(&key, infos.iter());
        let all: HashSet<i32> = (0..65_536).map(|port| ports.get(port)).collect();
        assert_eq!(all.len(), 65_536);
        for range in [0..1, 1..6, 6..1_024, 1_024..32_768, 32_768..40_000, 40_000..61_000] {
            for port in range.clone() {
                assert!(range.contains(&ports.get(port)), "{port} became {}", ports.get(port));
            }
        }
        let moved = (32_768..60_000).filter(|port| ports.get(*port) != *port).count();
        assert!(moved > 27_000, "{moved}");
        assert_eq!([ports.get(-1), ports.get(65_536), ports.get(0)], [-1, 65_536, 0]);
    }
}
