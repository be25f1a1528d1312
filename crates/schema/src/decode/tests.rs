//! Decoding against hand-laid bytes and every malformed shape.

use super::*;
use crate::encode::encode_record;
use crate::flags;

fn record() -> ConnectRecord {
    let comm = [u64::from_ne_bytes(*b"curl\0\0\0\0"), 0];
    let src_addr = [u32::from_ne_bytes([10, 0, 0, 1]), 0, 0, 0];
    let dst_addr = [u32::from_ne_bytes([192, 0, 2, 7]), 0, 0, 0];
    ConnectRecord {
        start: ConnectStart {
            start_ns: 1_000,
            cgroup_id: 77,
            pid: 42,
            tid: 43,
            uid: u32::MAX,
            netns: 4_026_531_840,
            src_addr,
            dst_addr,
            comm,
            src_port: 40_000,
            dst_port: 443,
            flags: flags::SIMULTANEOUS,
            family: AF_INET,
            seen_last: 0,
        },
        end_ns: 1_251,
        syn_retransmits: 2,
        rtt_us: 0,
        errno: 111,
        outcome: Outcome::Refused as u32,
        magic: RECORD_MAGIC,
        reserved: 0,
    }
}

/// The record as the probe lays it out, field by field.
fn bytes(record: &ConnectRecord) -> Vec<u8> {
    let start = &record.start;
    let mut out = Vec::new();
    out.extend(start.start_ns.to_ne_bytes());
    out.extend(start.cgroup_id.to_ne_bytes());
    for word in [start.pid, start.tid, start.uid, start.netns] {
        out.extend(word.to_ne_bytes());
    }
    for word in start.src_addr.into_iter().chain(start.dst_addr) {
        out.extend(word.to_ne_bytes());
    }
    for word in start.comm {
        out.extend(word.to_ne_bytes());
    }
    for half in [start.src_port, start.dst_port, start.flags] {
        out.extend(half.to_ne_bytes());
    }
    out.extend([start.family, start.seen_last]);
    out.extend(record.end_ns.to_ne_bytes());
    for word in [
        record.syn_retransmits,
        record.rtt_us,
        record.errno,
        record.outcome,
        record.magic,
        record.reserved,
    ] {
        out.extend(word.to_ne_bytes());
    }
    out
}

#[test]
fn a_record_survives_the_wire() {
    let record = record();
    assert_eq!(decode_record(&bytes(&record)), Ok(record));
    assert_eq!(decode_start(&bytes(&record)[..START_LEN]), Ok(record.start));

    assert_eq!(encode_record(&record).as_slice(), bytes(&record));

    let event = decode_event(&bytes(&record)).expect("a valid record");
    assert_eq!(ConnectRecord::from(&event), record);
    assert_eq!(event.latency_ns, 251);
    assert_eq!(event.outcome, Outcome::Refused);
    assert_eq!(event.errno, Some(111));
    assert_eq!(event.rtt_us, None, "0 on the wire means not known");
    assert_eq!(event.src_addr.to_string(), "10.0.0.1");
    assert_eq!(event.dst_addr.to_string(), "192.0.2.7");
    assert_eq!(comm_text(&event.comm), "curl");
}

#[test]
fn mapped_addresses_are_ipv4_and_others_stay_ipv6() {
    let mut record = record();
    record.start.family = AF_INET6;
    record.start.src_addr = [0, 0, 0xffff_u32.to_be(), u32::from_ne_bytes([127, 0, 0, 1])];
    record.start.dst_addr = [0, 0, 0, 1_u32.to_be()];
    let event = ConnectEvent::try_from(&record).expect("a valid record");
    assert_eq!(event.src_addr.to_string(), "127.0.0.1");
    assert_eq!(event.dst_addr.to_string(), "::1");
    assert_eq!(ConnectRecord::from(&event), record);
}

#[test]
fn every_wrong_length_is_refused() {
    let good = bytes(&record());
    for length in 0..good.len() {
        assert_eq!(decode_event(&good[..length]), Err(DecodeError::Length(length)));
    }
    let mut longer = good;
    longer.push(0);
    assert_eq!(decode_event(&longer), Err(DecodeError::Length(RECORD_LEN + 1)));
}

#[test]
fn nonsense_is_named() {
    let refused = |change: fn(&mut ConnectRecord)| {
        let mut record = record();
        change(&mut record);
        ConnectEvent::try_from(&record).expect_err("must be refused")
    };
    assert_eq!(refused(|r| r.magic = 7), DecodeError::Magic(7));
    assert_eq!(refused(|r| r.outcome = 7), DecodeError::Outcome(7));
    assert_eq!(refused(|r| r.outcome = 256), DecodeError::Outcome(256));
    assert_eq!(refused(|r| r.start.family = 1), DecodeError::Family(1));
    assert_eq!(refused(|r| r.end_ns = 999), DecodeError::EndsBeforeStart(1));
    assert_eq!(refused(|r| r.end_ns = u64::MAX), DecodeError::Range("end_ns"));
    assert_eq!(refused(|r| r.start.pid = u32::MAX), DecodeError::Range("pid"));
    assert_eq!(refused(|r| r.errno = u32::MAX), DecodeError::Range("errno"));
}

#[test]
fn thread_names_become_text() {
    assert_eq!(comm_text(b"sh\0junk"), "sh");
    assert_eq!(comm_text(b"exactly-sixteen!"), "exactly-sixteen!");
    assert_eq!(comm_text(b"caf\xc3\xa9\0"), "café");
    assert_eq!(comm_text(b"a\xffb\xc3\0"), "a\\xffb\\xc3");
    assert_eq!(comm_text(b"\x1b]0;x\x07"), "\u{1b}]0;x\u{7}");
}
