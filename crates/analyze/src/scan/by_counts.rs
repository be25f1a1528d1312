//! The first of more groups than fit, where counts decide on the order.
//!
//! A census, part of the groups by part, finds them; one more scan makes their
//! figures.

use std::cmp::Reverse;

use super::asked::Asked;
use super::census::{Census, Counts, PER_GROUP};
use super::grouped::{Grouped, Partition, parts, rest};
use super::key::Value;
use super::text::Texts;
use super::{Scan, ScanError};
use crate::stats::figures::Tally;

/// Groups with their figures.
type Kept = Vec<(Vec<Value>, Tally)>;
/// A group, and what puts it before others.
type Ranked = ((u64, u64), Vec<Value>);

/// The first of about so many groups with their figures, and how many groups
/// there are.
///
/// # Errors
/// As [`Scan::run`].
pub fn first(scan: &Scan<'_>, asked: &Asked, groups: u64) -> Result<(Kept, usize), ScanError> {
    let parts = parts(&asked.by);
    let most = scan.budget.groups.saturating_mul(PER_GROUP).max(1);
    let mut todo: Vec<Partition> = Partition::all(groups.div_ceil(most as u64)).collect();
    let (mut first, mut groups) = (Vec::new(), 0);
    while let Some(partition) = todo.pop() {
        let (parts, hasher) = (parts.clone(), scan.hasher.clone());
        let census = Census::new(parts, asked.rows, hasher, most, partition);
        let scanned = scan.run(census)?;
        let found = scanned.found;
        todo.extend(rest(partition, found.partition));
        groups += found.len();
        first_of(asked, &found, &scanned.texts, &mut first);
    }
    let texts = Texts::only(
        scan.hasher.clone(),
        first.iter().flat_map(|(_, values)| values.iter().filter_map(Value::text)),
    );
    let grouped = Grouped::new(parts, asked.rows, scan.hasher.clone());
    let grouped = grouped.only(first.iter().map(|(_, values)| &values[..]), &texts);
    let scanned = scan.run_with(grouped, texts)?;
    let found = scanned.found.groups().enumerate();
    let kept = found
        .map(|(group, (_, tally))| (scanned.found.values(group, &scanned.texts), tally.clone()))
        .collect();
    Ok((kept, groups))
}

/// Puts the first of a census among the first so far.
fn first_of(asked: &Asked, census: &Census, texts: &Texts, first: &mut Vec<Ranked>) {
    let top = asked.top;
    let rank = |counts: &Counts| asked.rank_of(counts.connects.into(), counts.failed.into());
    let mut ranks: Vec<(u64, u64)> = census.counts().iter().map(rank).collect();
    ranks.extend(first.iter().map(|(rank, _)| *rank));
    if ranks.len() > top {
        ranks.select_nth_unstable_by_key(top - 1, |rank| Reverse(*rank));
    }
    let lowest = if ranks.len() > top { ranks[top - 1] } else { (0, 0) };
    drop(ranks);
    let order = |a: &Ranked, b: &Ranked| {
        b.0.cmp(&a.0).then_with(|| asked.keys(&a.1).cmp(&asked.keys(&b.1)))
    };
    for (group, counts) in census.counts().iter().enumerate() {
        let rank = rank(counts);
        if rank < lowest {
            continue;
        }
        first.push((rank, census.values(group, texts)));
        // Many may share the lowest rank: few are held at a time.
        if first.len() > 2 * top + 1_024 {
            first.sort_by(order);
            first.truncate(top);
        }
    }
    first.sort_by(order);
    first.truncate(top);
}
