//! Rows for a person, in the columns and widths of BCC's tcpconnlat.
//!
//! `%-9s` TIME(s), `%-7s` PID, `%-12.12s` COMM, `%-2s` IP, `%-16s` SADDR,
//! `%-6s` LPORT, `%-16s` DADDR, `%-5s` DPORT, LAT(ms) with two decimals
//! (tools/tcpconnlat.py). IPv6 addresses use the same widths and push the rest
//! to the right, there as here.

use connlat_schema::Outcome;
use connlat_schema::decode::{ConnectEvent, comm_text};
use connlat_schema::escape::terminal;

use super::json;

/// What to print.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScreenOptions {
    /// Seconds since the first row.
    pub timestamp: bool,
    /// The local port.
    pub lport: bool,
    /// Every outcome, with its name.
    pub all: bool,
    /// JSON lines instead of columns.
    pub json: bool,
    /// The program and its load details first.
    pub verbose: bool,
}

/// Makes lines of events.
#[derive(Debug)]
pub struct Screen {
    options: ScreenOptions,
    first_ns: Option<u64>,
}

impl Screen {
    /// A screen that has shown nothing yet.
    pub fn new(options: ScreenOptions) -> Self {
        Self { options, first_ns: None }
    }

    /// The column names; JSON has none.
    pub fn header(&self) -> Option<String> {
        if self.options.json {
            return None;
        }
        let mut line = String::new();
        if self.options.timestamp {
            line.push_str(&format!("{:<9}", "TIME(s)"));
        }
        line.push_str(&format!("{:<7} {:<12} {:<2} {:<16} ", "PID", "COMM", "IP", "SADDR"));
        if self.options.lport {
            line.push_str(&format!("{:<6} ", "LPORT"));
        }
        line.push_str(&format!("{:<16} {:<5} ", "DADDR", "DPORT"));
        // RESULT last but one would move LAT(ms): it goes to the end.
        line.push_str(if self.options.all { "LAT(ms)  RESULT" } else { "LAT(ms)" });
        line.push('\n');
        Some(line)
    }

    /// What of these events is to be seen.
    pub fn shown<'a>(
        &self,
        events: &'a [ConnectEvent],
    ) -> impl Iterator<Item = &'a ConnectEvent> + use<'a> {
        let all = self.options.all;
        events.iter().filter(move |event| {
            all || matches!(event.outcome, Outcome::Established | Outcome::Refused)
        })
    }

    /// The line of one.
    pub fn line(&mut self, event: &ConnectEvent, offset_ns: i64) -> String {
        let mut line =
            if self.options.json { json::line(event, offset_ns) } else { self.row(event) };
        line.push('\n');
        line
    }

    fn row(&mut self, event: &ConnectEvent) -> String {
        let mut line = String::new();
        if self.options.timestamp {
            let end_ns = event.start_ns + event.latency_ns;
            let since_ns = end_ns.saturating_sub(*self.first_ns.get_or_insert(end_ns));
            line.push_str(&format!("{:<9.3}", since_ns as f64 / 1e9));
        }
        let comm = terminal(&comm_text(&event.comm));
        let ip = if event.dst_addr.is_ipv4() { 4 } else { 6 };
        let source = event.src_addr.to_string();
        line.push_str(&format!("{:<7} {comm:<12.12} {ip:<2} {source:<16} ", event.pid));
        if self.options.lport {
            line.push_str(&format!("{:<6} ", event.src_port));
        }
        let destination = event.dst_addr.to_string();
        let latency_ms = event.latency_ns as f64 / 1e6;
        line.push_str(&format!("{destination:<16} {:<5} ", event.dst_port));
        if self.options.all {
            line.push_str(&format!("{latency_ms:<8.2} {}", event.outcome.as_str()));
        } else {
            line.push_str(&format!("{latency_ms:.2}"));
        }
        line
    }
}

#[cfg(test)]
mod tests;
