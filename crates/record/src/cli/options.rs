//! Arguments after validation: what the rest of the program works with.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::args::Args;
use crate::probe::ProbeOptions;

/// A recording as asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to write; `None` chooses a name.
    pub output: Option<PathBuf>,
    /// Whether an existing output may be replaced.
    pub force: bool,
    /// When to stop by itself.
    pub duration: Option<Duration>,
    /// What to record and with how much memory.
    pub probe: ProbeOptions,
    /// What to run meanwhile; empty for nothing.
    pub command: Vec<OsString>,
}

/// Largest ring buffer the kernel's 32-bit size allows, MiB.
const MAX_RING_MIB: u32 = 1024;
/// Largest in-flight table: beyond it the preallocation alone takes gigabytes.
const MAX_IN_FLIGHT: u32 = 16 << 20;

impl TryFrom<Args> for Options {
    type Error = clap::Error;

    fn try_from(args: Args) -> Result<Self, clap::Error> {
        let invalid = |message: String| Args::command().error(ErrorKind::ValueValidation, message);
        if !args.ring_size.is_power_of_two() || args.ring_size > MAX_RING_MIB {
            return Err(invalid(format!(
                "--ring-size {}: must be a power of two from 1 to {MAX_RING_MIB}",
                args.ring_size
            )));
        }
        if !(1..=MAX_IN_FLIGHT).contains(&args.max_in_flight) {
            return Err(invalid(format!(
                "--max-in-flight {}: must be from 1 to {MAX_IN_FLIGHT}",
                args.max_in_flight
            )));
        }
        let duration = args.duration.as_deref().map(parse_duration).transpose();
        let duration = duration.map_err(|why| invalid(format!("--duration: {why}")))?;
        Ok(Self {
            output: args.output,
            force: args.force,
            duration,
            probe: ProbeOptions {
                pids: args.pids,
                ip_version: match (args.ipv4, args.ipv6) {
                    (true, _) => Some(4),
                    (_, true) => Some(6),
                    _ => None,
                },
                ring_bytes: args.ring_size << 20,
                max_in_flight: args.max_in_flight,
            },
            command: args.command,
        })
    }
}

impl Options {
    /// The filters in force, as the capture records them; empty for none.
    pub fn filters(&self) -> BTreeMap<String, Vec<String>> {
        let mut filters = BTreeMap::new();
        if !self.probe.pids.is_empty() {
            let pids = self.probe.pids.iter().map(u32::to_string).collect();
            filters.insert("pid".to_owned(), pids);
        }
        if let Some(version) = self.probe.ip_version {
            filters.insert("ip_version".to_owned(), vec![version.to_string()]);
        }
        filters
    }
}

/// A positive length of time such as `10s`, `5m`, `1h30m` or `500ms`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| format!("{text:?} is not a time; write it like 10s, 5m or 1h30m"))?;
    if duration.is_zero() {
        return Err(format!("{text:?} is not longer than 0"));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn options(args: &[&str]) -> Result<Options, clap::Error> {
        Options::try_from(Args::try_parse_from([&["record"], args].concat())?)
    }

    #[test]
    fn durations() {
        for (text, millis) in [("10s", 10_000), ("500ms", 500), ("1h30m", 5_400_000)] {
            let options = options(&["--duration", text]).expect(text);
            assert_eq!(options.duration, Some(Duration::from_millis(millis)));
        }
        for text in ["", "10", "ten", "-1s", "0s", "99999999999999999999s"] {
            let error = options(&[&format!("--duration={text}")]).expect_err(text);
            assert_eq!(error.exit_code(), 2, "{text}");
        }
    }

    #[test]
    fn filters_are_described_only_when_given() {
        assert!(options(&[]).expect("defaults").filters().is_empty());
        let filters = options(&["-p", "1", "-p", "2", "-4"]).expect("filters").filters();
        assert_eq!(filters["pid"], ["1", "2"]);
        assert_eq!(filters["ip_version"], ["4"]);
    }

    #[test]
    fn sizes_are_checked() {
        for args in [["--ring-size", "3"], ["--ring-size", "2048"], ["--max-in-flight", "0"]] {
            assert_eq!(options(&args).expect_err("out of range").exit_code(), 2);
        }
    }

    #[test]
    fn a_command_keeps_its_own_options() {
        let options = options(&["--", "curl", "-4", "--duration"]).expect("a command");
        assert_eq!(options.command, ["curl", "-4", "--duration"]);
        assert_eq!(options.probe.ip_version, None);
    }
}
