//! What commands over time share: the span they cover.

use connlat_schema::capture::columns::TIME;

use super::{AskError, Run};
use crate::capture::Captures;
use crate::scan::{Accumulator, Batch, ColumnSet, Texts};

/// First and last microsecond that is covered.
pub type Span = Option<(i64, i64)>;

/// The span of the selected rows and of the recordings, within what was
/// selected: that nothing was connected at the end of a recording is part of
/// the answer. None without rows, as far as that is known before they are read.
///
/// # Errors
/// [`AskError`] for a time that cannot be.
pub fn span(run: &Run<'_>) -> Result<Span, AskError> {
    let (from, to) = run.selection.span(run.captures.recorded())?;
    let recorded = recordings(run.captures)
        .into_iter()
        .filter_map(|(start, stop)| {
            let start = from.map_or(start, |from| start.max(from));
            let stop = to.map_or(stop, |to| stop.min(to));
            (start <= stop).then_some((start, stop.saturating_sub(1)))
        })
        .reduce(union);
    // Statistics say where rows can be; where a recording covers all that,
    // nothing needs to be read.
    let rows = match (run.scan.bounds()?, recorded) {
        (Some(bounds), Some(recorded)) if union(bounds, recorded) == recorded => Some(bounds),
        (Some(bounds), _) if run.selection.is_all() => Some(bounds),
        _ => run.scan.run(Times::default())?.found.0,
    };
    Ok(rows.map(|rows| recorded.map_or(rows, |recorded| union(rows, recorded))))
}

fn union(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The times in which somebody recorded, where what the files say of it can be
/// true; those that follow each other are one.
pub fn recordings(captures: &Captures) -> Vec<(i64, i64)> {
    let mut all: Vec<(i64, i64)> =
        captures.each.iter().flat_map(|capture| capture.info.recorded_us()).collect();
    all.sort_unstable();
    let mut spans: Vec<(i64, i64)> = Vec::new();
    for span in all {
        match spans.last_mut() {
            Some(last) if span.0 <= last.1 => last.1 = last.1.max(span.1),
            _ => spans.push(span),
        }
    }
    spans
}

/// First and last start of the rows, µs.
#[derive(Clone, Default)]
struct Times(Span);

impl Accumulator for Times {
    fn columns(&self, set: &mut ColumnSet) {
        set.insert(TIME);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let times = batch.int64(TIME).iter().map(|time| (*time, *time));
        self.0 = self.0.into_iter().chain(times).reduce(union);
    }

    fn merge(&mut self, other: Self, _: &Texts) {
        self.0 = self.0.into_iter().chain(other.0).reduce(union);
    }
}

/// Intervals that can be drawn beside something that takes so many columns, a
/// character each.
pub fn beside(width: usize, taken: usize) -> i64 {
    /// Below this nothing can be made out, so the lines become too long.
    const NARROWEST: usize = 20;
    i64::try_from(width.saturating_sub(taken).max(NARROWEST)).unwrap_or(i64::MAX)
}
