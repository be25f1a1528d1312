//! Which groups an answer is about, found before any figure of theirs is: of
//! millions of destinations twenty are shown, and the figures of a group take
//! a hundred times the room of its count.

use polars::prelude::*;

use super::by::By;
use super::figures::{failed, measured};
use super::overall::Order;
use super::parts::{Merge, aggregated};
use crate::source::collect;

/// Rows up to which groups cannot be too many.
pub const FEW_ROWS: u64 = 500_000;

const CONNECTS: &str = "candidate connects";
const FAILED: &str = "candidate failed";
const SAMPLES: &str = "candidate samples";

/// Counts of every group.
pub struct Groups {
    counts: DataFrame,
    names: Vec<PlSmallStr>,
}

impl Groups {
    /// Counts the connects of all groups.
    pub fn count(frame: &LazyFrame, by: &[By]) -> PolarsResult<Self> {
        let keys: Vec<Expr> = by.iter().map(|by| by.expr()).collect();
        let number = |yes: Expr| yes.cast(DataType::Int64);
        let rows = frame
            .clone()
            .with_columns([number(failed()).alias(FAILED), number(measured()).alias(SAMPLES)]);
        let sum = |figure: Expr, name: &str| (figure, name.to_owned(), Merge::Sum);
        let figures = [
            sum(len().cast(DataType::Int64), CONNECTS),
            sum(col(FAILED).sum(), FAILED),
            sum(col(SAMPLES).sum(), SAMPLES),
        ];
        let names: Vec<String> = by.iter().map(|by| by.name()).collect();
        let counts = aggregated(&rows, &keys, &names, &figures)?;
        Ok(Self { counts, names: names.into_iter().map(PlSmallStr::from).collect() })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.counts.height()
    }

    /// Those that come first in an order, ties broken as everywhere: by
    /// connects, then by key. Which have the highest percentile is not known
    /// before they are measured; those that carry one are all kept, and of
    /// the others as many as may be needed.
    pub fn first(&self, top: usize, order: Order, needs: u64) -> PolarsResult<Self> {
        let sorted = |frame: LazyFrame, by: &[&str]| {
            let counts = by.iter().map(|name| PlSmallStr::from(*name));
            let by: Vec<PlSmallStr> = counts.chain(self.names.iter().cloned()).collect();
            let descending = by.iter().map(|name| !self.names.contains(name));
            let options = SortMultipleOptions::default()
                .with_order_descending_multi(descending.collect::<Vec<_>>());
            frame.sort(by, options).limit(IdxSize::try_from(top).unwrap_or(IdxSize::MAX))
        };
        let all = self.counts.clone().lazy();
        let counts = match order {
            Order::Count => collect(sorted(all, &[CONNECTS]))?,
            Order::Failures => collect(sorted(all, &[FAILED, CONNECTS]))?,
            Order::P99 => {
                let carried = col(SAMPLES).gt_eq(lit(i64::try_from(needs).unwrap_or(i64::MAX)));
                let carrying = collect(all.clone().filter(carried.clone()))?;
                let others = collect(sorted(all.filter(carried.not()), &[CONNECTS]))?;
                carrying.vstack(&others)?
            }
        };
        Ok(Self { counts, names: self.names.clone() })
    }

    /// Those with at least so many connects.
    pub fn at_least(&self, connects: i64) -> PolarsResult<Self> {
        let counts = self.counts.clone().lazy().filter(col(CONNECTS).gt_eq(lit(connects)));
        Ok(Self { counts: collect(counts)?, names: self.names.clone() })
    }

    /// The groups of both, each once.
    pub fn union(&self, other: &Self) -> PolarsResult<Self> {
        let keys: Vec<Expr> = self.names.iter().map(|name| col(name.clone())).collect();
        let both = [self, other].map(|groups| groups.counts.clone().lazy());
        let counts = concat(both, UnionArgs::default())?.group_by(keys).agg([
            col(CONNECTS).sum(),
            col(FAILED).sum(),
            col(SAMPLES).sum(),
        ]);
        Ok(Self { counts: collect(counts)?, names: self.names.clone() })
    }

    /// The rows of these groups, with the keys as columns.
    pub fn rows(&self, frame: &LazyFrame, by: &[By]) -> LazyFrame {
        let keys: Vec<Expr> = self.names.iter().map(|name| col(name.clone())).collect();
        let groups = self.counts.clone().lazy().select(keys.clone());
        // Each group is there once, so no row is doubled; null is a key, too.
        // The groups are what is held while the rows pass by.
        let args = JoinArgs {
            nulls_equal: true,
            build_side: Some(JoinBuildSide::ForceRight),
            ..JoinArgs::new(JoinType::Inner)
        };
        let frame = frame.clone().with_columns(by.iter().map(|by| by.expr()).collect::<Vec<_>>());
        frame.join(groups, keys.clone(), keys, args)
    }
}
