//! Each need and how it is tested.

use std::path::Path;

use aya::maps::MapType;
use aya::sys::is_map_supported;
use aya_obj::btf::BtfKind;

use super::confinement;
use super::need::{Need, Status};
use crate::host::{CgroupPaths, KernelRelease};
use crate::probe::{
    AttachError, Filters, MINIMUM_KERNEL, Probe, ProbeOptions, ResolvedOffsets,
    cgroup_filter_available, kernel_types,
};

/// Everything, tested now.
pub fn all(btf: &Path) -> Vec<Need> {
    // Last in the list, tried first: only it tells whether the kernel will do.
    let probe = probe(btf);
    let mut needs = vec![
        kernel_release(probe.status),
        confinement::proc(),
        confinement::privileges(),
        confinement::lockdown(),
        confinement::pid_namespace(),
        confinement::time_namespace(),
    ];
    needs.extend(types(btf));
    needs.push(ring_buffer());
    needs.push(cgroups());
    needs.push(cgroup_filter());
    needs.push(probe);
    needs
}

fn kernel_release(probe: Status) -> Need {
    const NAME: &str = "kernel release";
    let release = KernelRelease::read();
    let (major, minor) = MINIMUM_KERNEL;
    let detail = format!("{} (Linux {major}.{minor} or later is needed)", release.text);
    match release.version {
        // A release can be made up; what the kernel can do cannot.
        Some(version) if version < MINIMUM_KERNEL && probe == Status::Missing => {
            Need::missing(NAME, detail, "boot a newer kernel")
        }
        _ => Need::ok(NAME, detail),
    }
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
    match is_map_supported(MapType::RingBuf) {
        Ok(true) => Need::ok(NAME, "BPF_MAP_TYPE_RINGBUF".to_owned()),
        Ok(false) => {
            Need::missing(NAME, "not in this kernel".to_owned(), "boot Linux 5.8 or later")
        }
        Err(error) => Need::missing(
            NAME,
            format!("{:#}", anyhow::Error::from(error)),
            "see privileges: without them it cannot be tested",
        ),
    }
}

fn cgroups() -> Need {
    const NAME: &str = "cgroup v2";
    let paths = CgroupPaths::open();
    let place = match paths.mount_point() {
        Some(Some(mount)) => mount.display().to_string(),
        Some(None) => "not mounted here, read through a private view".to_owned(),
        None => String::new(),
    };
    let Some(lost) = paths.unavailable() else { return Need::ok(NAME, place) };
    let remedy = match (paths.mount_point(), paths.v1_controllers()) {
        (None, _) => "mount -t cgroup2 none /mnt/cgroup2",
        (_, []) => "give CAP_DAC_READ_SEARCH; captures will have cgroup ids without paths",
        _ => "boot with systemd.unified_cgroup_hierarchy=1 to have one hierarchy for all",
    };
    let separator = if place.is_empty() { "" } else { ", " };
    Need::limited(NAME, format!("{place}{separator}without {lost}"), remedy)
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
                    "use Linux 5.10 or later with CAP_PERFMON, without lockdown",
                ),
            }
        }
        Err(error) => Need::missing(NAME, error.to_string(), remedy(&error)),
    }
}

fn remedy(error: &AttachError) -> &'static str {
    match error {
        AttachError::Permission(refusal) => refusal.remedy(),
        AttachError::ForeignBtf(_) => "leave out --btf",
        AttachError::Rejected(_) => "report this line and the kernel release",
        _ => "see the lines above",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::KERNEL_BTF;

    #[test]
    fn every_need_that_is_not_met_has_a_remedy() {
        for need in all(Path::new(KERNEL_BTF)) {
            assert_eq!(need.remedy.is_none(), need.status == Status::Ok, "{need:?}");
        }
    }
}
