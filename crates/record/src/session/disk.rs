//! What a recording takes of the disk at the worst moment: while a journal is
//! sealed, it and the capture are both there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes of a row in the journal, until some are written and tell.
const ROW_BYTES: u64 = 256;
/// A capture is a tenth of its journal, and a quarter where nothing repeats.
const CAPTURE_PART: u64 = 4;
/// Metadata, footer and the head of a journal take this much in small ones.
const FIXED_BYTES: u64 = 16 << 10;

/// What a journal takes while it is sealed, if so many rows are in it at last;
/// `bytes` and `rows` are written by now.
pub fn peak_bytes(bytes: u64, rows: u64, rows_at_last: u64) -> u64 {
    let row_bytes = bytes.checked_div(rows).unwrap_or(ROW_BYTES).max(1);
    let queued = rows_at_last.saturating_sub(rows).saturating_mul(row_bytes);
    let journal = bytes.saturating_add(queued);
    journal.saturating_add(journal / CAPTURE_PART).saturating_add(FIXED_BYTES)
}

/// Segments that are not sealed yet, together.
#[derive(Debug, Default)]
pub struct Waiting(Arc<AtomicU64>);

impl Waiting {
    /// Counts these bytes until the share is dropped.
    pub fn hold(&self, bytes: u64) -> Share {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Share { of: Arc::clone(&self.0), bytes }
    }

    /// All that is held now.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one segment takes until it is sealed.
#[derive(Debug)]
pub struct Share {
    of: Arc<AtomicU64>,
    bytes: u64,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_the_queue_count_and_so_does_the_capture() {
        assert_eq!(peak_bytes(0, 0, 0), FIXED_BYTES);
        assert_eq!(peak_bytes(0, 0, 100), FIXED_BYTES + 25_600 + 6_400);
        assert_eq!(peak_bytes(10_000, 100, 100), FIXED_BYTES + 12_500);
        assert_eq!(peak_bytes(10_000, 100, 300), FIXED_BYTES + 37_500);
        assert_eq!(peak_bytes(u64::MAX, 1, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_segment_counts_until_it_is_sealed() {
        let waiting = Waiting::default();
        let (first, second) = (waiting.hold(10), waiting.hold(5));
        drop(first);
        assert_eq!(waiting.bytes(), 5);
        drop(second);
        assert_eq!(waiting.bytes(), 0);
    }
}
