//! One turn of a session: what is known at a moment.

use std::collections::{BTreeMap, BTreeSet};

use connlat_schema::capture::metadata::{Counters, NetworkInfo};
use connlat_schema::decode::ConnectEvent;

use crate::host::{Clock, ClockReading};
use crate::probe::Probe;

/// Namespaces of a capture whose settings are kept: bounds its metadata.
const MAX_NETWORKS: usize = 256;
/// Different settings among them.
const MAX_NETWORK_SETTINGS: usize = 16;

/// What is known at one moment of a session.
pub struct Tick<'a> {
    /// The moment.
    pub now: ClockReading,
    /// The clocks so far.
    pub clock: &'a mut Clock,
    /// What was counted and seen so far.
    pub known: &'a Known,
}

/// What a session has learned from the probe, besides events.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The account of events.
    pub counters: Counters,
    /// Why the account is unknown, if it is: once unknown, it stays so.
    pub account_problem: Option<String>,
    /// Settings of the network namespaces that connects came from.
    pub networks: Vec<NetworkInfo>,
    asked_about: BTreeSet<u32>,
}

impl Known {
    /// Reads the account again.
    pub fn count(&mut self, probe: &Probe) {
        match probe.counters() {
            Ok(counters) => self.counters = counters,
            Err(error) => {
                self.account_problem.get_or_insert_with(|| error.to_string());
            }
        }
    }

    /// Learns the settings of namespaces seen for the first time.
    pub fn look_at(&mut self, events: &[ConnectEvent], probe: &mut Probe) {
        let mut latest = None;
        for netns in events.iter().map(|event| event.netns) {
            // Most connects come from where the one before came from.
            if latest.replace(netns) != Some(netns)
                && netns != 0
                && self.asked_about.len() < MAX_NETWORKS
                && self.asked_about.insert(netns)
                && let Some(settings) = probe.network_settings(netns)
            {
                self.add_network(netns, settings);
            }
        }
    }

    fn add_network(&mut self, netns: u32, sysctls: BTreeMap<String, String>) {
        let netns = i64::from(netns);
        let same = self.networks.iter_mut().find(|network| network.sysctls == sysctls);
        if let Some(same) = same {
            same.netns.push(netns);
        } else if self.networks.len() < MAX_NETWORK_SETTINGS {
            self.networks.push(NetworkInfo { netns: vec![netns], sysctls });
        }
        // Not known is what the capture says of those it does not list.
    }

    /// Compares the account with the rows of a whole recording, which all
    /// came through one probe.
    pub fn check_against(&mut self, rows: u64) {
        if self.account_problem.is_none() {
            self.account_problem = self.counters.contradiction(rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sysctls(range: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("net.ipv4.ip_local_port_range".to_owned(), range.to_owned())])
    }

    #[test]
    fn namespaces_with_the_same_settings_share_them_and_others_stay_bounded() {
        let mut known = Known::default();
        known.add_network(1, sysctls("32768 60999"));
        known.add_network(2, sysctls("40000 40009"));
        known.add_network(3, sysctls("32768 60999"));
        let listed: Vec<_> = known.networks.iter().map(|network| network.netns.clone()).collect();
        assert_eq!(listed, [vec![1, 3], vec![2]]);
        for odd in 10..100 {
            known.add_network(odd, sysctls(&format!("1 {odd}")));
        }
        assert_eq!(known.networks.len(), MAX_NETWORK_SETTINGS);
    }

    #[test]
    fn an_account_that_does_not_add_up_is_unknown() {
        let counters = Counters { seen: 7, filtered: 2, ..Counters::default() };
        let mut known = Known { counters, ..Known::default() };
        known.check_against(5);
        assert_eq!(known.account_problem, None);
        known.check_against(6);
        let problem = known.account_problem.expect("7 is not 2 + 6");
        assert!(problem.contains('7') && problem.contains('6'), "{problem}");
    }
}
