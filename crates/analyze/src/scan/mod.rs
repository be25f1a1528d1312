//! The engine: one pass over the rows of all captures feeds everything that a
//! question wants to know.
//!
//! A question is a list of [`Accumulator`]s. Each names the columns it reads;
//! the scan reads their union, row group by row group, on all processors
//! (`reader`). Text arrives as the numbers of a dictionary and becomes numbers
//! of the whole run ([`text`]), so a row costs neither a copy nor a hash of its
//! text. Partial results merge at the end.
//!
//! Percentiles are exact: the first scan counts latencies in buckets
//! ([`grouped`]), further ones collect the few values around the ranks that are
//! wanted ([`refine`]). Memory is bounded by [`Budget`], not by rows.

mod asked;
pub mod batch;
mod budget;
mod by_counts;
mod census;
pub mod column;
pub mod counted;
mod delta;
mod derived;
pub mod grouped;
pub mod key;
pub mod listing;
mod memory;
pub mod merged;
mod network;
mod pages;
pub mod ranking;
mod reader;
pub mod refine;
mod room;
pub mod rows;
mod table;
mod tasks;
pub mod text;
pub mod top;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use connlat_schema::capture::columns::TIME;
use foldhash::fast::RandomState;

pub use batch::{Batch, Place};
pub use budget::Budget;
pub use key::{By, Part, Value};
pub use network::network;
pub use pages::{BATCH, check_memory};
pub use reader::Footers;
pub use room::Room;
pub use rows::Rows;
pub use tasks::Task;
pub use text::Texts;

use crate::capture::{Capture, SourceError};
use crate::names::Names;
use crate::progress::Progress;
use crate::select::{Filter, Unusable};
use crate::units;

/// Columns by name.
pub type ColumnSet = BTreeSet<&'static str>;

/// What takes rows and makes something of them.
pub trait Accumulator: Clone + Send {
    /// Adds the columns it reads.
    fn columns(&self, set: &mut ColumnSet);
    /// Takes rows.
    fn observe(&mut self, batch: &Batch<'_>);
    /// Takes what another of its kind has of other rows.
    fn merge(&mut self, other: Self, texts: &Texts);
}

/// Texts of rows that are fetched at a time, of all that may be held.
const PAGE_OF_TEXTS: usize = 8;

/// Reads nothing: the scan alone counts the rows.
impl Accumulator for () {
    fn columns(&self, _: &mut ColumnSet) {}
    fn observe(&mut self, _: &Batch<'_>) {}
    fn merge(&mut self, (): Self, _: &Texts) {}
}

/// Reads columns, to compare them with their statistics and to find damage, and keeps nothing.
#[derive(Clone)]
pub struct Compared(pub &'static [&'static str]);

impl Accumulator for Compared {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend(self.0);
    }
    fn observe(&mut self, _: &Batch<'_>) {}
    fn merge(&mut self, _: Self, _: &Texts) {}
}

impl<A: Accumulator, B: Accumulator> Accumulator for (A, B) {
    fn columns(&self, set: &mut ColumnSet) {
        self.0.columns(set);
        self.1.columns(set);
    }
    fn observe(&mut self, batch: &Batch<'_>) {
        self.0.observe(batch);
        self.1.observe(batch);
    }
    fn merge(&mut self, other: Self, texts: &Texts) {
        self.0.merge(other.0, texts);
        self.1.merge(other.1, texts);
    }
}

impl<A: Accumulator> Accumulator for Vec<A> {
    fn columns(&self, set: &mut ColumnSet) {
        self.iter().for_each(|each| each.columns(set));
    }
    fn observe(&mut self, batch: &Batch<'_>) {
        self.iter_mut().for_each(|each| each.observe(batch));
    }
    fn merge(&mut self, other: Self, texts: &Texts) {
        self.iter_mut().zip(other).for_each(|(own, other)| own.merge(other, texts));
    }
}

/// Why a scan has no result.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A file turned out to be damaged.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The condition cannot be told of a row.
    #[error(transparent)]
    Condition(#[from] Unusable),
    /// All groups are to be shown, and there are more than may be held.
    #[error(
        "there are more than {} groups, which do not fit into memory at once; --top N shows the \
         first, and --from, --to and --where ask about fewer rows",
        units::count_u64(*.0 as u64)
    )]
    Groups(usize),
    /// There are more different texts than may be held.
    #[error(
        "different names and addresses take more than {} of memory; ask about fewer rows with \
         --from, --to or --where",
        units::bytes(*.0 as u64)
    )]
    Texts(usize),
}

/// What can be asked about the rows of captures.
pub struct Scan<'a> {
    captures: &'a [Capture],
    filter: &'a Filter,
    progress: &'a Progress,
    /// What `--names` says.
    names: Option<&'a Names>,
    /// What may be held.
    pub budget: Budget,
    /// One hash function for the whole run.
    pub hasher: RandomState,
    /// Rows with a latency that no connect has, by capture and row group.
    absurd: Mutex<BTreeMap<(usize, usize), u64>>,
}

/// What a scan found.
pub struct Scanned<A> {
    /// What the accumulators have.
    pub found: A,
    /// The texts behind their numbers.
    pub texts: Texts,
    /// Rows that were selected.
    pub rows: u64,
}

impl<'a> Scan<'a> {
    /// Of the rows of these captures that a filter lets through.
    pub fn new(
        captures: &'a [Capture],
        filter: &'a Filter,
        progress: &'a Progress,
        budget: Budget,
    ) -> Self {
        let (names, hasher, absurd) = Default::default();
        Self { captures, filter, progress, names, budget, hasher, absurd }
    }

    /// With names for addresses and pods.
    pub fn with_names(self, names: Option<&'a Names>) -> Self {
        Self { names, ..self }
    }

    /// Captures with latencies below zero or above a day, and in how many rows,
    /// as far as latencies were read.
    pub fn absurd(&self) -> Vec<(usize, u64)> {
        let found = self.absurd.lock().unwrap_or_else(PoisonError::into_inner);
        let mut by_capture: BTreeMap<usize, u64> = BTreeMap::new();
        for ((capture, _), rows) in found.iter() {
            *by_capture.entry(*capture).or_default() += rows;
        }
        by_capture.into_iter().collect()
    }

    /// First and last start that rows can have by the statistics of their row
    /// groups, µs; none if some have no statistics, or if there are no rows.
    ///
    /// # Errors
    /// As [`Scan::run`]: of few rows the statistics are compared with them.
    pub fn bounds(&self) -> Result<Option<(i64, i64)>, ScanError> {
        if tasks::are_few(self.captures) {
            self.run(Compared(&[TIME]))?;
        }
        Ok(tasks::bounds(self.captures, self.filter))
    }

    /// Network namespaces of one boot that rows come from, by the statistics of
    /// their row groups; none if they do not say.
    pub fn places(&self) -> Option<usize> {
        tasks::places(self.captures)
    }

    /// Processors there are.
    pub fn threads() -> usize {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    /// One pass over all rows.
    ///
    /// # Errors
    /// [`ScanError`] for the first file that cannot be read to its end.
    pub fn run<A: Accumulator>(&self, empty: A) -> Result<Scanned<A>, ScanError> {
        let texts = Texts::with(self.hasher.clone()).at_most(self.budget.texts);
        self.pass(empty, texts, &tasks::tasks(self.captures, self.filter))
    }

    /// One pass in which texts have the numbers given, and others have none.
    ///
    /// # Errors
    /// As [`Scan::run`].
    pub fn run_with<A: Accumulator>(
        &self,
        empty: A,
        texts: Texts,
    ) -> Result<Scanned<A>, ScanError> {
        self.pass(empty, texts, &tasks::tasks(self.captures, self.filter))
    }

    /// One pass over single rows, whatever the filter says of them.
    ///
    /// # Errors
    /// As [`Scan::run`].
    pub fn fetch<A: Accumulator>(
        &self,
        empty: A,
        places: &[Place],
    ) -> Result<Scanned<A>, ScanError> {
        let texts = Texts::with(self.hasher.clone()).at_most(self.budget.texts / PAGE_OF_TEXTS);
        self.pass(empty, texts, &tasks::tasks_of(places))
    }

    fn pass<A: Accumulator>(
        &self,
        empty: A,
        texts: Texts,
        tasks: &[Task],
    ) -> Result<Scanned<A>, ScanError> {
        let mut columns = ColumnSet::new();
        empty.columns(&mut columns);
        let pass = reader::Pass {
            captures: self.captures,
            filter: self.filter,
            names: self.names,
            texts: &texts,
            columns: &columns,
            absurd: &self.absurd,
            memory: &memory::Memory::new(self.budget.pages),
            footers: reader::Footers::default(),
            room: Room::new(self.budget.pages),
        };
        self.progress.begin(tasks.iter().map(|task| task.size(self.captures)));
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let failure = Mutex::new(None);
        let work = |mut accumulator: A| {
            let mut rows = 0;
            while !stop.load(Ordering::Relaxed) {
                let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                match pass.read(task, &mut |batch: &Batch<'_>| accumulator.observe(batch)) {
                    Ok(selected) => rows += selected,
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
                        failure.get_or_insert(error);
                    }
                }
                if texts.are_too_many() {
                    stop.store(true, Ordering::Relaxed);
                }
                self.progress.add(task.size(self.captures));
            }
            (accumulator, rows)
        };
        let others = Self::threads().min(tasks.len()).saturating_sub(1);
        let (found, rows) = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..others)
                .map(|_| {
                    let accumulator = empty.clone();
                    scope.spawn(|| work(accumulator))
                })
                .collect();
            let (mut found, mut rows) = work(empty);
            for handle in handles {
                // Panics were caught closer to the file.
                if let Ok((other, more)) = handle.join() {
                    found.merge(other, &texts);
                    rows += more;
                }
            }
            (found, rows)
        });
        match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None if texts.are_too_many() => Err(ScanError::Texts(texts.most())),
            None => Ok(Scanned { found, texts, rows }),
        }
    }
}
