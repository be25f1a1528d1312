//! Arguments to what a session works with.

use std::path::PathBuf;
use std::time::Duration;

use super::args::{CaptureArgs, FilterArgs, LiveArgs, ProbeArgs, RecordArgs};
use crate::capture::output::DEFAULT_MODE;
use crate::capture::retention::Retention;
use crate::live::ScreenOptions;
use crate::probe::{Filters, ProbeOptions};
use crate::session::{CaptureOptions, Destination, Limits, Options};

/// A recording.
pub fn for_recording(args: RecordArgs) -> Options {
    let filters = filters(args.pids, args.follow, args.filters);
    Options {
        capture: Some(capture(args.output, args.force, args.capture)),
        screen: None,
        duration: args.duration,
        nice: args.probe.nice,
        user: args.probe.user,
        probe: probe(filters, args.min_latency, args.probe),
        command: args.command,
    }
}

/// `record live`.
pub fn for_live(args: LiveArgs) -> Options {
    let filters = filters(args.pids, false, args.filters);
    Options {
        capture: args.output.map(|path| CaptureOptions {
            destination: Destination::File(path),
            force: args.force,
            mode: DEFAULT_MODE,
            limits: Limits::default(),
            retention: Retention::default(),
        }),
        screen: Some(ScreenOptions {
            timestamp: args.timestamp,
            lport: args.lport,
            all: args.all,
            json: args.json,
            verbose: args.verbose,
        }),
        duration: args.duration,
        nice: args.probe.nice,
        user: args.probe.user,
        probe: probe(filters, args.min_ms, args.probe),
        command: Vec::new(),
    }
}

fn capture(output: Option<PathBuf>, force: bool, args: CaptureArgs) -> CaptureOptions {
    let destination = match (output, args.output_dir) {
        (Some(path), _) => Destination::File(path),
        (None, Some(root)) => Destination::Tree { root, rotate: args.rotate },
        (None, None) => Destination::Default,
    };
    CaptureOptions {
        destination,
        force,
        mode: args.mode,
        limits: Limits { events: args.max_events, bytes: args.max_size, memory: args.max_memory },
        retention: Retention { age: args.retain, bytes: args.retain_size },
    }
}

fn probe(filters: Filters, min_latency: Option<Duration>, args: ProbeArgs) -> ProbeOptions {
    let min_latency = min_latency.unwrap_or_default();
    ProbeOptions {
        filters,
        btf: args.btf,
        min_latency_ns: u64::try_from(min_latency.as_nanos()).unwrap_or(u64::MAX),
        trace_local_errors: args.trace_local_errors,
        ring_bytes: args.ring_size,
        max_in_flight: args.max_in_flight,
    }
}

fn filters(pids: Vec<u32>, follow: bool, args: FilterArgs) -> Filters {
    Filters {
        pids,
        uids: args.uids,
        comms: args.comms,
        cgroups: args.cgroups,
        netns: args.netns,
        ip_version: match (args.ipv4, args.ipv6) {
            (true, _) => Some(4),
            (_, true) => Some(6),
            _ => None,
        },
        destinations: args.destinations,
        ports: args.ports,
        follow,
    }
}

#[cfg(test)]
mod tests;
