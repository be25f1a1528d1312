//! Arguments that recording and `record live` share.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::ArgAction;
use ipnet::IpNet;

use crate::cli::values;
use crate::privileges::User;
use crate::probe::{KERNEL_BTF, ProbeOptions};
use crate::session::Options;

/// Largest in-flight table: beyond it the preallocation alone takes gigabytes.
const MAX_IN_FLIGHT: i64 = 16 << 20;

/// Filters, applied in the kernel. Different ones must all match; several
/// values of one are alternatives.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Filters")]
pub struct FilterArgs {
    /// IPv4 connects only (v4-mapped IPv6 addresses count as IPv4)
    #[arg(short = '4', long = "ipv4", conflicts_with = "ipv6")]
    pub ipv4: bool,

    /// IPv6 connects only
    #[arg(short = '6', long = "ipv6")]
    pub ipv6: bool,

    /// Only this user id (repeatable)
    #[arg(long = "uid", value_name = "UID", action = ArgAction::Append)]
    pub uids: Vec<u32>,

    /// Only threads of this name; names have at most 15 bytes (repeatable)
    #[arg(long = "comm", value_name = "NAME", action = ArgAction::Append)]
    pub comms: Vec<String>,

    /// Only this cgroup (v2) and everything below it (repeatable)
    #[arg(long = "cgroup", value_name = "PATH", action = ArgAction::Append)]
    pub cgroups: Vec<PathBuf>,

    /// Only this network namespace: an inode, or a path such as
    /// /proc/PID/ns/net (repeatable)
    #[arg(long = "netns", value_name = "NETNS", value_parser = values::netns, action = ArgAction::Append)]
    pub netns: Vec<u32>,

    /// Only destinations in this address or prefix (repeatable)
    #[arg(long = "dst", value_name = "CIDR", value_parser = values::destination, action = ArgAction::Append)]
    pub destinations: Vec<IpNet>,

    /// Only this destination port or range (repeatable)
    #[arg(long = "dst-port", value_name = "PORT[-PORT]", value_parser = values::ports, action = ArgAction::Append)]
    pub ports: Vec<RangeInclusive<u16>>,
}

/// How the probe works.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Probe")]
pub struct ProbeArgs {
    /// Also record connect(2) calls that fail before a SYN is tried, such as
    /// no route; runs at every system call of the host, and misses io_uring
    /// and MSG_FASTOPEN
    #[arg(long)]
    pub trace_local_errors: bool,

    /// Type information (BTF) of the running kernel, where it is elsewhere
    #[arg(long, value_name = "FILE", default_value = KERNEL_BTF)]
    pub btf: PathBuf,

    /// Size of the kernel's event buffer, a power of two
    #[arg(long, value_name = "SIZE", value_parser = values::ring_size, default_value = ProbeOptions::DEFAULT_RING_SIZE)]
    pub ring_size: u32,

    /// Most connects in flight at one time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_IN_FLIGHT), default_value_t = ProbeOptions::DEFAULT_MAX_IN_FLIGHT)]
    pub max_in_flight: u32,

    /// Priority of the recorder, as nice(1) counts: below 0 it comes before
    /// others when CPUs are short; 0 leaves it as it was started
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(-20..=19), allow_negative_numbers = true, default_value_t = Options::DEFAULT_NICE)]
    pub nice: i32,

    /// Become this user once connects are seen; FILE or DIR/node=h-HOST must be
    /// theirs to write, and a new DIR/node=h-HOST becomes theirs [default: who
    /// called sudo, if they may write there; nobody for live without FILE]
    #[arg(long, value_name = "NAME|UID", value_parser = values::user)]
    pub user: Option<User>,
}
