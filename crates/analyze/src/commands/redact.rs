//! `analyze redact`: captures that can be handed on.

use std::path::PathBuf;

use clap::Args;

use crate::capture::{Captures, display_name};
use crate::redact::{self, Key, KeyError, Options, RedactError};
use crate::scan::Budget;
use crate::units;

const AFTER: &str = "\
Examples:
  analyze redact web-1.parquet -o for-the-ticket
  analyze redact monday/ -o for-the-ticket --key ~/.connlat-key --shift-time -40d

Replaced: addresses inside their class, prefixes kept; names of hosts, processes and cgroups;
source ports; boot and machine ids; filters. Left out: the command line, and columns that are not
of the format; of a bundle, its names and the facts about the host. What was written is searched
for every original, and removed if one is found.
What remains, and what that betrays: docs/redact.md.

Exit codes: 0 written; 1 a file could not be read or written, or an original was found; 2 wrong
usage.";

/// Writes captures that can be handed on: names and addresses replaced, figures kept
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Redact {
    /// Captures, bundles, directories of them, or patterns; one file is written for each capture
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Directory to write to; files in it are not overwritten
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// File with a secret of at least 32 bytes, made if there is none: captures redacted with the
    /// same one have the same word for the same name [default: one that is thrown away]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Leave names of hosts, processes and cgroups as they are
    #[arg(long)]
    keep_names: bool,
    /// Leave source ports as they are; destination ports always stay
    #[arg(long)]
    keep_ports: bool,
    /// Move wall-clock times by this much, such as -40d or 3h; the clock since boot stays
    #[arg(
        long,
        value_name = "DURATION",
        allow_hyphen_values = true,
        value_parser = shift,
        default_value = "0s",
        hide_default_value = true
    )]
    shift_time: i64,
    /// Fail if a directory or pattern holds something damaged, empty or unreadable, instead of
    /// leaving it out with a warning
    #[arg(long)]
    strict: bool,
}

/// A duration with a sign, in µs.
fn shift(text: &str) -> Result<i64, String> {
    let (sign, length) = match text.strip_prefix('-') {
        Some(length) => (-1, length),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let length = humantime::parse_duration(length).map_err(|error| error.to_string())?;
    let micros = i64::try_from(length.as_micros()).map_err(|_| "too long".to_owned())?;
    match length.subsec_nanos().is_multiple_of(1_000) {
        true => Ok(sign * micros),
        false => Err("use whole microseconds".to_owned()),
    }
}

/// What to say afterwards.
pub struct Told {
    /// On standard output.
    pub done: String,
    /// On standard error.
    pub warnings: String,
}

impl Redact {
    /// Writes the captures, in as much memory as the budget allows.
    ///
    /// # Errors
    /// [`RedactError`]; then nothing is left of what was written.
    pub fn run(&self, budget: Budget) -> Result<Told, RedactError> {
        let captures = Captures::open(&self.files, self.strict)?;
        let (key, made) = match &self.key {
            Some(path) => Key::of_file(path)
                .map_err(|error: KeyError| RedactError::Key { path: path.clone(), error })?,
            None => (Key::thrown_away().map_err(RedactError::NoKey)?, false),
        };
        let (keep_names, keep_ports) = (self.keep_names, self.keep_ports);
        let options = Options { keep_names, keep_ports, shift_us: self.shift_time };
        let done = redact::redact(&captures, (options, budget), &key, &self.output)?;
        let mut told = Told { done: String::new(), warnings: String::new() };
        for written in &done.written {
            let (from, to) = (display_name(&written.from), display_name(&written.path));
            let rows = units::counted(written.rows, "row");
            told.done.push_str(&format!("{to}: {rows} of {from}\n"));
        }
        told.done.push_str(&format!(
            "searched for {}, found none\n",
            units::counted(done.searched as u64, "original")
        ));
        let mut warn = |text: String| {
            told.warnings.push_str(&format!("analyze: warning: {text}\n"));
        };
        if let (Some(path), true) = (&self.key, made) {
            let name = display_name(path);
            warn(format!("{name} is a new key; keep it, for other captures to agree with these"));
        }
        if done.coincidences > 0 {
            warn(format!(
                "of the addresses written, {} stand for others and are by chance addresses of the originals, too",
                units::count_u64(done.coincidences as u64)
            ));
        }
        for (copy, kept) in &captures.copies {
            warn(format!("{copy} is a copy of {kept} and was left out"));
        }
        for (file, why) in &captures.unread {
            warn(format!("left out: {file} {why}"));
        }
        for bundle in &captures.bundles {
            let name = display_name(&bundle.path);
            warn(format!("names and facts about the host in {name} are not in what was written"));
        }
        for file in &captures.foreign {
            warn(format!("{file} is no capture and was passed over"));
        }
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_move_both_ways() {
        assert_eq!(shift("-1s"), Ok(-1_000_000));
        assert_eq!(shift("+1m"), Ok(60_000_000));
        assert_eq!(shift("40d"), Ok(40 * 86_400_000_000));
        for wrong in ["", "-", "1", "1ns", "x", "--1s", "1000000years"] {
            assert!(shift(wrong).is_err(), "{wrong}");
        }
    }
}
