//! Kernel settings that shape connect latency, kept with the capture.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// The settings recorded, below `/proc/sys/net/ipv4`.
const NAMES: [&str; 5] = [
    "tcp_syn_retries",
    "tcp_syn_linear_timeouts",
    "ip_local_port_range",
    "tcp_fastopen",
    "tcp_tw_reuse",
];

/// Reads them in the recorder's network namespace; those this kernel lacks are left out.
pub fn connect_sysctls() -> BTreeMap<String, String> {
    NAMES
        .into_iter()
        .filter_map(|name| {
            let value = fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok()?;
            let words: Vec<&str> = value.split_whitespace().collect();
            Some((format!("net.ipv4.{name}"), words.join(" ")))
        })
        .collect()
}

/// Inode of the recorder's network namespace, as the column `netns` has it.
pub fn own_network_namespace() -> Option<i64> {
    i64::try_from(fs::metadata("/proc/self/ns/net").ok()?.ino()).ok()
}
