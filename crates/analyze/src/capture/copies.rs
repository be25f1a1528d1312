//! Which files are the same, byte for byte: each is compared only with those
//! that it can be a copy of.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

use foldhash::fast::RandomState;

use super::Capture;

/// Captures by what copies have in common.
#[derive(Default)]
pub(super) struct Copies {
    places: HashMap<u64, Vec<usize>, RandomState>,
    hasher: RandomState,
}

impl Copies {
    /// The place among `each` of the capture that this one is a copy of; if
    /// there is none, its own will be the next.
    pub(super) fn of(&mut self, capture: &Capture, each: &[Capture]) -> Option<usize> {
        let alike = self.places.entry(key(&self.hasher, capture)).or_default();
        let original = alike.iter().copied().find(|place| is_copy(&each[*place], capture));
        if original.is_none() {
            alike.push(each.len());
        }
        original
    }
}

fn key(hasher: &RandomState, capture: &Capture) -> u64 {
    use std::hash::BuildHasher;

    let info = &capture.info;
    let moments = [info.start, info.stop].map(|moment| (moment.time_us, moment.monotonic_ns));
    let who = (&info.host, &info.boot_id, info.segment);
    hasher.hash_one((capture.bytes, capture.rows, moments, who))
}

/// Whether both files are the same. One that cannot be read is like no other;
/// reading its rows will say why.
fn is_copy(a: &Capture, b: &Capture) -> bool {
    // What a copy has in common is looked at before gigabytes are.
    let alike = (a.bytes, a.rows) == (b.bytes, b.rows) && a.info == b.info;
    alike && same_content(a, b).unwrap_or(false)
}

/// All bytes of a capture as it was recorded.
fn content(capture: &Capture) -> io::Result<Box<dyn BufRead>> {
    Ok(match capture.journal {
        // Its rows are elsewhere, and may be written differently.
        Some(_) => Box::new(BufReader::new(File::open(&capture.path)?)),
        None => Box::new(capture.file.open().map_err(io::Error::other)?.into_reader()),
    })
}

fn same_content(a: &Capture, b: &Capture) -> io::Result<bool> {
    let (mut a, mut b) = (content(a)?, content(b)?);
    loop {
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let length = left.len().min(right.len());
        if length == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        if left[..length] != right[..length] {
            return Ok(false);
        }
        a.consume(length);
        b.consume(length);
    }
}
