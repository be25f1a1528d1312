//! `record live --json`: one object a line, with the capture's column names.

use connlat_schema::capture::columns;
use connlat_schema::decode::{ConnectEvent, comm_text};
use connlat_schema::escape::json_document;
use serde_json::json;

/// One line, without its end.
pub fn line(event: &ConnectEvent, offset_ns: i64) -> String {
    let time_ns = event.start_ns.cast_signed().saturating_add(offset_ns);
    let time = chrono::DateTime::from_timestamp_nanos(time_ns);
    let object = json!({
        columns::TIME: time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        columns::START_NS: event.start_ns,
        columns::LATENCY_NS: event.latency_ns,
        columns::OUTCOME: event.outcome.as_str(),
        columns::ERRNO: event.errno,
        columns::SYN_RETRANSMITS: event.syn_retransmits,
        columns::RTT_US: event.rtt_us,
        columns::PID: event.pid,
        columns::TID: event.tid,
        columns::UID: event.uid,
        columns::COMM: comm_text(&event.comm),
        columns::CGROUP_ID: event.cgroup_id,
        columns::NETNS: event.netns,
        columns::IP_VERSION: if event.dst_addr.is_ipv4() { 4 } else { 6 },
        columns::SRC_ADDR: event.src_addr.to_string(),
        columns::DST_ADDR: event.dst_addr.to_string(),
        columns::SRC_PORT: event.src_port,
        columns::DST_PORT: event.dst_port,
        columns::FLAGS: event.flags,
    });
    json_document(&object.to_string())
}
