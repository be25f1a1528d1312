//! Causes on the network and at servers.

use connlat_schema::Outcome;
use serde_json::Value;

use super::{MS, findings, kinds, kinds_of, ordinary, text};
use crate::capture::{Capture, Connect, S, START};
use crate::program::Dir;

fn lose_a_syn(row: &mut Connect, random: &mut fastrand::Rng) {
    row.syn_retransmits = random.i32(1..3);
    row.latency_ns += i64::from(row.syn_retransmits) * 1_010 * MS;
}

#[test]
fn syn_loss_is_placed() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(1);
    let mut rows = plain.clone();
    for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.2.1") {
        if random.u8(..4) == 0 {
            lose_a_syn(row, &mut random);
        }
    }
    let mut capture = Capture::of(rows);
    let linear = "net.ipv4.tcp_syn_linear_timeouts";
    capture.info.sysctls.insert(linear.into(), "4".into());
    let found = findings(&dir, &capture);
    assert_eq!(found[0]["kind"], "syn_loss");
    let said = text(&found[0]);
    assert!(said.starts_with("SYNs to 10.0.2.1:443 get lost or dropped: "), "{said}");
    assert!(said.contains("after 1 s") && said.contains("after 2 s"), "{said}");
    // Before linear timeouts the second retry came after 3 s.
    capture.info.sysctls.insert(linear.into(), "0".into());
    let found = findings(&dir, &capture);
    let said = text(&found[0]);
    assert!(said.contains("after 1 s") && !said.contains("after 2 s"), "{said}");

    // Everywhere, and only now and then.
    for (one_of, kind) in [(4, Some("syn_loss")), (100, Some("background_loss"))] {
        let mut rows = plain.clone();
        for row in &mut rows {
            if random.u8(..one_of) == 0 {
                lose_a_syn(row, &mut random);
            }
        }
        let found = findings(&dir, &Capture::of(rows));
        assert_eq!(found.first().and_then(|finding| finding["kind"].as_str()), kind, "{found:?}");
        let said =
            if one_of == 4 { "SYNs to everywhere" } else { "to no place more than to others" };
        assert!(text(&found[0]).contains(said), "{found:?}");
        assert_eq!(found[0]["scope"].as_object().map(|scope| scope.len()), Some(0), "{found:?}");
    }
}

/// One stray loss elsewhere does not widen it to the network.
#[test]
fn syn_loss_stays_with_its_host() {
    let dir = Dir::new();
    let (mut rows, mut random) = ordinary(11);
    for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.1.1") {
        if random.u8(..4) == 0 {
            lose_a_syn(row, &mut random);
        }
    }
    let stray = rows.iter_mut().find(|row| row.dst_addr == "10.0.1.2").expect("a row");
    lose_a_syn(stray, &mut random);
    let found = findings(&dir, &Capture::of(rows));
    assert!(text(&found[0]).starts_with("SYNs to 10.0.1.1:443 get lost"), "{found:?}");
}

/// A full listen queue and a rate limit look the same: both are said.
#[test]
fn one_port_drops_syns() {
    let dir = Dir::new();
    let (mut rows, mut random) = ordinary(2);
    for n in 0..100 {
        let mut row = Connect::at(random.i64(0..60 * S), MS).to("10.0.2.1", 5_432);
        if n % 3 == 0 {
            lose_a_syn(&mut row, &mut random);
        }
        rows.push(row);
    }
    let found = findings(&dir, &Capture::of(rows.clone()));
    assert_eq!(found[0]["kind"], "syn_loss");
    assert_eq!(found[0]["cause"], Value::Null);
    assert_eq!(found[0]["alternatives"][0], "listen_queue");
    assert_eq!(found[0]["scope"]["dst_port"], 5_432);
    assert!(text(&found[0]).contains("a full listen queue, a rate limit or loss"), "{found:?}");
}

fn time_out(row: &mut Connect) {
    *row = row.clone().failed(Outcome::TimedOut, Some(110));
    row.latency_ns = 127_000 * MS;
    row.syn_retransmits = 6;
}

#[test]
fn a_host_falls_silent() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(3);
    let mut rows = plain.clone();
    let late = |row: &&mut Connect| row.time >= START + 30 * S;
    for row in rows.iter_mut().filter(late).filter(|row| row.dst_addr == "10.0.1.2") {
        time_out(row);
    }
    let found = findings(&dir, &Capture::of(rows));
    assert_eq!(found[0]["kind"], "no_answer");
    let said = text(&found[0]);
    assert!(said.starts_with("10.0.1.2:443 does not answer: "), "{said}");
    assert!(said.contains("at other times"), "{said}");
    assert!(said.contains("since 00:00:30.") && said.contains("not ended"), "{said}");
    assert_eq!(found[0]["ongoing"], true);
    assert_eq!(found.len(), 1, "{found:?}");
    // The whole network is one finding.
    let mut rows = plain.clone();
    for row in rows.iter_mut().filter(late).filter(|row| row.dst_addr != "10.0.2.1") {
        time_out(row);
    }
    let found = findings(&dir, &Capture::of(rows));
    assert!(text(&found[0]).starts_with("10.0.1.0/24 (2 hosts) does not answer"), "{found:?}");
    assert_eq!(found.iter().filter(|f| f["kind"] == "no_answer").count(), 1);
    // Single ones are rare, but real.
    let mut rows = plain;
    for row in rows.iter_mut().filter(|_| random.u8(..100) == 0) {
        time_out(row);
    }
    assert_eq!(kinds(&dir, &Capture::of(rows)), ["background_loss"]);
}

#[test]
fn a_server_restarts_or_is_not_there() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(4);
    let refusing = |pick: &mut dyn FnMut(f64) -> bool| {
        let mut rows = plain.clone();
        for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.1.1") {
            if pick((row.time - START) as f64 / S as f64) {
                *row = row.clone().failed(Outcome::Refused, Some(111));
            }
        }
        let found = findings(&dir, &Capture::of(rows));
        let of_kind = |kind: &str| found.iter().any(|finding| finding["kind"] == kind);
        // Failures as frequent as before are no storm.
        assert!(!of_kind("retry_storm"), "{found:#?}");
        let first = found.first().cloned().unwrap_or_default();
        (first["kind"].as_str().unwrap_or_default().to_owned(), first["text"].to_string())
    };
    for (from, to, why) in [
        (20.0, 25.0, "the server restarted, or was rejected"),
        (0.0, 25.0, "the server was starting"),
        (20.0, 61.0, "the server stopped"),
    ] {
        let (kind, said) = refusing(&mut |at| (from..to).contains(&at));
        assert_eq!(kind, "refused_burst", "{why}");
        assert!(said.contains(why), "{why}: {said}");
    }
    let (kind, said) = refusing(&mut |at| (at / 6.0) as i64 % 3 == 1);
    assert_eq!(kind, "refused_burst");
    assert!(said.contains("servers restart, again and again"), "{said}");
    assert_eq!(refusing(&mut |_| true).0, "closed_port");
    for (share, kind) in [(75, "one_bad_server"), (50, "one_bad_server"), (25, "one_bad_server")] {
        let (found, said) = refusing(&mut |_| random.u8(..100) < share);
        assert_eq!(found, kind, "{share} %: {said}");
    }
    let mut every = 0;
    let mut one_of_a_hundred = |_| {
        every += 1;
        every % 100 == 0
    };
    assert_eq!(refusing(&mut one_of_a_hundred).0, "");
}

/// Routers do not say it every time, and may say it now and then only.
#[test]
fn a_network_cannot_be_reached() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(14);
    let mut rows = plain.clone();
    for row in rows.iter_mut().filter(|row| row.dst_addr != "10.0.2.1") {
        if row.time >= START + 40 * S {
            if random.u8(..3) == 0 {
                *row = row.clone().failed(Outcome::Unreachable, Some(113));
            } else {
                time_out(row);
            }
        }
    }
    let found = findings(&dir, &Capture::of(rows));
    assert_eq!(found[0]["kind"], "unreachable");
    let said = text(&found[0]);
    assert!(said.starts_with("10.0.1.0/24 (2 hosts) cannot be reached: "), "{said}");
    assert!(said.contains("ended with EHOSTUNREACH"), "{said}");
    assert!(said.contains("more without an answer"), "{said}");
    assert!(found.iter().all(|finding| finding["kind"] != "no_answer"), "{found:?}");
    // Now and then, at three hosts or at one of many.
    for hosts in [None, Some(200)] {
        let mut rows = plain.clone();
        for row in &mut rows {
            if let Some(hosts) = hosts {
                row.dst_addr = format!("10.0.1.{}", random.u8(..hosts));
            }
        }
        for row in rows.iter_mut().step_by(130) {
            *row = row.clone().failed(Outcome::Unreachable, Some(113));
        }
        assert_eq!(kinds(&dir, &Capture::of(rows)), [""; 0], "{hosts:?}");
    }
}

#[test]
fn slow_places_and_slow_processes_are_told_apart() {
    let dir = Dir::new();
    let slow = |pick: &dyn Fn(&Connect) -> bool| {
        let (mut rows, mut random) = ordinary(5);
        for row in rows.iter_mut().filter(|row| pick(row)) {
            row.latency_ns = random.i64(2 * MS..60 * MS);
        }
        findings(&dir, &Capture::of(rows))
    };
    // All along it may be what the place is like.
    assert_eq!(kinds_of(&slow(&|row| row.dst_addr == "10.0.1.2")), [""; 0]);
    let found = slow(&|row| row.dst_addr == "10.0.1.2" && row.time > START + 25 * S);
    assert_eq!(found[0]["kind"], "slow_destination");
    assert!(text(&found[0]).contains("10.0.1.2:443 is slow since 00:00:25."), "{found:?}");
    let found = slow(&|row| row.dst_addr.starts_with("10.0.1."));
    assert_eq!(found[0]["kind"], "slow_subnet");
    let found = slow(&|row| row.comm == "cart");
    assert_eq!(found[0]["kind"], "local_delay");
    assert!(text(&found[0]).starts_with("cart is held up: "), "{found:?}");
    assert!(found.iter().all(|finding| finding["kind"] != "slow_destination"), "{found:?}");
    // For a part of the time it is the slower connects that stand out, and one
    // host of two is not the network.
    let a_third = |row: &Connect| (START + 20 * S..START + 40 * S).contains(&row.time);
    let found = slow(&|row| row.dst_addr == "10.0.1.2" && a_third(row));
    assert_eq!(found[0]["kind"], "slow_destination", "{found:#?}");
    let said = text(&found[0]);
    assert!(said.starts_with("10.0.1.2:443 was slow from 00:00:20."), "{said}");
    assert!(said.contains(" to 00:00:39."), "{said}");
}

/// Far is not slow: neither all the time, nor from when it is first used.
#[test]
fn distance_is_no_onset() {
    let dir = Dir::new();
    for used_from in [0, 30, 50] {
        let (mut rows, mut random) = ordinary(15);
        for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.2.1") {
            row.latency_ns = 80 * MS + random.i64(0..9 * MS);
            row.time = START + random.i64(used_from * S..60 * S);
        }
        assert_eq!(kinds(&dir, &Capture::of(rows)), [""; 0], "from {used_from} s");
    }
}
