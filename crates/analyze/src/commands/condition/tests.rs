//! Conditions as typed, and what they come to.

use super::*;
use crate::stats::{Figures, Measure};

fn parsed(text: &str) -> Result<Condition, String> {
    text.parse()
}

#[test]
fn conditions_as_typed() {
    for right in [
        "p99 > 50ms",
        "p99>=1.5 s",
        "p999>=1.5s",
        "p99.9 > 3us",
        "p99.999 > 3µs",
        "p9.5 > 3μs",
        "p05 > 1ms",
        "failure_rate > 1%",
        "failure_rate >= 100 %",
        "failure_rate > 0",
        "failure_rate<0.5",
        "retransmit_rate > 0.01%",
        "connects < 100",
        "max == 3us",
        "lost > 0",
        "missed > 10",
        "p50 > 0ns",
    ] {
        assert!(parsed(right).is_ok(), "{right}: {:?}", parsed(right));
    }
    for wrong in [
        "",
        ">",
        "p99",
        "p99 > ",
        "p99 > 50",
        "p99 > 50%",
        "p99 > 50ms or so",
        "p99 > 50ms > 20ms",
        "p99 > 50ms;",
        "p99 = 5ms",
        "p99 => 5ms",
        "p99 != 5ms",
        "p99 ! 5ms",
        "p99 > -5ms",
        "p99 > +5ms",
        "p99 > nanms",
        "p99 > infms",
        "p99 > 1e3ms",
        "p99 > 0.1ns",
        "p99 > 99999999999999999999s",
        "p9 > 1ms",
        "p0 > 1ms",
        "p00 > 1ms",
        "p100 > 1ms",
        "p100.0 > 1ms",
        "p990 > 1ms",
        "p99. > 1ms",
        "p99.9.9 > 1ms",
        "p99.9999 > 1ms",
        "P99 > 1ms",
        "p-5 > 1ms",
        "speed > 1",
        "failure_rate > 1",
        "failure_rate > 2",
        "failure_rate > 1.5",
        "failure_rate > 150%",
        "failure_rate > 100%",
        "failure_rate == 101%",
        "failure_rate < 0%",
        "failure_rate >= 0",
        "failure_rate <= 100%",
        "failure_rate > 1ms",
        "failure_rate > 1%%",
        "failure_rate > nan",
        "failure_rate > 1e-2",
        "connects > -1",
        "connects < 0",
        "connects >= 0",
        "connects > 1.5",
        "connects > 1e3",
        "connects > 10%",
        "connects > 99999999999999999999",
        "min >= 0ms",
    ] {
        assert!(parsed(wrong).is_err(), "{wrong}: {:?}", parsed(wrong));
    }
}

#[test]
fn percentiles_are_read_exactly() {
    let name = |text: &str| percentile(text).map(|percentile| percentile.name);
    for (text, same) in
        [("p99", "p99"), ("p99.9", "p999"), ("p99.0", "p99"), ("p9.5", "p095"), ("p50", "p50")]
    {
        assert_eq!(name(text).as_deref(), Ok(same), "{text}");
    }
}

#[test]
fn a_share_is_compared_exactly() {
    let figures = Figures { connects: 300, failed: 3, ..Figures::none(&Measure::usual()) };
    let verdict = |text: &str| {
        let condition = parsed(text).expect("a condition");
        condition.judge(&figures, &Measure::usual(), Losses::default()).0
    };
    assert_eq!(verdict("failure_rate > 1%"), Verdict::Fine);
    assert_eq!(verdict("failure_rate >= 1%"), Verdict::Holds);
    assert_eq!(verdict("failure_rate == 0.01"), Verdict::Holds);
    assert_eq!(verdict("failure_rate > 0.9999999999999999999999%"), Verdict::Holds);
}

#[test]
fn what_is_not_known_is_not_decided() {
    let none = Figures::none(&Measure::usual());
    let judge = |text: &str, unknown| {
        let losses = Losses { lost: 5, missed: 0, unknown };
        parsed(text).expect("a condition").judge(&none, &Measure::usual(), losses).0
    };
    for text in ["failed > 10", "failure_rate > 1%", "p99 > 1ms", "max > 1s", "retransmits > 0"] {
        assert_eq!(judge(text, false), Verdict::Unknown, "{text}");
    }
    assert_eq!(judge("connects < 1", false), Verdict::Holds);
    assert_eq!(judge("lost > 7", false), Verdict::Fine);
    assert_eq!(judge("lost > 7", true), Verdict::Unknown);
    assert_eq!(judge("lost > 4", true), Verdict::Holds);
}
