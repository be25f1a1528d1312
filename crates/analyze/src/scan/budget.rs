//! What a run may hold in memory, and less where there is little.

/// What a run may hold in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Groups of a ranking, some 300 bytes each with their texts.
    pub groups: usize,
    /// Groups of an answer that shows them all, some 1,000 bytes each; more are
    /// not answered.
    pub listed: usize,
    /// Latencies collected at a time to find percentiles, 8 bytes each.
    pub values: usize,
    /// Rows of a listing at a time, some 300 bytes each with their places.
    pub rows: usize,
    /// Rows that findings are made of, some 400 bytes each.
    pub evidence: u64,
    /// Bytes of different texts that a scan meets, with 16 more for each.
    pub texts: usize,
    /// Bytes of the pages of row groups that are being read. Those of one that
    /// `record` wrote take some 2 MB. Texts are held four times while they are
    /// read: unpacked, by row, by number, and for the whole run.
    pub pages: u64,
}

/// Memory below which less is held, bytes.
const ENOUGH: u64 = 1 << 30;
/// The smallest part of the usual that is held, in percent: with less there is
/// no answer.
const LEAST: u64 = 8;

impl Default for Budget {
    fn default() -> Self {
        Self {
            groups: 320_000,
            listed: 1_000_000,
            values: 4_000_000,
            rows: 100_000,
            evidence: 1_000_000,
            texts: 128 << 20,
            pages: 96 << 20,
        }
    }
}

impl Budget {
    /// For a run that may take so many bytes, and the usual if that is unknown.
    pub fn within(memory: Option<u64>) -> Self {
        let percent = memory.map_or(100, |bytes| bytes.min(ENOUGH) * 100 / ENOUGH).max(LEAST);
        let usual = Self::default();
        let part = |of: usize| of / 100 * percent as usize;
        Self {
            groups: part(usual.groups),
            listed: memory.map_or(usual.listed, listed),
            values: part(usual.values),
            rows: part(usual.rows),
            evidence: usual.evidence / 100 * percent,
            texts: part(usual.texts),
            pages: usual.pages / 100 * percent,
        }
    }
}

/// Groups that half of the memory has room for. This alone grows with memory:
/// whoever asks for all of them means to have them.
fn listed(memory: u64) -> usize {
    (memory / 2_000).clamp(20_000, 4_000_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_makes_it_smaller() {
        assert_eq!(Budget::within(None).groups, Budget::default().groups);
        assert_eq!(Budget::within(Some(64 << 30)).rows, Budget::default().rows);
        let quarter = Budget::within(Some(256 << 20));
        assert_eq!((quarter.groups, quarter.rows, quarter.listed), (80_000, 25_000, 134_217));
        assert_eq!(Budget::within(Some(0)).values, 320_000);
    }
}
