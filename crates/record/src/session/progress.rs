//! What the person at the terminal sees: a line while recording, a line at the end.

use std::path::Path;
use std::time::{Duration, Instant};

use connlat_schema::capture::metadata::{CaptureInfo, Counters, StopReason};

use super::tick::Known;
use crate::capture::seal::Sealed;
use crate::message::{self, say};

const INTERVAL: Duration = Duration::from_secs(1);

/// The line that is rewritten while recording; silent unless on a terminal.
#[derive(Debug)]
pub struct Progress {
    enabled: bool,
    shown_at: Instant,
    events: usize,
    events_shown: usize,
}

impl Progress {
    /// A progress line, or none.
    pub fn new(enabled: bool) -> Self {
        Self { enabled, shown_at: Instant::now(), events: 0, events_shown: 0 }
    }

    /// Counts events and redraws once a second; `bytes` are on the disk.
    pub fn update(&mut self, events: usize, known: &Known, bytes: u64) {
        self.events += events;
        let elapsed = self.shown_at.elapsed();
        if !self.enabled || elapsed < INTERVAL {
            return;
        }
        let rate = (self.events - self.events_shown) as f64 / elapsed.as_secs_f64();
        let lost = match known.account_problem {
            Some(_) => "losses unknown".to_owned(),
            None => format!("{} lost", known.counters.lost.total()),
        };
        let line = format!(
            "record: {} connects, {rate:.0}/s, {lost}, {} (Ctrl-C to stop)",
            self.events,
            human_bytes(bytes)
        );
        message::show(format!("\r\x1b[K{line}"));
        (self.shown_at, self.events_shown) = (Instant::now(), self.events);
    }

    /// Removes the line.
    pub fn clear(&self) {
        if self.enabled {
            message::show("\r\x1b[K".to_owned());
        }
    }
}

/// The last line, in the manner of perf.
pub fn print_result(sealed: &Sealed, info: &CaptureInfo, capture: &Path) {
    let problem = info.account_problem.as_deref();
    let losses = losses_text(&info.counters, problem);
    let line = result_line(sealed, &info.counters, &losses, limit(&info.stop_reason), capture);
    say!("{line}");
}

/// The limit that ended a recording, as typed.
fn limit(reason: &StopReason) -> Option<&'static str> {
    match reason {
        StopReason::MaxEvents => Some("--max-events"),
        StopReason::MaxSize => Some("--max-size"),
        StopReason::MaxMemory => Some("--max-memory"),
        _ => None,
    }
}

fn result_line(
    sealed: &Sealed,
    counters: &Counters,
    losses: &str,
    limit: Option<&str>,
    capture: &Path,
) -> String {
    let mut line =
        format!("[ record: {} connects, {}, {}", sealed.rows, human_bytes(sealed.bytes), losses);
    let suppressed: u64 = counters.suppressed.values().sum();
    for (count, what) in [(counters.filtered, "filtered out"), (suppressed, "below --min-latency")]
    {
        if count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    }
    if let Some(limit) = limit {
        line.push_str(&format!("; stopped by {limit}"));
    }
    line.push_str(&format!("; wrote {} ]", capture.display()));
    line
}

/// Losses by cause, such as `3 lost (ring_full 3)`.
pub fn losses(known: &Known) -> String {
    losses_text(&known.counters, known.account_problem.as_deref())
}

fn losses_text(counters: &Counters, problem: Option<&str>) -> String {
    if let Some(problem) = problem {
        return format!("losses unknown ({problem})");
    }
    let lost = counters.lost;
    let causes: Vec<String> = lost
        .causes()
        .into_iter()
        .filter(|(cause, count)| *count > 0 && *cause != "program_misses")
        .map(|(cause, count)| format!("{cause} {count}"))
        .collect();
    let mut text = format!("{} lost", lost.total());
    if !causes.is_empty() {
        text.push_str(&format!(" ({})", causes.join(", ")));
    }
    if lost.program_misses > 0 {
        text.push_str(&format!(", about {} starts or ends missed", lost.program_misses));
    }
    text
}

/// A size in decimal units.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "kB", "MB", "GB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use connlat_schema::capture::journal::JournalEnd;

    use super::*;

    #[test]
    fn the_last_line_says_what_was_lost_and_why() {
        let sealed = Sealed { rows: 12, bytes: 3_400, end: JournalEnd::Closed };
        let mut counters = Counters::default();
        let path = Path::new("c.parquet");
        assert_eq!(
            result_line(&sealed, &counters, &losses_text(&counters, None), None, path),
            "[ record: 12 connects, 3.4 kB, 0 lost; wrote c.parquet ]"
        );
        counters.lost.ring_full = 3;
        counters.filtered = 9;
        assert_eq!(
            result_line(&sealed, &counters, &losses_text(&counters, None), None, path),
            "[ record: 12 connects, 3.4 kB, 3 lost (ring_full 3), 9 filtered out; wrote c.parquet ]"
        );
        assert_eq!(losses_text(&counters, Some("no counters")), "losses unknown (no counters)");
    }

    #[test]
    fn sizes() {
        assert_eq!(human_bytes(999), "999 B");
        assert_eq!(human_bytes(1_000), "1.0 kB");
        assert_eq!(human_bytes(12_345_678), "12.3 MB");
        assert_eq!(human_bytes(u64::MAX), "18446744073.7 GB");
    }
}
