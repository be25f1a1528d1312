//! The document in the capture's footer: who recorded what, where, and how
//! much of it can be believed. `analyze` prints its trust block from here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::clock_samples::{CLOCK_SAMPLES_LIMIT, ClockSample, thin_clock_samples};
pub use super::counters::{Counters, LossSpan, Lost};
pub use super::instant::Instant;
use super::merged::{self, Merged};
use super::{FORMAT_VERSION, METADATA_LIMIT};

/// Why a metadata document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Not the JSON this format describes.
    #[error("capture metadata is not valid: {0}")]
    Json(#[from] serde_json::Error),
    /// Larger than readers are known to accept.
    #[error("capture metadata of {0} bytes, at most {METADATA_LIMIT} are allowed")]
    TooLarge(usize),
    /// Written by a version this one does not know.
    #[error(
        "capture format version {0}, this program reads up to {FORMAT_VERSION}; use a newer one"
    )]
    Version(u32),
}

/// What the recorder knows about a capture as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaptureInfo {
    /// [`FORMAT_VERSION`] at the time of writing.
    pub format_version: u32,
    /// Version of the recorder.
    pub tool_version: String,
    /// Host name.
    pub host: String,
    /// Kernel release (`uname -r`).
    pub kernel_release: String,
    /// Machine architecture (`uname -m`).
    pub arch: String,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// SHA-256 of machine-id(5) under an application key, hex; the id itself stays on the host.
    pub machine_id_hash: Option<String>,
    /// The recorder's arguments.
    pub command_line: Vec<String>,
    /// Filters in force; empty means the whole host.
    #[serde(default)]
    pub filters: BTreeMap<String, Vec<String>>,
    /// When the probe was attached.
    pub start: Instant,
    /// When it was detached, or the last moment known.
    pub stop: Instant,
    /// Why the recording ended.
    pub stop_reason: StopReason,
    /// Whether the recorder finished the file itself.
    pub clean: bool,
    /// Realtime against monotonic clock: at the start, every 10 s, at the end.
    #[serde(default)]
    pub clock: Vec<ClockSample>,
    /// Kernel settings that shape connect latency, by sysctl name, in the
    /// recorder's network namespace.
    #[serde(default)]
    pub sysctls: BTreeMap<String, String>,
    /// Inode of the recorder's network namespace, to which `sysctls` belong.
    #[serde(default)]
    pub sysctls_netns: Option<i64>,
    /// The same settings of namespaces that connects were recorded from. Those
    /// of a namespace that is not listed are unknown.
    #[serde(default)]
    pub networks: Vec<NetworkInfo>,
    /// The account of events.
    pub counters: Counters,
    /// Why the account cannot be believed, where the recorder knows.
    #[serde(default)]
    pub account_problem: Option<String>,
    /// When attempts were lost.
    #[serde(default)]
    pub loss_spans: Vec<LossSpan>,
    /// Number of this segment, from 1, where the recording is rotated.
    #[serde(default)]
    pub segment: Option<u64>,
    /// Optional fields this kernel could not provide.
    #[serde(default)]
    pub unavailable: Vec<String>,
    /// Columns the rows of each row group are sorted by.
    #[serde(default)]
    pub row_group_sort: Vec<String>,
    /// What it was put together from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
    /// Set by `analyze redact`: names and addresses are not the original ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted: Option<Redaction>,
}

/// What was replaced in a capture before it was handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// Version of the `analyze` that did it.
    pub tool_version: String,
    /// Tells keys apart without betraying them: captures with the same one have
    /// the same word for the same name.
    pub key_id: String,
    /// What was left as it was on demand: `names`, `ports`.
    #[serde(default)]
    pub kept: Vec<String>,
    /// Whether the wall-clock times were moved.
    #[serde(default)]
    pub times_moved: bool,
}

/// Settings that some network namespaces share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInfo {
    /// Inodes of the namespaces, as in the column `netns`.
    pub netns: Vec<i64>,
    /// Kernel settings by sysctl name, when a connect was first seen there.
    pub sysctls: BTreeMap<String, String>,
}

/// Why a recording ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// SIGINT (Ctrl-C).
    Interrupted,
    /// SIGTERM or SIGHUP.
    Terminated,
    /// `--duration` had passed.
    Duration,
    /// The command given after `--` exited.
    CommandExited,
    /// `--max-events` was reached.
    MaxEvents,
    /// `--max-size` was reached.
    MaxSize,
    /// `--max-memory` was reached.
    MaxMemory,
    /// This segment was full; the recording went on in the next.
    Rotated,
    /// Sealed on request while the recording went on.
    Snapshot,
    /// The recorder could not go on.
    Failed(String),
    /// The recorder left no word: killed, or the machine went down.
    Unknown,
}

impl CaptureInfo {
    /// The spans that were recorded, by the wall clock, µs since 1970 UTC: from
    /// the start to the stop, without the gaps that are listed. None where the
    /// document contradicts itself.
    pub fn recorded_us(&self) -> Vec<(i64, i64)> {
        let gaps = self.merged.as_ref().map_or(&[][..], |merged| &merged.gaps);
        merged::spans_between(gaps, self.start, self.stop)
    }

    /// The document as stored.
    ///
    /// # Errors
    /// [`MetadataError::TooLarge`] above [`METADATA_LIMIT`].
    pub fn to_json(&self) -> Result<String, MetadataError> {
        let json = serde_json::to_string(self)?;
        if json.len() > METADATA_LIMIT {
            return Err(MetadataError::TooLarge(json.len()));
        }
        Ok(json)
    }

    /// Reads a stored document; keys of later minor versions are ignored.
    ///
    /// # Errors
    /// [`MetadataError`] when it is too large, not such a document, or newer.
    pub fn from_json(json: &str) -> Result<Self, MetadataError> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        if json.len() > METADATA_LIMIT {
            return Err(MetadataError::TooLarge(json.len()));
        }
        // The version first: a newer document may differ in everything else.
        let Version { format_version } = serde_json::from_str(json)?;
        if format_version > FORMAT_VERSION {
            return Err(MetadataError::Version(format_version));
        }
        Ok(serde_json::from_str(json)?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn info() -> CaptureInfo {
        CaptureInfo {
            format_version: FORMAT_VERSION,
            tool_version: "0.1.0".into(),
            host: "web-1".into(),
            kernel_release: "6.18.0".into(),
            arch: "x86_64".into(),
            boot_id: "b".into(),
            machine_id_hash: None,
            command_line: vec!["record".into()],
            filters: BTreeMap::new(),
            start: Instant { time_us: 1, monotonic_ns: 2 },
            stop: Instant { time_us: 3, monotonic_ns: 4 },
            stop_reason: StopReason::Failed("disk full".into()),
            clean: true,
            clock: Vec::new(),
            sysctls: BTreeMap::new(),
            sysctls_netns: Some(4_026_531_840),
            networks: vec![NetworkInfo { netns: vec![1], sysctls: BTreeMap::new() }],
            counters: Counters::default(),
            account_problem: None,
            loss_spans: Vec::new(),
            segment: None,
            unavailable: Vec::new(),
            row_group_sort: Vec::new(),
            merged: None,
            redacted: None,
        }
    }

    #[test]
    fn a_document_survives_storage() {
        let json = info().to_json().expect("small document");
        assert_eq!(CaptureInfo::from_json(&json).expect("own document"), info());
    }

    #[test]
    fn a_newer_version_is_named_even_if_all_else_differs() {
        let error = CaptureInfo::from_json(r#"{"format_version": 2}"#).expect_err("newer");
        assert!(matches!(error, MetadataError::Version(2)), "{error}");
    }

    #[test]
    fn a_document_over_the_limit_is_refused_both_ways() {
        let mut large = info();
        large.command_line = vec!["x".repeat(METADATA_LIMIT)];
        assert!(matches!(large.to_json(), Err(MetadataError::TooLarge(_))));
        let json = " ".repeat(METADATA_LIMIT + 1);
        assert!(matches!(CaptureInfo::from_json(&json), Err(MetadataError::TooLarge(_))));
    }
}
