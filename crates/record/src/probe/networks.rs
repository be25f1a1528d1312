//! Kernel settings of the network namespaces that connects came from.

use std::collections::BTreeMap;

use aya::maps::{Array, MapData};
use aya::{Ebpf, Pod};
use connlat_schema::offsets::{ABSENT, Offsets};
use connlat_schema::settings::NetworkSettings;

use super::error::AttachError;
use super::object::take_map;
use super::offsets::ResolvedOffsets;
use super::test_run;

const PROGRAM: &str = "connlat_network";

/// The settings as aya wants them.
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
struct SettingsBytes(NetworkSettings);

// SAFETY: `NetworkSettings` is `repr(C)`, consists of integers only and has no
// padding, which its crate asserts at compile time.
unsafe impl Pod for SettingsBytes {}

/// Asks the probe for them.
#[derive(Default)]
pub struct Networks {
    answer: Option<Array<MapData, SettingsBytes>>,
    widths: Option<Offsets>,
}

impl Networks {
    /// Loads the program that reads them.
    ///
    /// # Errors
    /// Any [`AttachError`].
    pub fn load(ebpf: &mut Ebpf, resolved: &ResolvedOffsets) -> Result<Self, AttachError> {
        if [resolved.offsets.skc_net, resolved.offsets.netns_inum].contains(&ABSENT) {
            return Err(AttachError::BadBtf("no network namespaces".to_owned()));
        }
        test_run::load(ebpf, PROGRAM)?;
        let answer = take_map(ebpf, "NET_SETTINGS")?;
        Ok(Self { answer: Some(answer), widths: Some(resolved.widths) })
    }

    /// Those of one namespace by sysctl name; `None` where it is gone.
    pub fn settings(&self, ebpf: &mut Ebpf, netns: u32) -> Option<BTreeMap<String, String>> {
        let (answer, widths) = (self.answer.as_ref()?, self.widths.as_ref()?);
        test_run::run(ebpf, PROGRAM, netns.into()).ok()?;
        let SettingsBytes(settings) = answer.get(&0, 0).ok()?;
        (settings.netns == u64::from(netns)).then(|| by_name(&settings, widths))
    }
}

/// As `/proc/sys` shows them; those that this kernel lacks are left out.
fn by_name(settings: &NetworkSettings, widths: &Offsets) -> BTreeMap<String, String> {
    [
        ("tcp_syn_retries", number(settings.syn_retries, widths.net_syn_retries)),
        (
            "tcp_syn_linear_timeouts",
            number(settings.syn_linear_timeouts, widths.net_syn_linear_timeouts),
        ),
        ("ip_local_port_range", range(settings.port_range, widths.net_port_range)),
        ("tcp_fastopen", number(settings.fastopen, widths.net_fastopen)),
        ("tcp_tw_reuse", number(settings.tw_reuse, widths.net_tw_reuse)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((format!("net.ipv4.{name}"), value?)))
    .collect()
}

/// A number of `width` bytes, the lowest ones.
fn number(bytes: u64, width: u32) -> Option<String> {
    let bits = width.checked_mul(8).filter(|bits| (8..=64).contains(bits))?;
    Some((bytes & (u64::MAX >> (64 - bits))).to_string())
}

/// Lowest and highest port: two ints until Linux 6.7, then halves of one
/// (include/net/netns/ipv4.h, `struct local_ports`).
fn range(bytes: u64, width: u32) -> Option<String> {
    match width {
        8 => Some(format!("{} {}", bytes & 0xffff_ffff, bytes >> 32)),
        4 => Some(format!("{} {}", bytes & 0xffff, bytes >> 16 & 0xffff)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bytes_of_a_field_count() {
        assert_eq!(number(0xffff_ff06, 1).as_deref(), Some("6"));
        assert_eq!(number(0xffff_ffff_0000_0403, 4).as_deref(), Some("1027"));
        assert_eq!(number(6, 0), None);
        assert_eq!(number(6, 9), None);
        assert_eq!(range(0xee6b_0000_8000, 8).as_deref(), Some("32768 61035"));
        assert_eq!(range(0xffff_ffff_ee47_8000, 4).as_deref(), Some("32768 60999"));
        assert_eq!(range(1, 2), None);
    }

    #[test]
    fn what_a_kernel_lacks_is_left_out() {
        let widths = Offsets { net_syn_retries: 1, net_port_range: 4, ..zero() };
        let settings =
            NetworkSettings { syn_retries: 6, port_range: 0x9c49_9c40, ..Default::default() };
        let named = by_name(&settings, &widths);
        let expected =
            [("net.ipv4.ip_local_port_range", "40000 40009"), ("net.ipv4.tcp_syn_retries", "6")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(named, BTreeMap::from(expected));
    }

    fn zero() -> Offsets {
        Offsets::find(|_| Ok::<u32, ()>(0)).unwrap_or(Offsets::ALL_ABSENT)
    }
}
