//! Each symptom, scope and cause on rows made for it, and what looks like it
//! and is none.

use connlat_schema::Outcome;
use serde_json::Value;

use super::{MS, findings, kinds, kinds_of, ordinary, text};
use crate::capture::{Capture, Connect, S, START};
use crate::program::Dir;

/// Rows of an ordinary minute, changed by a rule.
fn changed(seed: u64, mut rule: impl FnMut(&mut Connect, &mut fastrand::Rng)) -> Capture {
    let (mut rows, mut random) = ordinary(seed);
    for row in &mut rows {
        rule(row, &mut random);
    }
    Capture::of(rows)
}

fn time_out(row: &mut Connect) {
    *row = row.clone().failed(Outcome::TimedOut, Some(110));
    row.latency_ns = 3_000 * MS;
    row.syn_retransmits = 2;
}

fn refuse(row: &mut Connect) {
    *row = row.clone().failed(Outcome::Refused, Some(111));
}

fn first(dir: &Dir, capture: &Capture) -> Value {
    findings(dir, capture).first().cloned().unwrap_or_default()
}

/// A SYN repeated within milliseconds answers a challenge ACK.
#[test]
fn a_challenge_ack_is_no_loss() {
    let dir = Dir::new();
    let capture = changed(31, |row, random| {
        if row.dst_addr == "10.0.2.1" && random.u8(..4) == 0 {
            row.syn_retransmits = 1;
            row.latency_ns = 10 * MS;
        }
    });
    assert_eq!(kinds(&dir, &capture), [""; 0]);
}

/// Where every connect repeats its SYN, the round trip may be that long.
#[test]
fn a_round_trip_above_the_timer_is_no_loss() {
    let dir = Dir::new();
    let capture = changed(32, |row, random| {
        if row.dst_addr == "10.0.2.1" {
            row.syn_retransmits = 1;
            row.latency_ns = 1_200 * MS + random.i64(0..4 * MS);
        }
    });
    let found = first(&dir, &capture);
    assert_eq!(found["kind"], "slow", "{found}");
    assert!(!text(&found).contains("lost"), "{found}");
    assert_eq!(found["alternatives"][0], "round_trip_above_timer");
}

/// Young connects prove nothing when the recording stops; those whose SYN was
/// repeated do.
#[test]
fn connects_in_flight_prove_only_what_they_waited() {
    let dir = Dir::new();
    let in_flight = |retransmits: i32, latency: i64| {
        changed(33, move |row, _| {
            if row.dst_addr == "10.0.1.1" && row.time > START + 56 * S {
                *row = row.clone().failed(Outcome::InFlight, None);
                (row.syn_retransmits, row.latency_ns) = (retransmits, latency);
            }
        })
    };
    assert_eq!(kinds(&dir, &in_flight(0, 40 * MS)), [""; 0]);
    let found = first(&dir, &in_flight(1, 1_900 * MS));
    assert_eq!((&found["kind"], &found["ongoing"]), (&"no_answer".into(), &true.into()), "{found}");
}

#[test]
fn the_scope_is_what_bad_connects_share() {
    let dir = Dir::new();
    let scope = |rule: &dyn Fn(&Connect) -> bool| {
        let mut capture = changed(34, |row, random| {
            row.dst_port = [443, 8080][random.usize(..2)];
            if random.u8(..3) == 0 {
                row.dst_addr = format!("2001:db8:{}::1", random.u8(1..4));
            }
        });
        for row in capture.rows.iter_mut().filter(|row| rule(row)) {
            time_out(row);
        }
        let found = findings(&dir, &capture);
        assert_eq!(kinds_of(&found), ["no_answer"], "{found:?}");
        found[0]["scope"].clone()
    };
    assert_eq!(scope(&|row| row.dst_port == 443), serde_json::json!({"dst_port": 443}));
    assert_eq!(scope(&|row| row.dst_addr.contains(':')), serde_json::json!({"family": "ipv6"}));
    let network = scope(&|row| row.dst_addr.starts_with("10.0.1."));
    assert_eq!(network, serde_json::json!({"dst_network": "10.0.1.0/24"}));
    let one = scope(&|row| row.dst_addr == "10.0.2.1" && row.dst_port == 443);
    assert_eq!(one, serde_json::json!({"dst_addr": "10.0.2.1", "dst_port": 443}));
    assert_eq!(scope(&|row| row.comm == "cart"), serde_json::json!({"comm": "cart"}));
    let ended = scope(&|row| (START + 20 * S..START + 30 * S).contains(&row.time));
    assert_eq!(ended, serde_json::json!({}));
}

/// A closed port that is polled all along is said after what is new.
#[test]
fn noise_does_not_hide_news() {
    let dir = Dir::new();
    let mut capture = changed(35, |row, _| {
        if row.dst_addr == "10.0.2.1" && row.time > START + 40 * S {
            refuse(row);
        }
    });
    for n in 0..600 {
        let mut row = Connect::at(n * S / 10, 90_000).to("10.0.1.1", 9_090);
        (row.comm, row.pid) = ("poller".into(), 300 + (n % 90) as i32);
        refuse(&mut row);
        capture.rows.push(row);
    }
    let found = findings(&dir, &capture);
    assert_eq!(kinds_of(&found)[..2], ["refused_burst", "closed_port"], "{found:?}");
    assert_eq!(found[0]["scope"]["dst_addr"], "10.0.2.1");
    assert!(text(&found[1]).contains("from the first on"), "{found:?}");
}

#[test]
fn a_late_reset_is_no_stopped_server() {
    let dir = Dir::new();
    let capture = changed(36, |row, random| {
        if row.dst_addr == "10.0.2.1" && row.time > START + 20 * S {
            refuse(row);
            row.latency_ns = 2_000 * MS + random.i64(0..5 * MS);
            row.syn_retransmits = 1;
        }
    });
    let found = findings(&dir, &capture);
    assert_eq!(kinds_of(&found), ["refused_late"], "{found:?}");
    assert!(text(&found[0]).contains("not a stopped server"), "{found:?}");
}

/// The same address in two namespaces is not one server that flickers.
#[test]
fn equal_addresses_of_two_namespaces_stay_apart() {
    let dir = Dir::new();
    let capture = changed(37, |row, _| {
        row.dst_addr = "127.0.0.1".into();
        if row.comm == "cart" {
            row.netns = 17;
            refuse(row);
        }
    });
    let found = findings(&dir, &capture);
    assert_eq!(kinds_of(&found)[0], "closed_port", "{found:?}");
    assert_eq!(found[0]["scope"]["netns"], 17);
    assert!(!text(&found[0]).contains("several servers"), "{found:?}");
}

/// Nor is the same link-local address on two links.
#[test]
fn link_local_addresses_may_be_two_neighbours() {
    let dir = Dir::new();
    let capture = changed(38, |row, random| {
        if row.dst_addr == "10.0.2.1" {
            row.dst_addr = "fe80::1".into();
            if random.u8(..3) == 0 {
                refuse(row);
            }
        }
    });
    let found = findings(&dir, &capture);
    assert!(text(&found[0]).contains("may be two neighbours"), "{found:?}");
    assert!(!text(&found[0]).contains("several servers"), "{found:?}");
}

#[test]
fn a_bound_port_that_is_taken_is_no_exhaustion() {
    let dir = Dir::new();
    let mut capture = changed(39, |_, _| {});
    for n in 0..20 {
        let mut row = Connect::at(n * 3 * S, 20_000).to("10.0.1.1", 443);
        row.src_port = 25_000;
        capture.rows.push(row.failed(Outcome::LocalError, Some(99)));
    }
    let found = first(&dir, &capture);
    assert_eq!(
        (&found["kind"], &found["cause"]),
        (&"local_error".into(), &"source_port_in_use".into())
    );
    assert_eq!(found["scope"]["src_port"], 25_000);
    assert!(!text(&found).contains("no local port was free"), "{found}");
}

/// Latency far above the measured round trip lies in this host.
#[test]
fn a_search_for_a_port_is_no_slow_destination() {
    let dir = Dir::new();
    let capture = changed(40, |row, random| {
        if row.dst_addr == "10.0.2.1" {
            row.rtt_us = Some((row.latency_ns / 1_000) as i32);
            row.latency_ns += 20 * MS + random.i64(0..9 * MS);
        }
    });
    let found = findings(&dir, &capture);
    assert_eq!(kinds_of(&found), ["local_delay"], "{found:?}");
    assert_eq!(found[0]["alternatives"][0], "local_port_search");
}

#[test]
fn stalls_of_everything_are_one_finding() {
    let dir = Dir::new();
    let stalled = |length: i64| {
        changed(41, move |row, _| {
            let at = (row.time - START) % (3 * S);
            if at < length {
                row.latency_ns += (length - at) * 1_000;
            }
        })
    };
    let found = findings(&dir, &stalled(300_000));
    assert_eq!(kinds_of(&found), ["stall"], "{found:?}");
    assert_eq!(found[0]["scope"], serde_json::json!({}));
    assert!(text(&found[0]).contains("every 3.00 s"), "{found:?}");
    assert_eq!(kinds(&dir, &stalled(3_000)), [""; 0]);
}

#[test]
fn load_comes_before_latency() {
    let dir = Dir::new();
    let spike = |more: i64| {
        let mut capture = changed(42, |row, random| {
            if (START + 20 * S..START + 30 * S).contains(&row.time) {
                row.latency_ns += 60 * MS + random.i64(0..40 * MS);
            }
        });
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..more {
            let mut row = Connect::at(random.i64(19_500_000..30 * S), 80 * MS).to("10.0.1.1", 443);
            (row.comm, row.pid) = ("batch".into(), 900);
            row.latency_ns += random.i64(0..20 * MS);
            if row.time < START + 20 * S {
                row.latency_ns = 300_000;
            }
            capture.rows.push(row);
        }
        first(&dir, &capture)
    };
    let found = spike(900);
    assert_eq!(
        (&found["kind"], &found["cause"]),
        (&"load_spike".into(), &"load".into()),
        "{found}"
    );
    assert!(text(&found).contains("connects of batch rose"), "{found}");
    assert_eq!(spike(0)["kind"], "slow");
}

#[test]
fn a_move_to_slower_servers_is_told_from_a_plain_one() {
    let dir = Dir::new();
    let moved = |more: i64| {
        changed(43, move |row, random| {
            let host = random.u8(1..4);
            row.dst_addr = format!("10.0.1.{host}");
            if row.comm == "web" && row.time > START + 30 * S {
                row.dst_addr = format!("10.0.9.{host}");
                row.latency_ns += more;
            }
        })
    };
    let found = findings(&dir, &moved(30 * MS));
    assert_eq!(kinds_of(&found), ["deployment"], "{found:?}");
    assert!(text(&found[0]).contains("cart keeps the old ones"), "{found:?}");
    assert_eq!(kinds(&dir, &moved(0)), [""; 0]);
}

/// Two speeds without anything between are two servers; a tail is none.
#[test]
fn one_slow_server_of_several_is_told_from_a_tail() {
    let dir = Dir::new();
    let found = first(
        &dir,
        &changed(44, |row, random| {
            if row.dst_addr == "10.0.2.1" && random.u8(..3) == 0 {
                row.latency_ns += 90 * MS;
            }
        }),
    );
    assert_eq!(found["kind"], "one_bad_server", "{found}");
    let tail = changed(45, |row, random| {
        if row.dst_addr == "10.0.2.1" && random.u8(..10) == 0 {
            row.latency_ns += random.i64(5 * MS..60 * MS);
        }
    });
    assert_eq!(kinds(&dir, &tail), [""; 0]);
}

/// Some connects to one place never get through, the others at once.
#[test]
fn one_silent_server_of_several_is_told_from_loss() {
    let dir = Dir::new();
    let capture = changed(46, |row, random| {
        if row.dst_addr == "10.0.2.1" && random.u8(..3) == 0 {
            time_out(row);
        }
    });
    let found = first(&dir, &capture);
    assert_eq!(found["kind"], "one_bad_server", "{found}");
    assert_eq!(found["symptom"], "no_answer");
}

/// Losers of hedged requests were cancelled, not lost, whoever won.
#[test]
fn hedged_requests_are_healthy() {
    let dir = Dir::new();
    let mut capture = changed(47, |_, _| {});
    let mut random = fastrand::Rng::with_seed(2);
    for n in 0..300 {
        let (a, b) = (random.u8(1..5), random.u8(5..9));
        let at = n * S / 5 + random.i64(0..50_000);
        let mut hedge = |offset: i64, latency: i64, host: u8, lost: bool| {
            let mut row = Connect::at(at + offset, latency).to(&format!("10.0.8.{host}"), 443);
            (row.comm, row.pid) = ("hedger".into(), 700);
            if lost {
                row = row.failed(Outcome::Aborted, None);
            }
            capture.rows.push(row);
        };
        if n % 6 == 0 {
            hedge(0, 71 * MS, a, true);
            hedge(70_000, MS, b, false);
        } else {
            hedge(0, MS, a, false);
        }
    }
    assert_eq!(kinds(&dir, &capture), [""; 0]);
}

/// Programs that try one address after the other do not storm.
#[test]
fn addresses_tried_in_order_are_one_finding() {
    let dir = Dir::new();
    let mut capture = changed(48, |_, _| {});
    let mut random = fastrand::Rng::with_seed(3);
    for n in 0..40 {
        let at = n * S + random.i64(0..300_000);
        for (offset, host, lost) in [(0, 1, true), (250_500, 2, false)] {
            let latency = if lost { 250 * MS } else { 300 * MS };
            let row = Connect::at(at + offset, latency).to(&format!("10.0.7.{host}"), 80);
            let mut row = if lost { row.failed(Outcome::Aborted, None) } else { row };
            (row.comm, row.pid) = ("node".into(), 800);
            capture.rows.push(row);
        }
    }
    let found = findings(&dir, &capture);
    assert_eq!(kinds_of(&found), ["sequential_fallback"], "{found:?}");
    assert!(text(&found[0]).contains("40 connects took 25"), "{found:?}");
}

/// Many callers of one process that try again at once, and processes that live
/// for one try.
#[test]
fn storms_of_pools_and_scripts() {
    let dir = Dir::new();
    let storm = |pids: bool| {
        let mut capture = changed(49, |_, _| {});
        for n in 0..400 {
            let at = if pids { 10 * S + n * 105_000 } else { 10 * S + n * 2_000 };
            let latency = if pids { MS } else { 20 * MS };
            let mut row = Connect::at(at, latency).to("10.0.6.1", 5_432);
            row.comm = "pool".into();
            row.pid = if pids { 1_000 + n as i32 } else { 999 };
            refuse(&mut row);
            capture.rows.push(row);
        }
        let found = findings(&dir, &capture);
        let storms: Vec<Value> =
            found.iter().filter(|f| f["kind"] == "retry_storm").cloned().collect();
        assert_eq!(storms.len(), 1, "{found:?}");
        storms[0].clone()
    };
    assert!(text(&storm(false)).contains("up to 1"), "{}", storm(false));
    assert!(text(&storm(true)).contains("(400 processes)"), "{}", storm(true));
}

/// Recordings above a day say which day.
#[test]
fn long_recordings_carry_dates() {
    let dir = Dir::new();
    let mut capture = changed(50, |row, _| row.time = START + (row.time - START) * 3_000);
    for row in capture.rows.iter_mut().filter(|row| row.dst_addr == "10.0.2.1") {
        if row.time > START + 100_000 * S {
            refuse(row);
        }
    }
    let found = first(&dir, &capture);
    assert!(text(&found).contains("since 2026-01-02 0"), "{found}");
}
