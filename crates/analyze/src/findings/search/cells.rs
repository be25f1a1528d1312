//! Rows counted by cell and time. Rows of one cell meet the same conditions, and
//! there are far fewer cells than rows: what is summed by condition is summed by
//! cell first.

use std::ops::Range;

use super::Contrast;
use crate::findings::count::Count;
use crate::findings::moments::Moments;

/// The rows of a contrast, cell by cell.
pub struct Cells {
    cells: Vec<Cell>,
    /// Slots of time with what lies in them; of each cell ascending.
    counts: Vec<(u32, Count)>,
}

/// Rows that are alike in every dimension.
pub struct Cell {
    /// Conditions they meet are those of this cell of the space.
    pub number: u32,
    pub sum: Count,
    counts: Range<usize>,
}

impl Cells {
    pub fn of(contrast: &Contrast<'_>, moments: &Moments) -> Self {
        let cell = |row: u32| contrast.space.cell(row) as usize;
        // Sorted by counting; those of a cell stay in order of time.
        let mut ends = vec![0; contrast.space.cell_count() + 1];
        for (row, _) in &contrast.rows {
            ends[cell(*row) + 1] += 1;
        }
        for place in 1..ends.len() {
            ends[place] += ends[place - 1];
        }
        let mut sorted = vec![(0, false); contrast.rows.len()];
        for row in &contrast.rows {
            let place = &mut ends[cell(row.0)];
            sorted[*place] = *row;
            *place += 1;
        }
        let mut found = Self { cells: Vec::new(), counts: Vec::new() };
        for rows in sorted.chunk_by(|a, b| cell(a.0) == cell(b.0)) {
            let first = found.counts.len();
            let mut sum = Count::default();
            for (row, bad) in rows {
                let event = &contrast.events[*row as usize];
                let (slot, weight) = (moments.slot(event.time) as u32, contrast.weight(event));
                if found.counts[first..].last().is_none_or(|(last, _)| *last != slot) {
                    found.counts.push((slot, Count::default()));
                }
                if let Some((_, count)) = found.counts.last_mut() {
                    count.add(weight, *bad);
                }
                sum.add(weight, *bad);
            }
            let number = cell(rows[0].0) as u32;
            found.cells.push(Cell { number, sum, counts: first..found.counts.len() });
        }
        found
    }

    pub fn iter(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter()
    }

    /// Slots that a cell has rows in, ascending.
    pub fn counts(&self, cell: &Cell) -> &[(u32, Count)] {
        &self.counts[cell.counts.clone()]
    }
}
