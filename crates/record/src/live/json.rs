//! `record live --json`: one object a line, with the capture's column names.

use chrono::{DateTime, SecondsFormat};
use connlat_schema::capture::columns;
use connlat_schema::capture::rows::{Recorded, Row, Value};
use connlat_schema::decode::ConnectEvent;
use connlat_schema::escape::json_document;
use serde_json::{Map, Value as Json};

/// Columns that a capture has and a line has not: the host is this one, and
/// nobody looks up paths while events pass by.
const LEFT_OUT: [&str; 3] = [columns::HOST, columns::BOOT_ID, columns::CGROUP];

/// One line, without its end.
pub fn line(event: &ConnectEvent, offset_ns: i64) -> String {
    let nobody = Recorded { host: "", boot_id: "", cgroup: "", offset_ns };
    let row = Row::of_event(event, nobody);
    let cells = row.values().filter(|(name, _)| !LEFT_OUT.contains(name));
    let object: Map<String, Json> =
        cells.map(|(name, value)| (name.to_owned(), json(value))).collect();
    json_document(&Json::Object(object).to_string())
}

fn json(value: Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => number.into(),
        Value::Time(time) => DateTime::from_timestamp_micros(time.0)
            .map_or(Json::Null, |time| time.to_rfc3339_opts(SecondsFormat::Micros, true).into()),
        Value::Text(text) => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use test_support::event;

    use super::*;

    #[test]
    fn a_line_is_the_row_without_host_and_cgroup() {
        let event = ConnectEvent { comm: *b"a\"\x1b\0\0\0\0\0\0\0\0\0\0\0\0\0", ..event() };
        let line = line(&event, 1_767_225_600_000_000_000);
        let expected = r#"{"cgroup_id":0,"comm":"a\"\u001b","dst_addr":"127.0.0.1","dst_port":2,"errno":null,"flags":0,"ip_version":4,"latency_ns":10,"netns":1,"outcome":"established","pid":1,"rtt_us":null,"src_addr":"127.0.0.1","src_port":1,"start_ns":1000,"syn_retransmits":0,"tid":1,"time":"2026-01-01T00:00:00.000001Z","uid":0}"#;
        assert_eq!(line, expected);
    }
}
