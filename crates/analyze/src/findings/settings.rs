//! Kernel settings, each with the network namespace it belongs to.

use std::collections::BTreeMap;

use connlat_schema::capture::metadata::CaptureInfo;

type ByName = BTreeMap<String, String>;

/// The settings of every host and network namespace that captures know.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// By boot id, or by name where it is empty.
    hosts: BTreeMap<String, Host>,
}

#[derive(Debug, Clone, Default)]
struct Host {
    /// By inode of the namespace.
    networks: BTreeMap<i64, ByName>,
    /// Of captures that do not say to which namespace they belong (connlat
    /// before `sysctls_netns`).
    anywhere: Option<ByName>,
}

impl Settings {
    /// What these captures say; the first of each namespace counts.
    pub fn of<'a>(captures: impl IntoIterator<Item = &'a CaptureInfo>) -> Self {
        let mut settings = Self::default();
        for info in captures {
            let machine = if info.boot_id.is_empty() { &info.host } else { &info.boot_id };
            let host = settings.hosts.entry(machine.clone()).or_default();
            for network in &info.networks {
                for netns in &network.netns {
                    host.networks.entry(*netns).or_insert_with(|| network.sysctls.clone());
                }
            }
            match info.sysctls_netns {
                Some(own) => {
                    host.networks.entry(own).or_insert_with(|| info.sysctls.clone());
                }
                None => {
                    host.anywhere.get_or_insert_with(|| info.sysctls.clone());
                }
            }
        }
        settings
    }

    /// A setting in a network namespace of a host and machine; `None` where it
    /// is unknown.
    pub fn get(&self, host: &str, machine: &str, netns: i64, name: &str) -> Option<&str> {
        let host = self.hosts.get(machine).or_else(|| self.hosts.get(host))?;
        let known = host.networks.get(&netns).or(host.anywhere.as_ref())?;
        Some(known.get(name)?.trim())
    }
}
