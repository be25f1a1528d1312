//! Arguments after validation: what the rest of the program works with.

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::CommandFactory;
use clap::error::ErrorKind;
use ipnet::IpNet;

use super::args::{Args, CaptureArgs, FilterArgs, LiveArgs, ProbeArgs, RecordArgs};
use crate::capture::output::DEFAULT_MODE;
use crate::capture::retention::Retention;
use crate::live::ScreenOptions;
use crate::probe::{Filters, ProbeOptions};
use crate::session::Limits;

/// What was asked for, recording or live.
#[derive(Debug, Clone)]
pub struct Options {
    /// The capture to write, if any.
    pub capture: Option<CaptureOptions>,
    /// What to print while connects end, if anything.
    pub screen: Option<ScreenOptions>,
    /// When to stop by itself.
    pub duration: Option<Duration>,
    /// What to record and with how much memory.
    pub probe: ProbeOptions,
    /// What to run meanwhile; empty for nothing.
    pub command: Vec<OsString>,
}

/// A capture to write, and its bounds.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// Where.
    pub destination: Destination,
    /// Whether an existing file may be replaced.
    pub force: bool,
    /// Permission bits of new files.
    pub mode: u32,
    /// When to stop by itself.
    pub limits: Limits,
    /// Which sealed segments to keep.
    pub retention: Retention,
}

/// Where captures go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file in the current directory, named after host and time.
    Default,
    /// This file.
    File(PathBuf),
    /// Segments in a tree of hosts and days.
    Tree {
        /// The directory it is in.
        root: PathBuf,
        /// When one segment ends and the next begins; `None` for one only.
        rotate: Option<Rotate>,
    },
}

/// When a segment is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotate {
    /// After this time.
    Age(Duration),
    /// When its journal has this many bytes.
    Bytes(u64),
}

/// Largest ring buffer the kernel's 32-bit size reasonably allows.
const MAX_RING_BYTES: u64 = 1 << 30;
/// Largest in-flight table: beyond it the preallocation alone takes gigabytes.
const MAX_IN_FLIGHT: u32 = 16 << 20;

impl Options {
    /// A recording.
    ///
    /// # Errors
    /// A usage error that names the argument.
    pub fn for_recording(args: RecordArgs) -> Result<Self, clap::Error> {
        let filters = filters(args.pids, args.follow, args.filters)?;
        let min_latency = parse("--min-latency", args.min_latency.as_deref(), duration)?;
        Ok(Self {
            capture: Some(capture(args.output, args.force, args.capture)?),
            screen: None,
            duration: parse("--duration", args.duration.as_deref(), duration)?,
            probe: probe(filters, min_latency.unwrap_or_default(), &args.probe)?,
            command: args.command,
        })
    }

    /// `record live`.
    ///
    /// # Errors
    /// A usage error that names the argument.
    pub fn for_live(args: LiveArgs) -> Result<Self, clap::Error> {
        let filters = filters(args.pids, false, args.filters)?;
        let min_latency = parse("MIN_MS", args.min_ms.as_deref(), milliseconds)?;
        Ok(Self {
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
            duration: parse("--duration", args.duration.as_deref(), duration)?,
            probe: probe(filters, min_latency.unwrap_or_default(), &args.probe)?,
            command: Vec::new(),
        })
    }
}

fn capture(
    output: Option<PathBuf>,
    force: bool,
    args: CaptureArgs,
) -> Result<CaptureOptions, clap::Error> {
    let rotate = parse("--rotate", args.rotate.as_deref(), rotation)?;
    let destination = match (output, args.output_dir) {
        (Some(path), _) => Destination::File(path),
        (None, Some(root)) => Destination::Tree { root, rotate },
        (None, None) => Destination::Default,
    };
    let mode = parse("--mode", args.mode.as_deref(), permissions)?;
    Ok(CaptureOptions {
        destination,
        force,
        mode: mode.unwrap_or(DEFAULT_MODE),
        limits: Limits {
            events: args.max_events,
            bytes: parse("--max-size", args.max_size.as_deref(), size)?,
            memory: parse("--max-memory", args.max_memory.as_deref(), size)?,
        },
        retention: Retention {
            age: parse("--retain", args.retain.as_deref(), duration)?,
            bytes: parse("--retain-size", args.retain_size.as_deref(), size)?,
        },
    })
}

fn usage(message: String) -> clap::Error {
    Args::command().error(ErrorKind::ValueValidation, message)
}

/// Applies a parser to an argument and names the argument when it fails.
fn parse<T>(
    name: &str,
    text: Option<&str>,
    parser: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, clap::Error> {
    text.map(parser).transpose().map_err(|why| usage(format!("{name}: {why}")))
}

fn parse_all<T>(
    name: &str,
    texts: &[String],
    parser: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, clap::Error> {
    let parsed = texts.iter().map(|text| parser(text)).collect::<Result<_, _>>();
    parsed.map_err(|why| usage(format!("{name}: {why}")))
}

fn probe(
    filters: Filters,
    min_latency: Duration,
    args: &ProbeArgs,
) -> Result<ProbeOptions, clap::Error> {
    let page = rustix::param::page_size() as u64;
    let ring_bytes = size(&args.ring_size).map_err(|why| usage(format!("--ring-size: {why}")))?;
    if !ring_bytes.is_power_of_two() || !(page..=MAX_RING_BYTES).contains(&ring_bytes) {
        return Err(usage(format!(
            "--ring-size {}: must be a power of two from {} to {}",
            args.ring_size,
            ByteSize(page),
            ByteSize(MAX_RING_BYTES)
        )));
    }
    if !(1..=MAX_IN_FLIGHT).contains(&args.max_in_flight) {
        return Err(usage(format!(
            "--max-in-flight {}: must be from 1 to {MAX_IN_FLIGHT}",
            args.max_in_flight
        )));
    }
    Ok(ProbeOptions {
        filters,
        btf: args.btf.clone(),
        min_latency_ns: u64::try_from(min_latency.as_nanos()).unwrap_or(u64::MAX),
        trace_local_errors: args.trace_local_errors,
        ring_bytes: u32::try_from(ring_bytes).unwrap_or(u32::MAX),
        max_in_flight: args.max_in_flight,
    })
}

fn filters(pids: Vec<u32>, follow: bool, args: FilterArgs) -> Result<Filters, clap::Error> {
    Ok(Filters {
        pids,
        uids: args.uids,
        comms: args.comms,
        cgroups: args.cgroups,
        netns: parse_all("--netns", &args.netns, netns)?,
        ip_version: match (args.ipv4, args.ipv6) {
            (true, _) => Some(4),
            (_, true) => Some(6),
            _ => None,
        },
        destinations: parse_all("--dst", &args.destinations, destination)?,
        ports: parse_all("--dst-port", &args.ports, ports)?,
        follow,
    })
}

/// A positive length of time such as `10s`, `5m`, `1h30m` or `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| format!("{text:?} is not a time; write it like 500ms, 10s, 5m or 1h30m"))?;
    if duration.is_zero() {
        return Err(format!("{text:?} is not longer than 0"));
    }
    Ok(duration)
}

/// A size such as `100MB`, `1GiB` or `4096`.
fn size(text: &str) -> Result<u64, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| format!("{text:?} is not a size; write it like 64KiB, 100MB or 1GiB"))?;
    if size.as_u64() == 0 {
        Err(format!("{text:?} is not larger than 0"))
    } else {
        Ok(size.as_u64())
    }
}

/// A time or a size.
fn rotation(text: &str) -> Result<Rotate, String> {
    duration(text)
        .map(Rotate::Age)
        .or_else(|_| size(text).map(Rotate::Bytes))
        .map_err(|_| format!("{text:?} is neither a time nor a size; write it like 10m or 100MB"))
}

/// Octal permission bits without any for execution.
fn permissions(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode & !0o666 == 0 && mode & 0o400 != 0 => Ok(mode),
        _ => Err(format!("{text:?} is not a file mode; write it like 0600 or 0640")),
    }
}

/// A number of milliseconds with a fraction, as tcpconnlat takes it.
fn milliseconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| format!("{text:?} is not a number; give milliseconds such as 1 or 0.1"))?;
    if number.is_nan() || number <= 0.0 {
        return Err(format!("{text:?} must be positive; give milliseconds such as 1 or 0.1"));
    }
    Duration::try_from_secs_f64(number / 1000.0).map_err(|_| format!("{text:?} is too large"))
}

/// An inode, or a namespace file.
fn netns(text: &str) -> Result<u32, String> {
    if let Ok(inode) = text.parse() {
        return Ok(inode);
    }
    let inode = fs::metadata(text)
        .map_err(|error| format!("{text:?} is neither an inode nor a namespace file: {error}"))?
        .ino();
    u32::try_from(inode).map_err(|_| format!("{text:?} is not a namespace file"))
}

/// A prefix, or an address alone; v4-mapped ones count as IPv4.
fn destination(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let net = net.map_err(|_| {
        format!("{text:?} is not an address or prefix; write it like 10.0.0.0/8 or 2001:db8::1")
    })?;
    Ok(net.trunc())
}

/// A port or an inclusive range.
fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let wrong = || format!("{text:?} is not a port or range; write it like 443 or 8000-8999");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.parse::<u16>().map_err(|_| wrong());
    let range = port(first)?..=port(last)?;
    if range.is_empty() { Err(wrong()) } else { Ok(range) }
}

#[cfg(test)]
mod tests;
