//! Facts about the machine at one moment, for who reads a ticket: what is not in
//! a capture's footer already.
//!
//! Each is read on its own and null where it cannot be, never 0. Those of a network
//! namespace are the recorder's: `/proc/PID/net` has them; `/proc/sys/net` answers
//! for the namespace of whoever asks, and is asked only where that is the same.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use chrono::{DateTime, SecondsFormat};
use connlat_schema::capture::bundle::HOST_VERSION;
use serde_json::{Map, Value, json};

use super::ClockReading;
use crate::files::read_text;

/// Most bytes of a file of `/proc` or `/sys`, and of one that is taken as it is.
const PROC_TEXT: usize = 64 << 10;
const FILE_TEXT: usize = 16 << 10;
/// Most bytes of a value.
const VALUE: usize = 1 << 10;

/// Files that say how names are found.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/nsswitch.conf"];
/// Settings that connects meet, below `/proc/sys/net`; the footer has others.
const SETTINGS: [&str; 7] = [
    "core.somaxconn",
    "ipv4.tcp_max_syn_backlog",
    "ipv4.tcp_syncookies",
    "ipv4.tcp_timestamps",
    "ipv4.tcp_max_tw_buckets",
    "ipv4.ip_local_reserved_ports",
    "ipv4.tcp_abort_on_overflow",
];
/// Counters since the namespace was made, by the kernel's names
/// (`/proc/net/snmp` and `netstat`; net/ipv4/proc.c).
const TCP: [&str; 6] =
    ["ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "CurrEstab", "RetransSegs"];
const TCP_EXT: [&str; 12] = [
    "ListenOverflows",
    "ListenDrops",
    "TCPReqQFullDrop",
    "TCPReqQFullDoCookies",
    "TCPSynRetrans",
    "TCPTimeouts",
    "TCPAbortOnTimeout",
    "TCPAbortOnMemory",
    "TCPTimeWaitOverflow",
    "TCPMemoryPressures",
    "IPReversePathFilter",
    "TCPBacklogDrop",
];

/// What the machine says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts(Value);

impl Facts {
    /// Reads everything, of the recorder with this process id.
    pub fn read(recorder: u32) -> Self {
        let machine = Machine { root: PathBuf::from("/"), recorder };
        let seconds = ClockReading::now().realtime_ns.div_euclid(1_000_000_000);
        let time = DateTime::from_timestamp(seconds, 0);
        let time = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
        Self(json!({
            "version": HOST_VERSION,
            "written_by": concat!("record ", env!("CARGO_PKG_VERSION")),
            "time": time,
            "kernel": machine.kernel(),
            "system": machine.system(),
            "processors": machine.processors(),
            "memory": machine.memory(),
            "load": machine.load(),
            "recorder": machine.recorder(),
            "network": machine.network(),
            "files": machine.files(),
        }))
    }

    /// As it stands in a bundle.
    pub fn to_json(&self) -> &Value {
        &self.0
    }
}

/// Where it is read.
struct Machine {
    /// `/`, but for tests.
    root: PathBuf,
    recorder: u32,
}

impl Machine {
    fn text(&self, path: &str, most: usize) -> Option<String> {
        read_text(&self.root.join(path.trim_start_matches('/')), most)
    }

    /// The whole of a short file on one line.
    fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path, VALUE)?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn number(&self, path: &str) -> Option<u64> {
        self.line(path)?.parse().ok()
    }

    fn of_recorder(&self, name: &str) -> Option<String> {
        self.text(&format!("proc/{}/{name}", self.recorder), PROC_TEXT)
    }

    fn kernel(&self) -> Value {
        json!({
            "release": self.line("proc/sys/kernel/osrelease"),
            "version": self.line("proc/sys/kernel/version"),
            // Linux 6.1 and later; uname(2) is not allowed by then.
            "architecture": self.line("proc/sys/kernel/arch"),
        })
    }

    fn system(&self) -> Value {
        let release = self.text("etc/os-release", FILE_TEXT);
        let of = |key: &str| of_os_release(release.as_deref()?, key);
        json!({
            "name": of("PRETTY_NAME"),
            "id": of("ID"),
            "version_id": of("VERSION_ID"),
            "vendor": self.line("sys/class/dmi/id/sys_vendor"),
            "product": self.line("sys/class/dmi/id/product_name"),
        })
    }

    fn processors(&self) -> Value {
        let online = self.line("sys/devices/system/cpu/online");
        let information = self.text("proc/cpuinfo", FILE_TEXT);
        let model = information.as_deref().and_then(|text| after(text, "model name", ':'));
        json!({ "online": online.as_deref().and_then(count_of_list), "model": model })
    }

    fn memory(&self) -> Value {
        let memory = self.text("proc/meminfo", PROC_TEXT);
        let bytes = |name: &str| {
            let kilobytes = after(memory.as_deref()?, name, ':')?;
            kilobytes.trim_end_matches(" kB").parse::<u64>().ok()?.checked_mul(1024)
        };
        json!({
            "total_bytes": bytes("MemTotal"),
            "available_bytes": bytes("MemAvailable"),
            "swap_total_bytes": bytes("SwapTotal"),
            "swap_free_bytes": bytes("SwapFree"),
        })
    }

    fn load(&self) -> Value {
        let uptime = self.line("proc/uptime");
        let uptime = uptime.as_deref().and_then(|text| text.split([' ', '.']).next()?.parse().ok());
        let uptime: Option<u64> = uptime;
        let averages = self.line("proc/loadavg");
        let averages = averages.map(|text| text.split(' ').take(3).collect::<Vec<_>>().join(" "));
        let pressure = |what: &str| {
            let text = self.text(&format!("proc/pressure/{what}"), VALUE)?;
            text.lines().find_map(|line| line.strip_prefix("some ")).map(str::to_owned)
        };
        json!({
            "uptime_seconds": uptime,
            "averages": averages,
            "pressure_cpu": pressure("cpu"),
            "pressure_memory": pressure("memory"),
            "pressure_io": pressure("io"),
        })
    }

    fn recorder(&self) -> Value {
        json!({ "pid": self.recorder, "network_namespace": self.namespace(&self.recorder.to_string()) })
    }

    /// Inode of a process's network namespace.
    fn namespace(&self, process: &str) -> Option<u64> {
        let path = self.root.join(format!("proc/{process}/ns/net"));
        Some(std::fs::metadata(path).ok()?.ino())
    }

    fn network(&self) -> Value {
        let own = self.namespace("self");
        let same = own.is_some() && own == self.namespace(&self.recorder.to_string());
        let setting = |name: &str| {
            let path = format!("proc/sys/net/{}", name.replace('.', "/"));
            same.then(|| self.line(&path)).flatten()
        };
        let settings: Map<String, Value> =
            SETTINGS.iter().map(|name| (format!("net.{name}"), json!(setting(name)))).collect();
        let conntrack = |name: &str| {
            same.then(|| self.number(&format!("proc/sys/net/netfilter/nf_conntrack_{name}")))
                .flatten()
        };
        json!({
            "sockets": self.sockets(),
            "conntrack": { "entries": conntrack("count"), "limit": conntrack("max") },
            "counters": self.counters(),
            "settings": settings,
        })
    }

    fn sockets(&self) -> Value {
        let (v4, v6) = (self.of_recorder("net/sockstat"), self.of_recorder("net/sockstat6"));
        let of = |text: &Option<String>, protocol: &str, name: &str| {
            let numbers = after(text.as_deref()?, protocol, ':')?;
            let mut words = numbers.split_whitespace();
            words.find(|word| *word == name)?;
            words.next()?.parse::<u64>().ok()
        };
        json!({
            "used": of(&v4, "sockets", "used"),
            "tcp_in_use": of(&v4, "TCP", "inuse"),
            "tcp6_in_use": of(&v6, "TCP6", "inuse"),
            "tcp_orphaned": of(&v4, "TCP", "orphan"),
            "tcp_time_wait": of(&v4, "TCP", "tw"),
            "tcp_allocated": of(&v4, "TCP", "alloc"),
            "tcp_memory_pages": of(&v4, "TCP", "mem"),
        })
    }

    fn counters(&self) -> Value {
        let (snmp, netstat) = (self.of_recorder("net/snmp"), self.of_recorder("net/netstat"));
        let of =
            |text: &Option<String>, group: &str, name: &str| counter(text.as_deref()?, group, name);
        let tcp = TCP.iter().map(|name| (*name, of(&snmp, "Tcp", name)));
        let more = TCP_EXT.iter().map(|name| (*name, of(&netstat, "TcpExt", name)));
        tcp.chain(more)
            .map(|(name, count)| (name.to_owned(), json!(count)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn files(&self) -> Value {
        FILES
            .iter()
            .map(|path| ((*path).to_owned(), json!(self.text(path, FILE_TEXT))))
            .collect::<Map<_, _>>()
            .into()
    }
}

/// What follows a name and a separator on the first line that begins with it.
fn after<'t>(text: &'t str, name: &str, separator: char) -> Option<&'t str> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(separator))?;
    Some(value.trim())
}

/// A value of os-release(5), without its quotes.
fn of_os_release(text: &str, key: &str) -> Option<String> {
    let value = after(text, key, '=')?;
    let quoted =
        ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    Some(quoted.unwrap_or(value).chars().take(VALUE).collect())
}

/// How many numbers a list such as `0-3,6` has.
fn count_of_list(list: &str) -> Option<u64> {
    list.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            last.checked_sub(first)?.checked_add(1)
        })
        .sum()
}

/// A counter of a group: a line of names, and one of numbers after it.
fn counter(text: &str, group: &str, name: &str) -> Option<i64> {
    let prefix = format!("{group}: ");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&prefix));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split(' ').position(|one| one == name)?;
    numbers.split(' ').nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests;
