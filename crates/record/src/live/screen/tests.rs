//! Lines as tcpconnlat prints them, to the character.

use test_support::event;

use super::*;

fn of(outcome: Outcome, destination: &str, start_ms: u64) -> ConnectEvent {
    ConnectEvent {
        start_ns: start_ms * 1_000_000,
        latency_ns: 1_234_567,
        outcome,
        pid: 32_151,
        comm: *b"isc-worker0000\0\0",
        src_addr: [192, 0, 2, 10].into(),
        src_port: 40_000,
        dst_addr: destination.parse().expect("an address"),
        dst_port: 53,
        ..event()
    }
}

fn screen(options: ScreenOptions, events: &[ConnectEvent]) -> String {
    let mut screen = Screen::new(options);
    let header = screen.header();
    let shown: Vec<_> = screen.shown(events).collect();
    header.into_iter().chain(shown.into_iter().map(|event| screen.line(event, 0))).collect()
}

#[test]
fn the_plain_screen() {
    let events = [
        of(Outcome::Established, "198.51.100.20", 0),
        of(Outcome::TimedOut, "198.51.100.21", 0),
        of(Outcome::Refused, "198.51.100.22", 0),
    ];
    assert_eq!(
        screen(ScreenOptions::default(), &events),
        "\
PID     COMM         IP SADDR            DADDR            DPORT LAT(ms)
32151   isc-worker00 4  192.0.2.10       198.51.100.20    53    1.23
32151   isc-worker00 4  192.0.2.10       198.51.100.22    53    1.23
"
    );
}

#[test]
fn timestamps_ports_and_long_addresses() {
    let options = ScreenOptions { timestamp: true, lport: true, ..ScreenOptions::default() };
    let events = [
        of(Outcome::Established, "198.51.100.20", 5),
        of(Outcome::Established, "2001:db8:0:1:1:1:1:1", 1_505),
    ];
    assert_eq!(
        screen(options, &events),
        "\
TIME(s)  PID     COMM         IP SADDR            LPORT  DADDR            DPORT LAT(ms)
0.000    32151   isc-worker00 4  192.0.2.10       40000  198.51.100.20    53    1.23
1.500    32151   isc-worker00 6  192.0.2.10       40000  2001:db8:0:1:1:1:1:1 53    1.23
"
    );
}

#[test]
fn all_outcomes_with_their_names() {
    let options = ScreenOptions { all: true, ..ScreenOptions::default() };
    assert_eq!(
        screen(options, &[of(Outcome::TimedOut, "198.51.100.21", 0)]),
        "\
PID     COMM         IP SADDR            DADDR            DPORT LAT(ms)  RESULT
32151   isc-worker00 4  192.0.2.10       198.51.100.21    53    1.23     timed_out
"
    );
}

#[test]
fn a_hostile_name_does_not_reach_the_terminal() {
    let mut hostile = of(Outcome::Established, "198.51.100.20", 0);
    hostile.comm = *b"\x1b]0;x\x07<script>\0\0";
    let text = screen(ScreenOptions::default(), &[hostile.clone()]);
    assert!(!text.contains('\x1b') && !text.contains('\x07'), "{text:?}");
    let json = ScreenOptions { json: true, ..ScreenOptions::default() };
    let text = screen(json, &[hostile]);
    assert!(!text.contains('\x1b'), "{text:?}");
    let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(object["comm"], "\u{1b}]0;x\u{7}<script>");
    assert_eq!(object["latency_ns"], 1_234_567);
    assert_eq!(object["time"], "1970-01-01T00:00:00.000000Z");
}
