//! A client's log against the rows of a capture.

use std::collections::{HashMap, HashSet};

use crate::{Made, Row};

/// How a client's log and a capture differ.
#[derive(Debug, Default)]
pub struct Difference {
    /// Connects without a row, ended before the given moment.
    pub missing: Vec<Made>,
    /// Connects with more rows than one.
    pub twice: Vec<Made>,
    /// Rows of connects that nobody made.
    pub unknown: Vec<Row>,
    /// Rows that belong to a connect.
    pub matched: usize,
    /// Connects that had to have a row: how much the comparison proves.
    pub due: usize,
}

impl Difference {
    /// Compares; a connect that ended at or after `until_ns` may be missing.
    pub fn of(made: &[Made], rows: &[&Row], until_ns: i64) -> Self {
        let mut starts: HashMap<(i32, i32), Vec<i64>> = HashMap::new();
        for row in rows {
            starts.entry((row.src_port, row.dst_port)).or_default().push(row.start_ns);
        }
        for starts in starts.values_mut() {
            starts.sort_unstable();
        }
        let mut difference = Self::default();
        let mut known = HashSet::new();
        for made in made {
            let ports = (i32::from(made.from.port()), i32::from(made.to.port()));
            let starts = starts.get(&ports).map_or(&[][..], Vec::as_slice);
            let first = starts.partition_point(|start| *start < made.window.0);
            let last = starts.partition_point(|start| *start <= made.window.1);
            difference.matched += last - first;
            difference.due += usize::from(made.window.1 < until_ns);
            known.extend(starts[first..last].iter().map(|start| (ports, *start)));
            match last - first {
                0 if made.window.1 < until_ns => difference.missing.push(made.clone()),
                0 | 1 => {}
                _ => difference.twice.push(made.clone()),
            }
        }
        let unknown = |row: &&&Row| !known.contains(&((row.src_port, row.dst_port), row.start_ns));
        difference.unknown = rows.iter().filter(unknown).map(|row| (*row).clone()).collect();
        difference.match_in_flight(made);
        difference
    }

    /// A connect in the air at the very end can be reported without its port;
    /// time and destination tell which one it was.
    fn match_in_flight(&mut self, made: &[Made]) {
        self.unknown.retain(|row| {
            let was_it = |made: &Made| {
                i32::from(made.to.port()) == row.dst_port
                    && (made.window.0..=made.window.1).contains(&row.start_ns)
            };
            let is_known =
                row.outcome == "in_flight" && row.src_port == 0 && made.iter().any(was_it);
            self.matched += usize::from(is_known);
            !is_known
        });
    }

    /// Fails unless every connect has its one row.
    #[track_caller]
    pub fn assert_none(&self, context: &str) {
        let Self { missing, twice, unknown, matched, .. } = self;
        assert!(
            missing.is_empty() && twice.is_empty() && unknown.is_empty(),
            "{context}: {} missing, {} twice, {} unknown, {matched} matched; {:?} {:?} {:?}",
            missing.len(),
            twice.len(),
            unknown.len(),
            missing.first(),
            twice.first(),
            unknown.first(),
        );
    }
}
