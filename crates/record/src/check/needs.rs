//! Each need and how it is tested.

use std::fs;
use std::path::Path;

use aya::maps::MapType;
use aya::sys::is_map_supported;
use aya_obj::btf::BtfKind;

use crate::host::CgroupPaths;
use crate::probe::{
    AttachError, Filters, MINIMUM_KERNEL, Probe, ProbeOptions, ResolvedOffsets,
    cgroup_filter_available, check_kernel, kernel_types,
};

/// How a need is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is there.
    Ok,
    /// Recording works without it, with less in the capture.
    Limited,
    /// Recording does not work without it.
    Missing,
}

impl Status {
    /// As printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Limited => "limited",
            Self::Missing => "missing",
        }
    }
}

/// One line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What is needed.
    pub name: &'static str,
    /// Whether it is there.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do where it is not there.
    pub remedy: Option<&'static str>,
}

impl Need {
    /// It is there.
    pub fn ok(name: &'static str, detail: String) -> Self {
        Self { name, status: Status::Ok, detail, remedy: None }
    }

    /// Recording works without it.
    pub fn limited(name: &'static str, detail: String, remedy: &'static str) -> Self {
        Self { name, status: Status::Limited, detail, remedy: Some(remedy) }
    }

    /// Recording does not work without it.
    pub fn missing(name: &'static str, detail: String, remedy: &'static str) -> Self {
        Self { name, status: Status::Missing, detail, remedy: Some(remedy) }
    }
}

/// Everything, tested now.
pub fn all(btf: &Path) -> Vec<Need> {
    let mut needs = vec![kernel_release(), privileges(), lockdown()];
    needs.extend(types(btf));
    needs.push(ring_buffer());
    needs.push(cgroups());
    needs.push(cgroup_filter());
    needs.push(probe(btf));
    needs
}

fn kernel_release() -> Need {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let (major, minor) = MINIMUM_KERNEL;
    let detail = format!("{release} (Linux {major}.{minor} or later is needed)");
    match check_kernel(&release) {
        Ok(_) => Need::ok("kernel release", detail),
        Err(_) => Need::missing("kernel release", detail, "boot a newer kernel"),
    }
}

/// Bits of `CapEff` (include/uapi/linux/capability.h).
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

fn privileges() -> Need {
    const NAME: &str = "privileges";
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = effective_capabilities(&status).unwrap_or_default();
    let has = |capability: u32| held & (1 << capability) != 0;
    if has(CAP_SYS_ADMIN) || (has(CAP_BPF) && has(CAP_PERFMON)) {
        let names: Vec<&str> =
            [("CAP_BPF", CAP_BPF), ("CAP_PERFMON", CAP_PERFMON), ("CAP_SYS_ADMIN", CAP_SYS_ADMIN)]
                .into_iter()
                .filter(|(_, capability)| has(*capability))
                .map(|(name, _)| name)
                .collect();
        return Need::ok(NAME, names.join(", "));
    }
    Need::missing(
        NAME,
        "neither CAP_BPF and CAP_PERFMON nor CAP_SYS_ADMIN".to_owned(),
        "run as root: sudo record …",
    )
}

fn effective_capabilities(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// Lockdown in confidentiality mode forbids BPF to read kernel memory.
fn lockdown() -> Need {
    const NAME: &str = "kernel lockdown";
    let modes = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if modes.contains("[confidentiality]") {
        return Need::missing(
            NAME,
            "confidentiality: BPF may not read kernel memory".to_owned(),
            "boot with lockdown=integrity or without lockdown",
        );
    }
    let mode = modes.split(['[', ']']).nth(1).unwrap_or("none");
    Need::ok(NAME, mode.to_owned())
}

fn types(btf: &Path) -> Vec<Need> {
    const NAME: &str = "BTF";
    const FIELDS: &str = "optional fields";
    let resolved = match ResolvedOffsets::from_file(btf) {
        Ok(resolved) => resolved,
        Err(error) => {
            let remedy =
                "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y, or give its BTF with --btf";
            return vec![Need::missing(NAME, format!("{:#}", anyhow::Error::from(error)), remedy)];
        }
    };
    let fields = if resolved.unavailable.is_empty() {
        Need::ok(FIELDS, "all of them".to_owned())
    } else {
        let remedy = "a kernel with CONFIG_IPV6, CONFIG_NET_NS and CONFIG_MPTCP has them all";
        Need::limited(FIELDS, resolved.unavailable.join(", "), remedy)
    };
    vec![Need::ok(NAME, btf.display().to_string()), tracepoint(btf), fields]
}

/// The tracepoint's type, by which the probe attaches to it.
fn tracepoint(btf: &Path) -> Need {
    const NAME: &str = "tp_btf";
    let found = kernel_types(btf).is_ok_and(|btf| {
        btf.id_by_type_name_kind("btf_trace_inet_sock_set_state", BtfKind::Typedef).is_ok()
    });
    if found {
        return Need::ok(NAME, "inet_sock_set_state".to_owned());
    }
    Need::missing(
        NAME,
        "no tracepoint inet_sock_set_state".to_owned(),
        "boot a kernel built with CONFIG_INET and CONFIG_TRACEPOINTS",
    )
}

fn ring_buffer() -> Need {
    const NAME: &str = "ring buffer";
    const REMEDY: &str = "run as root on Linux 5.8 or later";
    match is_map_supported(MapType::RingBuf) {
        Ok(true) => Need::ok(NAME, "BPF_MAP_TYPE_RINGBUF".to_owned()),
        Ok(false) => Need::missing(NAME, "not in this kernel".to_owned(), REMEDY),
        Err(error) => Need::missing(NAME, one_line(&error), REMEDY),
    }
}

fn one_line(error: &dyn std::error::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn cgroups() -> Need {
    const NAME: &str = "cgroup v2";
    match CgroupPaths::open().mount_point() {
        Some(Some(mount)) => Need::ok(NAME, mount.display().to_string()),
        Some(None) => Need::ok(NAME, "not mounted here, read through a private view".to_owned()),
        None => Need::limited(
            NAME,
            "no hierarchy: captures will have cgroup ids without paths".to_owned(),
            "mount -t cgroup2 none /mnt/cgroup2",
        ),
    }
}

/// `--cgroup` compares the ancestors of a task's cgroup.
fn cgroup_filter() -> Need {
    const NAME: &str = "cgroup filter";
    if cgroup_filter_available() {
        return Need::ok(NAME, "--cgroup".to_owned());
    }
    Need::limited(NAME, AttachError::NoCgroupFilter.to_string(), "use Linux 5.15 or later")
}

/// The tracepoint, the ring buffer and the helpers, all at once: attaches.
fn probe(btf: &Path) -> Need {
    const NAME: &str = "probe";
    let options = ProbeOptions {
        filters: Filters::default(),
        btf: btf.to_owned(),
        min_latency_ns: 0,
        trace_local_errors: false,
        ring_bytes: 1 << 20,
        max_in_flight: 1024,
    };
    let started = std::time::Instant::now();
    match Probe::attach(&options) {
        Ok(probe) => {
            let millis = started.elapsed().as_millis();
            let detail = format!("attached to tp_btf/inet_sock_set_state in {millis} ms");
            match probe.unavailable().iter().find(|what| what.starts_with("source ports")) {
                None => Need::ok(NAME, detail),
                Some(lost) => Need::limited(
                    NAME,
                    format!("{detail}, without {lost}"),
                    "use Linux 5.10 or later with CAP_PERFMON",
                ),
            }
        }
        Err(error) => Need::missing(NAME, error.to_string(), remedy(&error)),
    }
}

fn remedy(error: &AttachError) -> &'static str {
    match error {
        AttachError::Permission => {
            "run as root, outside user namespaces and sandboxes that forbid bpf(2)"
        }
        AttachError::Rejected(_) => "report this line and the kernel release",
        _ => "see the lines above",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::KERNEL_BTF;

    #[test]
    fn capabilities_are_read_from_proc() {
        let status = "Name:\trecord\nCapPrm:\t0\nCapEff:\t000000c000000000\nCapBnd:\t1\n";
        assert_eq!(effective_capabilities(status), Some(0b11 << 38));
        assert_eq!(effective_capabilities(""), None);
    }

    #[test]
    fn every_need_that_is_not_met_has_a_remedy() {
        for need in all(Path::new(KERNEL_BTF)) {
            assert_eq!(need.remedy.is_none(), need.status == Status::Ok, "{need:?}");
        }
    }
}
