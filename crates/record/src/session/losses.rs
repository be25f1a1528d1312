//! When attempts were lost: the difference of two accounts, with their times.

use connlat_schema::capture::loss_spans::limit_loss_spans;
use connlat_schema::capture::metadata::{LossSpan, Lost};

/// Losses of one cause this close together are one span, ns.
const MERGE_NS: i64 = 1_000_000_000;

/// Follows the account of losses.
#[derive(Debug, Default)]
pub struct Losses {
    seen: Lost,
    seen_at_ns: i64,
    spans: Vec<LossSpan>,
}

impl Losses {
    /// Begins with an account and its time, CLOCK_MONOTONIC ns.
    pub fn from(seen: Lost, at_ns: i64) -> Self {
        Self { seen, seen_at_ns: at_ns, spans: Vec::new() }
    }

    /// Compares with a newer account; true if something was lost since.
    pub fn observe(&mut self, now: Lost, at_ns: i64) -> bool {
        let mut grew = false;
        for ((cause, count), (_, before)) in now.causes().into_iter().zip(self.seen.causes()) {
            if count > before {
                grew = true;
                self.add(cause, count - before, at_ns);
            }
        }
        (self.seen, self.seen_at_ns) = (now, at_ns);
        grew
    }

    /// The spans so far.
    pub fn spans(&self) -> &[LossSpan] {
        &self.spans
    }

    fn add(&mut self, cause: &'static str, count: u64, at_ns: i64) {
        let from_ns = self.seen_at_ns;
        let last = self.spans.iter_mut().rev().find(|span| span.cause == cause);
        if let Some(last) = last
            && from_ns - last.to_ns <= MERGE_NS
        {
            last.to_ns = at_ns;
            last.count += count;
            return;
        }
        self.spans.push(LossSpan { cause: cause.to_owned(), count, from_ns, to_ns: at_ns });
        limit_loss_spans(&mut self.spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn ring(count: u64) -> Lost {
        Lost { ring_full: count, ..Lost::default() }
    }

    #[test]
    fn a_burst_is_one_span_and_a_later_one_another() {
        let mut losses = Losses::from(Lost::default(), 0);
        assert!(!losses.observe(ring(0), SECOND));
        assert!(losses.observe(ring(5), SECOND + 100));
        assert!(losses.observe(ring(9), SECOND + 200));
        losses.observe(ring(9), 60 * SECOND);
        losses.observe(ring(10), 60 * SECOND + 100);
        let spans: Vec<_> =
            losses.spans().iter().map(|span| (span.count, span.from_ns, span.to_ns)).collect();
        assert_eq!(spans, [(9, SECOND, SECOND + 200), (1, 60 * SECOND, 60 * SECOND + 100)]);
    }

    #[test]
    fn causes_are_apart() {
        let mut losses = Losses::from(Lost::default(), 0);
        losses.observe(Lost { ring_full: 1, in_flight_full: 2, ..Lost::default() }, 10);
        let causes: Vec<_> =
            losses.spans().iter().map(|span| (span.cause.as_str(), span.count)).collect();
        assert_eq!(causes, [("ring_full", 1), ("in_flight_full", 2)]);
    }

    #[test]
    fn many_bursts_stay_bounded_and_complete() {
        let mut losses = Losses::from(Lost::default(), 0);
        for burst in 1..=1_000 {
            losses.observe(ring(burst), i64::try_from(burst).expect("small") * 10 * SECOND);
            losses.observe(
                ring(burst),
                i64::try_from(burst).expect("small") * 10 * SECOND + 5 * SECOND,
            );
        }
        assert!(losses.spans().len() <= 64);
        assert_eq!(losses.spans().iter().map(|span| span.count).sum::<u64>(), 1_000);
    }
}
