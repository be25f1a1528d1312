//! Changes that a fuzzer makes, without one.

use std::path::PathBuf;

/// Bytes that mean something somewhere: signs, ends, lengths, thrift's types.
const TELLING: [u8; 12] = [0, 1, 2, 4, 0x0f, 0x15, 0x19, 0x1c, 0x7f, 0x80, 0xfe, 0xff];

/// The bytes after one to six changes.
pub fn of(bytes: &[u8], others: &[(PathBuf, Vec<u8>)], random: &mut fastrand::Rng) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..random.usize(1..7) {
        change(&mut out, others, random);
    }
    out
}

fn change(out: &mut Vec<u8>, others: &[(PathBuf, Vec<u8>)], random: &mut fastrand::Rng) {
    if out.is_empty() {
        return out.push(random.u8(..));
    }
    // Half of the changes aim at the end, where footers are.
    let from = if random.bool() { 0 } else { out.len() / 2 };
    let at = random.usize(from..out.len());
    let length = random.usize(1..9).min(out.len() - at);
    match random.u8(..7) {
        0 => out[at] ^= 1 << random.u8(..8),
        1 => out[at] = TELLING[random.usize(..TELLING.len())],
        2 => out[at] = random.u8(..),
        // A number of four bytes, or a varint of five.
        3 => {
            let value = [u32::MAX, i32::MAX as u32, 1 << 31, 0, random.u32(..)][random.usize(..5)];
            let bytes = value.to_le_bytes();
            let length = length.min(4);
            out[at..at + length].copy_from_slice(&bytes[..length]);
        }
        4 => {
            out.drain(at..at + length);
        }
        5 => {
            let piece: Vec<u8> = out[at..at + length].to_vec();
            let to = random.usize(..=out.len());
            out.splice(to..to, piece);
        }
        _ => {
            let (_, other) = &others[random.usize(..others.len())];
            let from = random.usize(..other.len());
            let piece = &other[from..other.len().min(from + random.usize(1..64))];
            let end = out.len().min(at + piece.len());
            out.splice(at..end, piece.iter().copied());
        }
    }
}
