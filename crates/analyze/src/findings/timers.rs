//! When the kernel sends SYNs again, by the settings of each namespace.

use super::evidence::{Event, Evidence};
use super::thresholds::T;

/// Retries looked at.
const RETRIES: i64 = 10;
/// Timers are coarse; an answer comes so much before its time at most.
const EARLY: i64 = 60_000_000;

/// Number of retries before the timeout begins to double where an event comes
/// from; a kernel that does not say has none (before 6.5).
pub fn linear(evidence: &Evidence, event: &Event) -> i64 {
    let setting = evidence.setting(event, "net.ipv4.tcp_syn_linear_timeouts");
    setting.and_then(|count| count.parse().ok()).unwrap_or(0).clamp(0, RETRIES)
}

/// When SYNs are sent again, ns after the first.
pub fn retry_times(linear: i64) -> Vec<i64> {
    let (mut at, mut timeout) = (0, T.first_retry);
    (0..RETRIES)
        .map(|retry| {
            at += timeout;
            // Timeouts double once the linear ones are used up.
            if retry >= linear {
                timeout *= 2;
            }
            at
        })
        .collect()
}

/// Whether the first SYN can have been lost: its timer must have run out.
pub fn waited_for_a_retry(event: &Event) -> bool {
    event.retransmits > 0 && event.latency_ns >= T.first_retry - EARLY
}

/// The retry after which an event got through, ns after the first SYN.
pub fn step(event: &Event, times: &[i64]) -> Option<i64> {
    times.iter().copied().rev().find(|at| event.latency_ns >= at - EARLY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_of_old_and_new_kernels() {
        let seconds = |linear| -> Vec<i64> {
            retry_times(linear).iter().map(|at| at / 1_000_000_000).collect()
        };
        assert_eq!(seconds(0)[..5], [1, 3, 7, 15, 31]);
        assert_eq!(seconds(4)[..8], [1, 2, 3, 4, 5, 7, 11, 19]);
    }
}
