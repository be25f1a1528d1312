//! Events to bytes as the probe writes them: for tests, benches and seeds.

use std::net::IpAddr;

use crate::decode::{ConnectEvent, RECORD_LEN};
use crate::wire::{AF_INET, AF_INET6, COMM_LEN, ConnectRecord, ConnectStart, RECORD_MAGIC};

impl From<&ConnectEvent> for ConnectRecord {
    fn from(event: &ConnectEvent) -> Self {
        // A socket has one family: an IPv4 end beside an IPv6 one is v4-mapped.
        let is_ipv4 = event.src_addr.is_ipv4() && event.dst_addr.is_ipv4();
        let (src_addr, dst_addr) = match is_ipv4 {
            true => (ipv4_words(event.src_addr), ipv4_words(event.dst_addr)),
            false => (ipv6_words(event.src_addr), ipv6_words(event.dst_addr)),
        };
        Self {
            start: ConnectStart {
                start_ns: event.start_ns,
                cgroup_id: event.cgroup_id,
                pid: event.pid,
                tid: event.tid,
                uid: event.uid,
                netns: event.netns,
                src_addr,
                dst_addr,
                comm: comm_words(event.comm),
                src_port: event.src_port,
                dst_port: event.dst_port,
                flags: event.flags,
                family: if is_ipv4 { AF_INET } else { AF_INET6 },
                seen_last: 0,
            },
            end_ns: event.start_ns.saturating_add(event.latency_ns),
            syn_retransmits: event.syn_retransmits,
            rtt_us: event.rtt_us.unwrap_or(0),
            errno: event.errno.map_or(0, i32::cast_unsigned),
            outcome: event.outcome as u32,
            magic: RECORD_MAGIC,
            reserved: 0,
        }
    }
}

fn ipv4_words(address: IpAddr) -> [u32; 4] {
    match address {
        IpAddr::V4(v4) => [u32::from_ne_bytes(v4.octets()), 0, 0, 0],
        IpAddr::V6(_) => [0; 4],
    }
}

fn ipv6_words(address: IpAddr) -> [u32; 4] {
    let bytes = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    words
}

fn comm_words(comm: [u8; COMM_LEN]) -> [u64; COMM_LEN / 8] {
    let mut words = [0; COMM_LEN / 8];
    for (word, bytes) in words.iter_mut().zip(comm.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

/// The bytes of a record; `crate::wire` asserts where each field lies.
pub fn encode_record(record: &ConnectRecord) -> [u8; RECORD_LEN] {
    let start = &record.start;
    let mut out = [0; RECORD_LEN];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(&start.start_ns.to_ne_bytes());
    put(&start.cgroup_id.to_ne_bytes());
    let words = [start.pid, start.tid, start.uid, start.netns];
    let words = words.into_iter().chain(start.src_addr).chain(start.dst_addr);
    words.for_each(|word| put(&word.to_ne_bytes()));
    start.comm.into_iter().for_each(|word| put(&word.to_ne_bytes()));
    let halves = [start.src_port, start.dst_port, start.flags];
    halves.into_iter().for_each(|half| put(&half.to_ne_bytes()));
    put(&[start.family, start.seen_last]);
    put(&record.end_ns.to_ne_bytes());
    let words = [record.syn_retransmits, record.rtt_us, record.errno, record.outcome];
    let words = words.into_iter().chain([record.magic, record.reserved]);
    words.for_each(|word| put(&word.to_ne_bytes()));
    out
}
