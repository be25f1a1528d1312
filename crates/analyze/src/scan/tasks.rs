//! Which row groups a question needs, by what their statistics say.

use std::collections::BTreeSet;

use connlat_schema::capture::columns::{NETNS, OUTCOME, TIME};

use super::batch::Place;
use crate::capture::{Capture, ColumnRange, Range, RowGroup};
use crate::select::{Bounds, Condition, Filter, Known, Nulls};

/// A row group to be read.
pub struct Task {
    /// Place of the capture.
    pub capture: usize,
    /// Place of the row group in it.
    pub group: usize,
    /// Rows wanted, ascending; none for all that are selected.
    pub only: Option<Vec<u32>>,
}

impl Task {
    /// Rows and bytes of it.
    pub fn size(&self, captures: &[Capture]) -> (u64, u64) {
        let group = &captures[self.capture].file.row_groups()[self.group];
        (group.rows, group.bytes)
    }
}

/// Rows of all captures up to which statistics decide nothing: reading them takes no
/// longer than opening a file, and finds out statistics that lie.
const FEW: u64 = 2_000_000;
/// And captures: of many small ones each that is read costs an open.
const FEW_CAPTURES: usize = 1_000;

/// Whether so few rows are there that all are read.
pub fn are_few(captures: &[Capture]) -> bool {
    captures.len() <= FEW_CAPTURES
        && captures.iter().map(|capture| capture.rows).sum::<u64>() <= FEW
}

/// All row groups that may hold what is selected.
pub fn tasks(captures: &[Capture], filter: &Filter) -> Vec<Task> {
    let mut all = Vec::new();
    let few = are_few(captures);
    for (capture, of_capture) in captures.iter().enumerate() {
        for (group, statistics) in of_capture.file.row_groups().iter().enumerate() {
            let holds = |condition: &Condition| condition.may_hold(&|name| known(statistics, name));
            let may =
                || may_hold(statistics, filter) && filter.condition.as_ref().is_none_or(holds);
            if few || may() {
                all.push(Task { capture, group, only: None });
            }
        }
    }
    all
}

/// The row groups of single rows.
pub fn tasks_of(places: &[Place]) -> Vec<Task> {
    let mut sorted = places.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let same = |a: &Place, b: &Place| (a.capture, a.group) == (b.capture, b.group);
    let groups = sorted.chunk_by(same).map(|places| Task {
        capture: places[0].capture as usize,
        group: places[0].group as usize,
        only: Some(places.iter().map(|place| place.row).collect()),
    });
    groups.collect()
}

/// What the statistics of a row group say of a column.
fn known<'a>(group: &'a RowGroup, name: &str) -> Known<'a> {
    let Some(ColumnRange { range, nulls }) = group.column(name) else { return Known::default() };
    let nulls = match nulls {
        Some(0) => Nulls::None,
        Some(nulls) if *nulls == group.rows => Nulls::Only,
        _ => Nulls::Maybe,
    };
    let bounds = range.as_ref().map(|range| match range {
        Range::Integers(min, max) => Bounds::Integers(*min, *max),
        Range::Texts(min, max) => Bounds::Texts(min, max),
        Range::Same(text) => Bounds::Texts(text, text),
    });
    Known { bounds, nulls }
}

/// Whether a row group may hold a row that is selected, whatever the condition
/// says of it: how far a time series reaches does not depend on that.
fn may_hold(group: &RowGroup, filter: &Filter) -> bool {
    if let Some((first, last)) = group.integers(TIME)
        && (filter.from.is_some_and(|from| last < from) || filter.to.is_some_and(|to| first >= to))
    {
        return false;
    }
    match group.column(OUTCOME).and_then(|column| column.range.as_ref()) {
        Some(Range::Same(word)) => filter.may_select_outcome(word.as_bytes()),
        _ => true,
    }
}

/// First and last start by the statistics of the row groups that may hold
/// what is selected, µs.
pub fn bounds(captures: &[Capture], filter: &Filter) -> Option<(i64, i64)> {
    let groups = captures.iter().flat_map(|capture| capture.file.row_groups());
    let groups = groups.filter(|group| group.rows > 0 && may_hold(group, filter));
    let all: Option<Vec<(i64, i64)>> = groups.map(|group| group.integers(TIME)).collect();
    let (first, last) = all?.into_iter().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    let first = filter.from.map_or(first, |from| first.max(from));
    let last = filter.to.map_or(last, |to| last.min(to.saturating_sub(1)));
    (first <= last).then_some((first, last))
}

/// Network namespaces of one boot that rows are of, where the statistics of
/// every row group name a single one; none if rows are so few that they are read.
pub fn places(captures: &[Capture]) -> Option<usize> {
    if are_few(captures) {
        return None;
    }
    let groups = captures.iter().flat_map(|capture| {
        let boot = capture.info.boot_id.as_str();
        capture.file.row_groups().iter().map(move |group| (boot, group))
    });
    let mut places = BTreeSet::new();
    for (boot, group) in groups.filter(|(_, group)| group.rows > 0) {
        match group.integers(NETNS) {
            Some((min, max)) if min == max => places.insert((boot, min)),
            _ => return None,
        };
    }
    Some(places.len())
}
