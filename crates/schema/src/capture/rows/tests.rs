//! Events become rows and rows events again, whatever is in them.

use super::*;

fn odd() -> ConnectEvent {
    ConnectEvent {
        start_ns: 0,
        latency_ns: 251,
        outcome: Outcome::Refused,
        errno: Some(111),
        syn_retransmits: 2,
        rtt_us: None,
        pid: 42,
        tid: 43,
        uid: u32::MAX,
        comm: *b"c\xffrl\0\0\0\0\0\0\0\0\0\0\0\0",
        cgroup_id: 77,
        netns: u32::MAX,
        src_addr: "2001:db8::2".parse().expect("an address"),
        src_port: 40_000,
        dst_addr: "2001:db8::1".parse().expect("an address"),
        dst_port: u16::MAX,
        flags: 9,
    }
}

fn recorded(offset_ns: i64) -> Recorded<'static> {
    Recorded { host: "h", boot_id: "b", cgroup: "/a", offset_ns }
}

#[test]
fn large_and_missing_values() {
    let row = Row::of_event(&odd(), recorded(-1));
    assert_eq!((row.uid, row.netns), (4_294_967_295, 4_294_967_295));
    assert_eq!((row.errno, row.rtt_us, row.ip_version), (Some(111), None, 6));
    assert_eq!((row.comm.as_ref(), row.dst_addr.as_ref()), ("c\\xffrl", "2001:db8::1"));
    assert_eq!(row.time, Timestamp(-1), "before 1970 rounds down");
}

#[test]
fn rows_survive_a_batch_and_events_a_row() {
    let plain = ConnectEvent {
        comm: *b"exactly-sixteen!",
        errno: None,
        rtt_us: Some(7),
        src_addr: [127, 0, 0, 1].into(),
        dst_addr: [192, 0, 2, 7].into(),
        ..odd()
    };
    let rows = [odd(), plain.clone()].map(|event| Row::of_event(&event, recorded(1_000_000)));
    let batch = batch(rows.clone()).expect("a batch");
    assert_eq!(batch.schema(), schema());
    let read: Vec<Row<'_>> = Rows::of(&batch).expect("our columns").iter().collect();
    assert_eq!(read, rows);
    assert_eq!(ConnectEvent::try_from(&read[1]), Ok(plain));
    let lossy = ConnectEvent { comm: *b"c\\xffrl\0\0\0\0\0\0\0\0\0", ..odd() };
    assert_eq!(ConnectEvent::try_from(&read[0]), Ok(lossy));
}

#[test]
fn values_come_in_the_order_of_the_columns() {
    let row = Row::of_event(&odd(), recorded(0));
    let names: Vec<&str> = row.values().map(|(name, _)| name).collect();
    let schema = schema();
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names, columns);
    assert!(row.values().any(|value| value == (columns::RTT_US, Value::Null)));
    assert!(row.values().any(|value| value == (columns::HOST, Value::Text("h"))));
    assert!(row.values().any(|value| value == (columns::TIME, Value::Time(Timestamp(0)))));
}

#[test]
fn what_no_event_has_is_named() {
    let row = Row::of_event(&odd(), recorded(0));
    let error = |row: Row<'_>| ConnectEvent::try_from(&row).expect_err("refused");
    assert_eq!(error(Row { pid: -1, ..row.clone() }), RowError::Value("pid"));
    assert_eq!(error(Row { outcome: "x".into(), ..row.clone() }), RowError::Value("outcome"));
    assert_eq!(error(Row { dst_addr: "1.2.3".into(), ..row.clone() }), RowError::Value("dst_addr"));
    assert_eq!(error(Row { src_port: 65_536, ..row }), RowError::Value("src_port"));
}

#[test]
fn other_columns_are_refused() {
    let whole = batch([Row::of_event(&odd(), recorded(0))]).expect("a batch");
    for (index, field) in schema().fields().iter().enumerate() {
        let mut less = whole.clone();
        less.remove_column(index);
        let error = Rows::of(&less).expect_err("a column is missing");
        assert!(matches!(error, RowError::Column(name) if name == field.name()), "{error}");
    }
    assert!(batch([]).is_ok_and(|batch| Rows::of(&batch).is_ok_and(|rows| rows.is_empty())));
}
