//! The capture's metadata at the start of a recording.

use std::collections::BTreeMap;

use connlat_schema::capture::FORMAT_VERSION;
use connlat_schema::capture::metadata::{CaptureInfo, Counters, StopReason};
use connlat_schema::decode::escape_invalid_utf8;

use super::options::Options;
use crate::host::{CgroupPaths, Clock, Identity, connect_sysctls, own_network_namespace};
use crate::probe::Probe;

/// Bytes of the command line kept: metadata has a limit of 64 KB in all.
const COMMAND_LINE_LIMIT: usize = 8 * 1024;

/// Metadata of a recording that has just begun: not finished, nothing counted.
pub fn started(
    options: &Options,
    identity: &Identity,
    probe: &Probe,
    cgroups: &CgroupPaths,
    clock: &Clock,
) -> CaptureInfo {
    let start = clock.reading().instant();
    CaptureInfo {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        host: identity.host.clone(),
        kernel_release: identity.kernel_release.clone(),
        arch: identity.arch.clone(),
        boot_id: identity.boot_id.clone(),
        machine_id_hash: identity.machine_id_hash.clone(),
        command_line: command_line(std::env::args_os()),
        filters: filters(options),
        start,
        stop: start,
        stop_reason: StopReason::Unknown,
        clean: false,
        clock: clock.samples().to_vec(),
        sysctls: connect_sysctls(),
        sysctls_netns: own_network_namespace(),
        networks: Vec::new(),
        counters: Counters::default(),
        account_problem: None,
        loss_spans: Vec::new(),
        segment: None,
        unavailable: probe.unavailable().iter().cloned().chain(cgroups.unavailable()).collect(),
        row_group_sort: Vec::new(),
        merged: None,
        redacted: None,
    }
}

/// Everything that keeps connects out of the capture.
fn filters(options: &Options) -> BTreeMap<String, Vec<String>> {
    let mut filters = options.probe.filters.describe();
    if options.probe.min_latency_ns > 0 {
        let value = options.probe.min_latency_ns.to_string();
        filters.insert("min_latency_ns".to_owned(), vec![value]);
    }
    filters
}

/// The arguments as text, cut where they would not fit.
fn command_line(arguments: impl Iterator<Item = std::ffi::OsString>) -> Vec<String> {
    let mut left = COMMAND_LINE_LIMIT;
    let mut kept = Vec::new();
    for argument in arguments {
        let text = escape_invalid_utf8(argument.as_encoded_bytes());
        if text.len() > left {
            kept.push("…".to_owned());
            break;
        }
        left -= text.len();
        kept.push(text);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_line_is_cut_and_shows_it() {
        let arguments = ["record".into(), "x".repeat(COMMAND_LINE_LIMIT).into(), "y".into()];
        assert_eq!(command_line(arguments.into_iter()), ["record", "…"]);
    }
}
