//! `analyze report`: the page says what JSON says, is inert and small, and
//! replaces no file.

pub mod document;
mod equal;
mod files;
mod hostile;
mod ticket;

use connlat_schema::Outcome;

use super::capture::{Capture, Connect, S};
use super::program::Dir;

/// Several services, a place that stops answering and one that refuses.
fn write(dir: &Dir) {
    let mut random = fastrand::Rng::with_seed(19);
    let mut rows = Vec::new();
    for n in 0..3_000_i64 {
        let offset = n * 60 * S / 3_000;
        let mut row = match n % 6 {
            0..=2 => Connect::at(offset, random.i64(80_000..400_000)),
            3 => Connect::at(offset, random.i64(900_000..2_000_000)).to("2001:db8::1:17", 5_432),
            4 => Connect::at(offset, random.i64(150_000..90_000_000)).to("198.51.100.20", 6_379),
            _ => Connect::at(offset, random.i64(100_000..200_000)).to("203.0.113.9", 80),
        };
        row.comm = ["curl", "postgres-pool", "worker_1"][random.usize(..3)].into();
        let dark = n % 6 == 5 && (30..40).contains(&(offset / S));
        if dark {
            row.latency_ns = 3_050_000_000;
            row.syn_retransmits = 1;
            row = row.failed(Outcome::TimedOut, Some(110));
        } else if random.u8(..60) == 0 {
            row = row.failed(Outcome::Refused, Some(111));
        }
        rows.push(row);
    }
    Capture::of(rows).write(dir.path("web-1.parquet"));
}
