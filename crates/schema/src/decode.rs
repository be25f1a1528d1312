//! Bytes from the ring buffer to a checked event.
//!
//! Pure and total: any byte string either decodes or says why not, so the same
//! code serves the live recorder, tests without root, and fuzzing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::outcome::Outcome;
use crate::wire::{AF_INET, AF_INET6, COMM_LEN, ConnectRecord, ConnectStart, RECORD_MAGIC};

/// Size of a record on the wire, bytes.
pub const RECORD_LEN: usize = size_of::<ConnectRecord>();
/// Size of an in-flight entry, bytes.
pub const START_LEN: usize = size_of::<ConnectStart>();

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The byte string has another length than the record.
    #[error("record of {0} bytes, expected {RECORD_LEN}")]
    Length(usize),
    /// The record does not carry this version's magic.
    #[error("record magic {0:#010x}, expected {RECORD_MAGIC:#010x}")]
    Magic(u32),
    /// The outcome is not one of [`Outcome::ALL`].
    #[error("unknown outcome {0}")]
    Outcome(u32),
    /// The address family is neither IPv4 nor IPv6.
    #[error("unknown address family {0}")]
    Family(u8),
    /// The attempt ends before it starts.
    #[error("attempt ends {0} ns before it starts")]
    EndsBeforeStart(u64),
    /// A number does not fit the capture's signed columns.
    #[error("{0} out of range")]
    Range(&'static str),
}

/// One connect attempt as the recorder and the capture know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectEvent {
    /// CLOCK_MONOTONIC at SYN_SENT, ns.
    pub start_ns: u64,
    /// Start to outcome, ns.
    pub latency_ns: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Linux errno, where known.
    pub errno: Option<i32>,
    /// SYNs sent again.
    pub syn_retransmits: u32,
    /// Handshake RTT as the kernel measured it, µs.
    pub rtt_us: Option<u32>,
    /// Process id.
    pub pid: u32,
    /// Thread id.
    pub tid: u32,
    /// User id.
    pub uid: u32,
    /// Thread name, NUL-padded, arbitrary bytes.
    pub comm: [u8; COMM_LEN],
    /// cgroup v2 id.
    pub cgroup_id: u64,
    /// Network namespace inode.
    pub netns: u32,
    /// Source address; v4-mapped addresses are IPv4 here.
    pub src_addr: IpAddr,
    /// Source port, 0 where not known.
    pub src_port: u16,
    /// Destination address; v4-mapped addresses are IPv4 here.
    pub dst_addr: IpAddr,
    /// Destination port.
    pub dst_port: u16,
    /// Bits of [`crate::flags`].
    pub flags: u16,
}

/// Little cursor over bytes whose length was checked before.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        if let Some((head, rest)) = self.0.split_first_chunk::<N>() {
            out = *head;
            self.0 = rest;
        }
        out
    }
    fn u64(&mut self) -> u64 {
        u64::from_ne_bytes(self.take())
    }
    fn u32(&mut self) -> u32 {
        u32::from_ne_bytes(self.take())
    }
    fn u16(&mut self) -> u16 {
        u16::from_ne_bytes(self.take())
    }
    fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn start(&mut self) -> ConnectStart {
        ConnectStart {
            start_ns: self.u64(),
            cgroup_id: self.u64(),
            pid: self.u32(),
            tid: self.u32(),
            uid: self.u32(),
            netns: self.u32(),
            src_addr: [(); 4].map(|()| self.u32()),
            dst_addr: [(); 4].map(|()| self.u32()),
            comm: [(); 2].map(|()| self.u64()),
            src_port: self.u16(),
            dst_port: self.u16(),
            flags: self.u16(),
            family: self.u8(),
            seen_last: self.u8(),
        }
    }
}

/// Reads one in-flight entry.
///
/// # Errors
/// [`DecodeError::Length`] when the length is not [`START_LEN`].
pub fn decode_start(bytes: &[u8]) -> Result<ConnectStart, DecodeError> {
    if bytes.len() != START_LEN {
        return Err(DecodeError::Length(bytes.len()));
    }
    Ok(Fields(bytes).start())
}

/// Reads the fields of one record without judging them.
///
/// # Errors
/// [`DecodeError::Length`] when the length is not [`RECORD_LEN`].
pub fn decode_record(bytes: &[u8]) -> Result<ConnectRecord, DecodeError> {
    if bytes.len() != RECORD_LEN {
        return Err(DecodeError::Length(bytes.len()));
    }
    let mut fields = Fields(bytes);
    Ok(ConnectRecord {
        start: fields.start(),
        end_ns: fields.u64(),
        syn_retransmits: fields.u32(),
        rtt_us: fields.u32(),
        errno: fields.u32(),
        outcome: fields.u32(),
        magic: fields.u32(),
        reserved: fields.u32(),
    })
}

/// Reads and checks one record.
///
/// # Errors
/// Any [`DecodeError`]; the bytes are then not a record of this version.
pub fn decode_event(bytes: &[u8]) -> Result<ConnectEvent, DecodeError> {
    ConnectEvent::try_from(&decode_record(bytes)?)
}

impl TryFrom<&ConnectRecord> for ConnectEvent {
    type Error = DecodeError;

    fn try_from(record: &ConnectRecord) -> Result<Self, DecodeError> {
        if record.magic != RECORD_MAGIC {
            return Err(DecodeError::Magic(record.magic));
        }
        let outcome = u8::try_from(record.outcome)
            .ok()
            .and_then(Outcome::from_u8)
            .ok_or(DecodeError::Outcome(record.outcome))?;
        let start = &record.start;
        let latency_ns = record
            .end_ns
            .checked_sub(start.start_ns)
            .ok_or_else(|| DecodeError::EndsBeforeStart(start.start_ns - record.end_ns))?;
        let signed_64 =
            |value: u64, what| i64::try_from(value).map_err(|_| DecodeError::Range(what));
        let signed_32 =
            |value: u32, what| i32::try_from(value).map_err(|_| DecodeError::Range(what));
        signed_64(record.end_ns, "end_ns")?;
        signed_64(start.cgroup_id, "cgroup_id")?;
        for (value, what) in [
            (start.pid, "pid"),
            (start.tid, "tid"),
            (record.syn_retransmits, "syn_retransmits"),
            (record.rtt_us, "rtt_us"),
        ] {
            signed_32(value, what)?;
        }
        let errno = match signed_32(record.errno, "errno")? {
            0 => None,
            errno => Some(errno),
        };
        Ok(Self {
            start_ns: start.start_ns,
            latency_ns,
            outcome,
            errno,
            syn_retransmits: record.syn_retransmits,
            rtt_us: (record.rtt_us != 0).then_some(record.rtt_us),
            pid: start.pid,
            tid: start.tid,
            uid: start.uid,
            comm: comm_bytes(start.comm),
            cgroup_id: start.cgroup_id,
            netns: start.netns,
            src_addr: address(start.family, start.src_addr)?,
            src_port: start.src_port,
            dst_addr: address(start.family, start.dst_addr)?,
            dst_port: start.dst_port,
            flags: start.flags,
        })
    }
}

/// An address of the wire; v4-mapped IPv6 (`::ffff:a.b.c.d`, RFC 4291 2.5.5.2) becomes IPv4.
fn address(family: u8, words: [u32; 4]) -> Result<IpAddr, DecodeError> {
    match family {
        AF_INET => Ok(IpAddr::V4(Ipv4Addr::from(words[0].to_ne_bytes()))),
        AF_INET6 => {
            let mut bytes = [0; 16];
            for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
                bytes.copy_from_slice(&word.to_ne_bytes());
            }
            Ok(IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical())
        }
        other => Err(DecodeError::Family(other)),
    }
}

fn comm_bytes(words: [u64; COMM_LEN / 8]) -> [u8; COMM_LEN] {
    let mut bytes = [0; COMM_LEN];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// A thread name as text: up to the first NUL, bytes that are not UTF-8 as `\xNN`.
///
/// Control characters stay: the capture holds the name as it was, and whoever
/// prints it escapes it for the place it is printed to.
pub fn comm_text(comm: &[u8]) -> String {
    let end = comm.iter().position(|&byte| byte == 0).unwrap_or(comm.len());
    escape_invalid_utf8(&comm[..end])
}

/// Text of arbitrary bytes, those that are not UTF-8 as `\xNN`.
pub fn escape_invalid_utf8(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests;
