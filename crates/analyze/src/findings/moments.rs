//! Moments that divide the time, for spans to begin and end at.

/// Moments that spans begin and end at.
const MOMENTS: usize = 32;

/// Moments between which spans of time are tried.
pub struct Moments {
    /// Starts of bad connects, ascending, evenly many bad ones apart.
    pub times: Vec<i64>,
}

impl Moments {
    /// Of the starts of bad connects, µs, ascending; none if there are none.
    pub fn of(starts: impl Iterator<Item = i64>) -> Option<Self> {
        let all: Vec<i64> = starts.collect();
        let last = all.len().checked_sub(1)?;
        let count = all.len().min(MOMENTS);
        let place = |n: usize| n * last / (count - 1).max(1);
        let mut times: Vec<i64> = (0..count).map(|n| all[place(n)]).collect();
        times.dedup();
        Some(Self { times })
    }

    pub fn slots(&self) -> usize {
        2 * self.times.len() + 1
    }

    /// Odd slots are the moments themselves, even ones lie between.
    pub fn slot(&self, time: i64) -> usize {
        match self.times.binary_search(&time) {
            Ok(place) => 2 * place + 1,
            Err(place) => 2 * place,
        }
    }
}
