//! The screen of `record live` and its reader.

use std::io;

use connlat_schema::decode::ConnectEvent;

use crate::live::{Screen, ScreenOptions, disassembly};
use crate::message::say;
use crate::outlet::Outlet;

/// Bytes of rows that may wait for their reader.
const MOST_BYTES: usize = 1 << 20;

/// Rows on their way to standard output, in order. A thread of its own writes
/// them, so that whoever reads, or does not, stops nothing but the screen.
pub struct Display {
    screen: Screen,
    outlet: Outlet,
    dropped: u64,
}

impl Display {
    /// Prints what comes before the first row; `details` are of the probe.
    ///
    /// # Errors
    /// When the BPF object cannot be parsed or the thread not be started.
    pub fn open(options: ScreenOptions, details: &[String]) -> anyhow::Result<Self> {
        let outlet = Outlet::start("screen", io::stdout(), MOST_BYTES)?;
        let screen = Screen::new(options);
        let mut text = String::new();
        if options.verbose {
            text.push_str(&disassembly()?);
            details.iter().for_each(|line| text.push_str(&format!("; {line}\n")));
        }
        text.extend(screen.header());
        outlet.offer(text);
        Ok(Self { screen, outlet, dropped: 0 })
    }

    /// Whether rows should wait where they are.
    pub fn is_held_up(&self) -> bool {
        !self.outlet.has_room()
    }

    /// Queues rows; those without room are dropped and counted.
    ///
    /// # Errors
    /// What became of standard output.
    pub fn print(&mut self, events: &[ConnectEvent], offset_ns: i64) -> io::Result<()> {
        let before = self.dropped;
        let mut shown = self.screen.shown(events);
        while let Some(event) = shown.next() {
            if !self.outlet.offer(self.screen.line(event, offset_ns)) {
                // What comes later would only be dropped, too.
                self.dropped += 1 + shown.count() as u64;
                break;
            }
        }
        if let Some(error) = self.outlet.take_error() {
            return Err(error);
        }
        if before == 0 && self.dropped > 0 {
            say!("record: standard output is read too slowly: rows are dropped there");
        }
        Ok(())
    }

    /// Waits for the reader, not long if it takes nothing; says what it lacks.
    pub fn finish(self) {
        let lacking = self.dropped + self.outlet.finish() as u64;
        let gone = self.outlet.take_error().is_some();
        if lacking > 0 && !gone {
            say!("record: {lacking} rows were not printed: standard output was read too slowly");
        }
    }
}
