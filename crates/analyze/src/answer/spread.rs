//! Answers about how latencies are spread, with their drawings, and single rows.

use std::collections::HashMap;

use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, ERRNO, HOST, LATENCY_NS, OUTCOME, RTT_US, SYN_RETRANSMITS, TIME,
};

use super::figures::key_column;
use super::{AnswerTable, Cell, Column, Kind};
use crate::question::{Bin, Key, ROW_COLUMNS};
use crate::units;

/// From nothing to the most.
const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];

impl AnswerTable {
    /// Counts by latency, ascending within each group.
    pub fn histogram(by: &[String], bins: &[Bin]) -> Self {
        let mut columns: Vec<_> = by.iter().map(|by| key_column(by)).collect();
        columns.extend([
            Column::new("from_ns", "from", Kind::Duration, 0),
            Column::new("to_ns", "to below", Kind::Duration, 3),
            Column::new("connects", "connects", Kind::Count, 0),
            Column::new("share", "share", Kind::Ratio, 1),
            Column::new("cumulative", "up to here", Kind::Ratio, 2),
            Column::new("bar", "", Kind::Bar, 4),
        ]);
        // Connects of each group, and of its fullest bin.
        let mut groups: HashMap<&[Key], (i64, i64)> = HashMap::new();
        for bin in bins {
            let (total, most) = groups.entry(&bin.keys).or_default();
            (*total, *most) = (*total + bin.connects, (*most).max(bin.connects));
        }
        let mut below: HashMap<&[Key], i64> = HashMap::new();
        let rows = bins.iter().map(|bin| {
            let (total, most) = groups.get(bin.keys.as_slice()).copied().unwrap_or_default();
            let below = below.entry(&bin.keys).or_default();
            *below += bin.connects;
            let share = |count: i64| Cell::Ratio(count as f64 / total.max(1) as f64);
            let keys = bin.keys.iter().cloned().map(Cell::from);
            let cells = [
                Cell::Integer(bin.low),
                Cell::Integer(bin.high),
                Cell::Integer(bin.connects),
                share(bin.connects),
                share(*below),
                Cell::Ratio(bin.connects as f64 / most.max(1) as f64),
            ];
            keys.chain(cells).collect()
        });
        let rows = rows.collect();
        Self::of(columns, rows)
    }

    /// Counts by latency and time, drawn with time from left to right over
    /// the intervals of `every` µs from `first` to `last`.
    pub fn heatmap(bins: &[Bin], (first, last): (i64, i64), every: i64) -> Self {
        let decimals = units::decimals_for(every);
        let columns = vec![
            Column::new("time", "time (UTC)", Kind::Time(decimals), 0),
            Column::new("from_ns", "from", Kind::Duration, 0),
            Column::new("to_ns", "to below", Kind::Duration, 0),
            Column::new("connects", "connects", Kind::Count, 0),
        ];
        let mut rows: Vec<_> =
            bins.iter().map(|bin| [bin.time, bin.low, bin.high, bin.connects]).collect();
        rows.sort_unstable();
        let rows = rows.iter().map(|row| row.map(Cell::Integer).to_vec()).collect();
        let mut table = Self::of(columns, rows);
        if !bins.is_empty() {
            table.drawing =
                Some(draw(bins, (first.div_euclid(every), last.div_euclid(every)), every));
            let most = bins.iter().map(|bin| bin.connects).max().unwrap_or(0);
            table.notes.push(format!(
                "one character is {}; {} 1 connect or more, {} up to {} of them, on a logarithmic scale",
                units::interval(every),
                SHADES[1],
                SHADES[4],
                units::count(most)
            ));
        }
        table
    }

    /// Single connects.
    pub fn rows(rows: Vec<Vec<Key>>) -> Self {
        let columns = ROW_COLUMNS.map(|name| {
            let (title, kind, detail) = match name {
                TIME => ("time (UTC)", Kind::Time(6), 0),
                LATENCY_NS => ("latency", Kind::Duration, 0),
                OUTCOME => (name, Kind::Name, 0),
                ERRNO => (name, Kind::Name, 3),
                SYN_RETRANSMITS => ("retrans", Kind::Count, 2),
                RTT_US => ("rtt µs", Kind::Name, 4),
                COMM => (name, Kind::Name, 0),
                DST_ADDR => (name, Kind::Name, 0),
                CGROUP => (name, Kind::Name, 6),
                HOST => (name, Kind::Name, 5),
                name => (name, Kind::Name, 1),
            };
            Column::new(name, title, kind, detail)
        });
        let cells = |row: Vec<Key>| row.into_iter().map(Cell::from).collect();
        let rows = rows.into_iter().map(cells).collect();
        Self::of(columns.into(), rows)
    }
}

fn draw(bins: &[Bin], (first, last): (i64, i64), every: i64) -> Vec<String> {
    let width = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(1).min(500);
    let most = bins.iter().map(|bin| bin.connects).max().unwrap_or(1).max(1) as f64;
    let mut latencies: Vec<(i64, i64)> = bins.iter().map(|bin| (bin.low, bin.high)).collect();
    latencies.sort_unstable();
    latencies.dedup();
    let mut lines = Vec::new();
    for (low, _) in latencies.iter().rev() {
        let mut cells = vec![SHADES[0]; width];
        for bin in bins.iter().filter(|bin| bin.low == *low) {
            let place = usize::try_from(bin.time.div_euclid(every) - first).unwrap_or(0);
            let share = (1.0 + bin.connects as f64).ln() / (1.0 + most).ln();
            let shade = ((share * 4.0).ceil() as usize).clamp(1, 4);
            if let Some(cell) = cells.get_mut(place) {
                *cell = SHADES[shade];
            }
        }
        let cells: String = cells.into_iter().collect();
        lines.push(format!("{:>8} {cells}", units::duration(*low)));
    }
    let decimals = units::decimals_for(every);
    let (start, end) = (first.saturating_mul(every), last.saturating_mul(every));
    let clock = |us: i64| units::clock(us, decimals);
    let (left, right) = (clock(start), clock(end));
    let gap = width.saturating_sub(left.len() + right.len());
    lines.push(format!("{:>8} {left}{}{right}", "", " ".repeat(gap.max(1))));
    lines
}
