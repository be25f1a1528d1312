//! What every capture holds, whoever recorded it: a process that is called as a
//! column is, is not betrayed by the column.

use std::collections::BTreeMap;

use connlat_schema::Outcome;
use connlat_schema::capture::merged::{Gap, Merged};
use connlat_schema::capture::metadata::{
    CaptureInfo, ClockSample, Counters, Instant, LossSpan, NetworkInfo, Redaction, StopReason,
};
use connlat_schema::capture::{KEY_CAPTURE, KEY_FORMAT_VERSION, columns};

/// What stands in the place of text that cannot be replaced word by word.
pub const WITHHELD: &str = "withheld";
/// Kernel settings that captures have.
pub const SYSCTLS: [&str; 5] = [
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_syn_linear_timeouts",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_fastopen",
    "net.ipv4.tcp_tw_reuse",
];
/// Filters whose values are numbers, or the word `command`.
pub const PLAIN_FILTERS: [&str; 8] =
    ["pid", "pid_namespace", "uid", "netns", "ip_version", "dst_port", "follow", "min_latency_ns"];
/// Filters whose values are names or addresses.
pub const NAMED_FILTERS: [&str; 3] = ["comm", "cgroup", "dst"];

/// All of it as one text, a word or more a line.
pub fn text() -> String {
    let mut lines: Vec<String> = vec![
        KEY_CAPTURE.into(),
        KEY_FORMAT_VERSION.into(),
        WITHHELD.into(),
        // Parquet's own, and the type of times.
        "PAR1 UTC Timestamp parquet zstd".into(),
        "record analyze connlat command names ports".into(),
        "host proc cg addr outcome boot machine service scope slice".into(),
    ];
    lines.extend(columns::NAMES.map(str::to_owned));
    lines.extend(Outcome::ALL.map(|outcome| outcome.as_str().to_owned()));
    lines.extend(PLAIN_FILTERS.iter().chain(&NAMED_FILTERS).map(|name| (*name).to_owned()));
    for reason in [
        StopReason::Interrupted,
        StopReason::Terminated,
        StopReason::Duration,
        StopReason::CommandExited,
        StopReason::MaxEvents,
        StopReason::MaxSize,
        StopReason::MaxMemory,
        StopReason::Rotated,
        StopReason::Snapshot,
        StopReason::Failed(WITHHELD.into()),
        StopReason::Unknown,
    ] {
        lines.extend(serde_json::to_string(&reason));
    }
    lines.extend(document().to_json());
    lines.join("\n")
}

/// A document with every key there is.
fn document() -> CaptureInfo {
    let moment = Instant { time_us: 0, monotonic_ns: 0 };
    let sysctls: BTreeMap<String, String> =
        SYSCTLS.map(|name| (name.to_owned(), String::new())).into();
    let causes = Counters::default().lost.causes();
    CaptureInfo {
        format_version: 0,
        tool_version: String::new(),
        host: String::new(),
        kernel_release: String::new(),
        arch: String::new(),
        boot_id: String::new(),
        machine_id_hash: None,
        command_line: Vec::new(),
        filters: BTreeMap::new(),
        start: moment,
        stop: moment,
        stop_reason: StopReason::Unknown,
        clean: true,
        clock: vec![ClockSample {
            monotonic_ns: 0,
            realtime_ns: 0,
            bracket_ns: 0,
            adjtimex_state: None,
            max_error_us: None,
        }],
        sysctls: sysctls.clone(),
        sysctls_netns: None,
        networks: vec![NetworkInfo { netns: Vec::new(), sysctls }],
        counters: Counters::default(),
        account_problem: None,
        loss_spans: causes
            .map(|(cause, _)| LossSpan { cause: cause.to_owned(), count: 0, from_ns: 0, to_ns: 0 })
            .into(),
        segment: None,
        unavailable: Vec::new(),
        row_group_sort: columns::ROW_GROUP_SORT.map(str::to_owned).into(),
        merged: Some(Merged { gaps: vec![Gap { from: moment, to: moment }], ..Merged::default() }),
        redacted: Some(Redaction {
            tool_version: String::new(),
            key_id: String::new(),
            kept: Vec::new(),
            times_moved: false,
        }),
    }
}
