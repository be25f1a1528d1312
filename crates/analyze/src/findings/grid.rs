//! The intervals that findings are pictured in.

/// Intervals of time, of equal width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Start of the first, µs since 1970 UTC.
    pub first: i64,
    /// Width of one, µs.
    pub every: i64,
    /// How many there are.
    pub count: usize,
}

impl Grid {
    /// The interval that a moment lies in.
    pub fn place(self, time: i64) -> Option<usize> {
        let place = usize::try_from(time.checked_sub(self.first)?.div_euclid(self.every)).ok()?;
        (place < self.count).then_some(place)
    }
}
