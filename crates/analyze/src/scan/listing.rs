//! Single rows in an order, a page at a time: however many are listed, places
//! of some rows and the cells of a few are held.
//!
//! A scan keeps the places that come first after those that were listed
//! ([`super::top`]). Their rows are fetched in parts, so that nothing but what
//! orders them is read of the others.

use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, DST_PORT, ERRNO, HOST, LATENCY_NS, OUTCOME, PID, RTT_US,
    SYN_RETRANSMITS, TIME,
};

use super::batch::{Batch, Place};
use super::key::{By, Part};
use super::rows::Rows;
use super::text::Texts;
use super::top::{Ranked, RowOrder, Top};
use super::{Accumulator, ColumnSet, Compared, Scan, ScanError};
use crate::capture::SourceError;
use crate::stats::Key;

/// Columns shown of a single connect, with those that say most first.
pub const COLUMNS: [&str; 12] = [
    TIME,
    LATENCY_NS,
    OUTCOME,
    ERRNO,
    SYN_RETRANSMITS,
    RTT_US,
    PID,
    COMM,
    DST_ADDR,
    DST_PORT,
    CGROUP,
    HOST,
];

/// Pages whose places are found by one scan.
const PAGES: usize = 5;

/// The first rows in an order. Those alike are taken as they lie in the files.
pub struct Listing<'a> {
    scan: &'a Scan<'a>,
    order: RowOrder,
    rows: Rows,
    /// Places of the first.
    first: Vec<Ranked>,
    /// Rows that are listed.
    pub len: u64,
    /// Rows there are.
    pub count: u64,
    /// Rows that the filter lets through.
    pub selected: u64,
}

impl<'a> Listing<'a> {
    /// Finds the first `most` rows, 0 for all.
    ///
    /// # Errors
    /// As [`Scan::run`].
    pub fn find(
        scan: &'a Scan<'a>,
        order: RowOrder,
        rows: Rows,
        most: usize,
    ) -> Result<Self, ScanError> {
        let scanned = scan.run(Self::asked(scan, order, rows, most))?;
        Ok(Self::of(scan, scanned.found, most, scanned.rows))
    }

    /// What finds where the first `most` rows are, 0 for all: for a scan that
    /// finds more than this.
    pub fn asked(scan: &Scan<'_>, order: RowOrder, rows: Rows, most: usize) -> Top {
        Top::new(order, rows, places(scan, limit(most)), None)
    }

    /// From what a scan found of the same number, and how many rows were
    /// selected.
    pub fn of(scan: &'a Scan<'a>, found: Top, most: usize, selected: u64) -> Self {
        let (order, rows, count) = (found.order, found.rows, found.count());
        let first = found.first();
        Self { scan, order, rows, first, len: limit(most).min(count), count, selected }
    }

    /// Reads all that is shown of every row, so that damage is found before
    /// anything is shown.
    ///
    /// # Errors
    /// As [`Scan::run`].
    pub fn check(&self) -> Result<(), ScanError> {
        self.scan.run(Compared(&COLUMNS)).map(drop)
    }

    /// The rows, in their order.
    pub fn rows(&self) -> impl Iterator<Item = Result<Vec<Key>, ScanError>> {
        Reading {
            listing: self,
            places: self.first.clone(),
            next: 0,
            part: self.scan.budget.rows.max(1),
            page: Page::default(),
            left: self.len,
        }
    }
}

/// Rows wanted, 0 for all.
fn limit(most: usize) -> u64 {
    if most == 0 { u64::MAX } else { most as u64 }
}

/// Places to be found by one scan, of so many that are wanted.
fn places(scan: &Scan<'_>, wanted: u64) -> usize {
    let most = scan.budget.rows.max(1).saturating_mul(PAGES);
    usize::try_from(wanted).map_or(most, |wanted| wanted.min(most))
}

/// Rows that were fetched.
#[derive(Default)]
struct Page {
    rows: Fetched,
    texts: Texts,
    /// Rows of it in their order, the next one last.
    todo: Vec<usize>,
}

struct Reading<'l, 'a> {
    listing: &'l Listing<'a>,
    /// Places found, in order, and the first of them that was not fetched.
    places: Vec<Ranked>,
    next: usize,
    /// Rows fetched at a time: fewer if their texts are long.
    part: usize,
    page: Page,
    left: u64,
}

impl Reading<'_, '_> {
    fn turn(&mut self) -> Result<(), ScanError> {
        let Listing { scan, order, rows, .. } = *self.listing;
        if self.next == self.places.len() {
            let after = self.places.last().copied();
            self.places = Vec::new();
            let top = Top::new(order, rows, places(scan, self.left), after);
            (self.places, self.next) = (scan.run(top)?.found.first(), 0);
        }
        loop {
            let end = self.places.len().min(self.next.saturating_add(self.part));
            let places: Vec<Place> =
                self.places[self.next..end].iter().map(|(_, place)| *place).collect();
            self.page = Page::default();
            match page(scan, &places) {
                Err(ScanError::Texts(_)) if places.len() > 1 => self.part = places.len() / 2,
                other => {
                    self.page = other?;
                    self.next = end;
                    return Ok(());
                }
            }
        }
    }
}

impl Iterator for Reading<'_, '_> {
    type Item = Result<Vec<Key>, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        if self.page.todo.is_empty()
            && let Err(error) = self.turn()
        {
            self.left = 0;
            return Some(Err(error));
        }
        let Some(row) = self.page.todo.pop() else {
            self.left = 0;
            let changed = "a file changed while it was read".to_owned();
            return Some(Err(SourceError::together(changed).into()));
        };
        self.left -= 1;
        let (_, words) = &self.page.rows.0[row];
        let key = |(word, part): (&u64, Part)| match part {
            // Never null, and may be anything else.
            Part::Integer(TIME | LATENCY_NS) => Key::Integer(*word as i64),
            part => part.value(*word, &self.page.texts).into(),
        };
        Some(Ok(words.iter().zip(parts()).map(key).collect()))
    }
}

/// The rows at these places, in this order.
fn page(scan: &Scan<'_>, places: &[Place]) -> Result<Page, ScanError> {
    let scanned = scan.fetch(Fetched::default(), places)?;
    let (mut rows, texts) = (scanned.found, scanned.texts);
    rows.0.sort_unstable_by_key(|(place, _)| *place);
    let at = |place: &Place| rows.0.binary_search_by_key(place, |(place, _)| *place).ok();
    let todo = places.iter().rev().filter_map(at).collect();
    Ok(Page { rows, texts, todo })
}

/// What gives each column's words.
fn parts() -> impl Iterator<Item = Part> {
    COLUMNS.into_iter().flat_map(|name| By::Column(name).parts())
}

/// Rows as words, a tenth of what their cells take.
#[derive(Clone, Default)]
struct Fetched(Vec<(Place, [u64; COLUMNS.len()])>);

impl Accumulator for Fetched {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend(COLUMNS);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let first = self.0.len();
        self.0.extend((0..batch.rows).map(|row| (batch.place(row), [0; COLUMNS.len()])));
        for (column, part) in parts().enumerate() {
            for (row, (_, words)) in self.0[first..].iter_mut().enumerate() {
                words[column] = part.word(batch, row);
            }
        }
    }

    fn merge(&mut self, other: Self, _: &Texts) {
        self.0.extend(other.0);
    }
}
