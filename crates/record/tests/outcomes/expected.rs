//! The row a case has to produce, and how it compares with a recorded one.

use std::net::SocketAddr;

use connlat_schema::flags;
use test_support::Row;

use crate::client::{Attempt, Who};
use crate::responder::Heard;

/// From one time to another, CLOCK_MONOTONIC, ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: i64,
    pub to: i64,
}

impl Window {
    pub fn new(from: i64, to: i64) -> Self {
        Self { from, to }
    }

    fn contains(self, time: i64) -> bool {
        (self.from..=self.to).contains(&time)
    }
}

/// The latency the rig itself measured.
#[derive(Debug, Clone, Copy)]
pub struct Truth {
    pub latency_ns: i64,
    /// How far the recorder may be off.
    pub tolerance_ns: i64,
    /// Whether that holds for the median of the case instead of for each row.
    pub median: bool,
}

/// How much is known of the task that connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Everything.
    Known,
    /// A worker of the process, whose thread id nobody tells.
    AnyThread,
    /// Some kernel thread, which also chose a port nobody tells.
    Kernel,
}

/// One row, field by field.
#[derive(Debug, Clone)]
pub struct Expected {
    pub label: &'static str,
    pub who: Who,
    pub task: Task,
    pub netns: i64,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub outcome: &'static str,
    pub errno: Option<i32>,
    pub flags: i32,
    pub retransmits: i32,
    pub start: Window,
    pub end: Window,
    pub truth: Option<Truth>,
}

impl Expected {
    pub fn new(attempt: &Attempt, outcome: &'static str) -> Self {
        Self {
            label: "",
            who: attempt.who.clone(),
            task: Task::Known,
            netns: attempt.netns,
            from: attempt.from,
            to: attempt.to,
            outcome,
            errno: None,
            flags: 0,
            retransmits: 0,
            start: attempt.called,
            end: attempt.called,
            truth: None,
        }
    }

    /// Tells the rows of one case apart in the table.
    pub fn label(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    pub fn errno(self, errno: i32) -> Self {
        Self { errno: Some(errno), ..self }
    }

    pub fn flags(self, flags: u16) -> Self {
        Self { flags: flags.into(), ..self }
    }

    pub fn retransmits(self, retransmits: i32) -> Self {
        Self { retransmits, ..self }
    }

    pub fn port_chosen(mut self, port: u16) -> Self {
        self.from.set_port(port);
        self
    }

    /// It ended within this window.
    pub fn ended(self, end: Window) -> Self {
        Self { end, ..self }
    }

    /// It ended before this time.
    pub fn ended_by(mut self, time: i64) -> Self {
        self.end.to = time;
        self
    }

    /// Port, retransmissions and the latest start as the responder heard them.
    pub fn heard(mut self, heard: &Heard) -> Self {
        self.from = heard.from;
        self.retransmits = heard.syns.len() as i32 - 1;
        self.start.to = self.start.to.min(heard.syns[0]);
        self
    }

    /// It ended with this answer of the responder, not before.
    pub fn answered(mut self, heard: &Heard, answer: usize) -> Self {
        self.end.from = heard.answers[answer].0;
        self.heard(heard)
    }

    /// The client's call until the responder's answer is the latency's truth.
    pub fn near(mut self, heard: &Heard, tolerance_ns: i64, median: bool) -> Self {
        let latency_ns = heard.answers[0].0 - self.start.from;
        self.truth = Some(Truth { latency_ns, tolerance_ns, median });
        self
    }

    /// What differs between this and the row; empty when nothing does.
    pub fn differences(&self, row: &Row) -> Vec<String> {
        let mut found = Vec::new();
        let mut check =
            |name: &str, expected: &dyn std::fmt::Debug, recorded: &dyn std::fmt::Debug| {
                let (expected, recorded) = (format!("{expected:?}"), format!("{recorded:?}"));
                if expected != recorded {
                    found.push(format!("{name}: expected {expected}, recorded {recorded}"));
                }
            };
        let ip = |address: SocketAddr| address.ip().to_canonical();
        let side = |address| (ip(address).to_string(), i32::from(address.port()));
        check("outcome", &self.outcome, &row.outcome);
        check("errno", &self.errno, &row.errno);
        check("flags", &self.flags, &row.flags);
        check("syn_retransmits", &self.retransmits, &row.syn_retransmits);
        if self.task == Task::Known {
            check("tid", &self.who.tid, &row.tid);
        }
        if self.task != Task::Kernel {
            check("pid", &self.who.pid, &row.pid);
            check("comm", &self.who.comm, &row.comm);
            check("uid", &self.who.uid, &row.uid);
            check("cgroup", &self.who.cgroup, &row.cgroup);
        }
        check("netns", &self.netns, &row.netns);
        check("ip_version", &if ip(self.to).is_ipv4() { 4 } else { 6 }, &row.ip_version);
        match self.task {
            Task::Kernel => check("src", &side(self.from).0, &row.src_addr.to_string()),
            _ => check("src", &side(self.from), &(row.src_addr.to_string(), row.src_port)),
        }
        check("dst", &side(self.to), &(row.dst_addr.to_string(), row.dst_port));
        let end = row.start_ns + row.latency_ns;
        for (what, window, time) in [("start", self.start, row.start_ns), ("end", self.end, end)] {
            if !window.contains(time) {
                let off = [time - window.from, window.to - time];
                found
                    .push(format!("{what} not within the client's times, ns from either: {off:?}"));
            }
        }
        self.check_rtt(row, &mut found);
        if let Some(truth) = self.truth
            && !truth.median
            && (row.latency_ns - truth.latency_ns).abs() > truth.tolerance_ns
        {
            let off = row.latency_ns - truth.latency_ns;
            found.push(format!("latency off by {off} ns, allowed {}", truth.tolerance_ns));
        }
        found
    }

    /// A handshake without repeated SYNs has an RTT, and a shorter one than the
    /// whole attempt; nothing else has.
    fn check_rtt(&self, row: &Row, found: &mut Vec<String>) {
        let answered = self.outcome == "established" && self.flags & i32::from(flags::REPAIR) == 0;
        let expected = answered && self.retransmits == 0;
        let fits = |rtt: i32| i64::from(rtt) * 1_000 <= row.latency_ns + 1_000;
        if row.rtt_us.is_some() != expected || !row.rtt_us.is_none_or(fits) {
            found.push(format!("rtt_us: {:?} of {} ns", row.rtt_us, row.latency_ns));
        }
        if let (Some(truth), Some(rtt)) = (self.truth, row.rtt_us)
            && !truth.median
            && (i64::from(rtt) * 1_000 - truth.latency_ns).abs() > truth.tolerance_ns
        {
            found.push(format!("rtt_us: {rtt} is far from {} ns", truth.latency_ns));
        }
    }
}
