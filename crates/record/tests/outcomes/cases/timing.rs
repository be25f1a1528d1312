//! Latencies and lost SYNs against the responder's own times.

use std::time::Duration;

use super::answers::responder;
use crate::client::Client;
use crate::responder::Behaviour;
use crate::stage::{Report, Stage};

/// What a latency after lost SYNs may be off.
const LOST_TOLERANCE_NS: i64 = 5_000_000;
/// What the median of a delay may be off, and 1 % on top of it.
const DELAY_TOLERANCE_NS: i64 = 200_000;
const ATTEMPTS: u16 = 50;

pub fn lost_syns_1(_: &Stage) -> Report {
    lost_syns(1)
}

pub fn lost_syns_2(_: &Stage) -> Report {
    lost_syns(2)
}

pub fn lost_syns_3(_: &Stage) -> Report {
    lost_syns(3)
}

fn lost_syns(lost: usize) -> Report {
    let peer = responder(&[Behaviour::Accept { after: Duration::from_millis(2), lost }])?;
    let to = peer.v4(0, 80);
    let attempt = Client::v4().connect(to).returned(0);
    let heard = peer.wait_for_answers(to, 1);
    assert_eq!(heard.syns.len(), lost + 1);
    let expected = attempt.expect("established").answered(&heard, 0);
    Ok(vec![expected.near(&heard, LOST_TOLERANCE_NS, false)])
}

pub fn delay_0_5_ms(_: &Stage) -> Report {
    delay(Duration::from_micros(500), ATTEMPTS)
}

pub fn delay_5_ms(_: &Stage) -> Report {
    delay(Duration::from_millis(5), ATTEMPTS)
}

pub fn delay_50_ms(_: &Stage) -> Report {
    delay(Duration::from_millis(50), ATTEMPTS)
}

/// 25 s, beside the other cases.
pub fn delay_500_ms(_: &Stage) -> Report {
    delay(Duration::from_millis(500), ATTEMPTS)
}

fn delay(after: Duration, attempts: u16) -> Report {
    let peer = responder(&[Behaviour::Accept { after, lost: 0 }])?;
    let tolerance = DELAY_TOLERANCE_NS + i64::try_from(after.as_nanos()).expect("short") / 100;
    let rows = (0..attempts).map(|n| {
        let to = peer.v4(0, 1_000 + n);
        let client = Client::v4();
        let attempt = client.connect(to).returned(0);
        let heard = peer.wait_for_answers(to, 1);
        attempt.expect("established").answered(&heard, 0).near(&heard, tolerance, true)
    });
    Ok(rows.collect())
}
