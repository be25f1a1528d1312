//! Whether two sides of a comparison differ in more than time.

use std::collections::BTreeSet;

use connlat_schema::capture::metadata::CaptureInfo;

use super::Diff;
use crate::commands::Run;
use crate::escape;
use crate::quality::Warning;
use crate::select::Moment;
use crate::units;

impl Diff {
    /// What keeps the sides from being compared.
    pub(super) fn differences(&self, run: &Run<'_>) -> Vec<Warning> {
        let reasons = match (self.before_range, self.after_range) {
            (Some(before), Some(after)) => overlap(run, before, after).into_iter().collect(),
            _ if self.files.len() == 2 => [filters(run), machines(run)].concat(),
            _ => Vec::new(),
        };
        reasons.into_iter().map(Warning::NotComparable).collect()
    }
}

/// A span that both ranges hold.
fn overlap(run: &Run<'_>, before: (Moment, Moment), after: (Moment, Moment)) -> Option<String> {
    let recorded = run.captures.recorded();
    let at = |moment: Moment| moment.resolve(recorded).ok();
    let from = at(before.0)?.max(at(after.0)?);
    let to = at(before.1)?.min(at(after.1)?);
    (from < to).then(|| {
        format!(
            "the ranges overlap by {}, and connects there count on both sides",
            units::span(to.saturating_sub(from))
        )
    })
}

/// What was recorded of each side, if that differs.
fn filters(run: &Run<'_>) -> Vec<String> {
    let of = |side: usize| -> BTreeSet<String> {
        let of_side = run.captures.each.iter().filter(|capture| capture.argument == side);
        of_side
            .map(|capture| {
                let filters = capture.info.filters.iter();
                let mut words: Vec<String> =
                    filters.map(|(name, values)| format!("{name}={}", values.join(","))).collect();
                let left_out = capture.info.counters.suppressed.values().any(|count| *count > 0);
                if left_out && !words.iter().any(|word| word.contains("latency")) {
                    words.push("--min-latency".to_owned());
                }
                words.join(" ")
            })
            .collect()
    };
    let shown = |side: &BTreeSet<String>| {
        let words = side.iter().map(|filter| match filter.as_str() {
            "" => "no filter".to_owned(),
            filter => escape::terminal(filter),
        });
        words.collect::<Vec<_>>().join(" and ")
    };
    let (before, after) = (of(0), of(1));
    if before == after {
        return Vec::new();
    }
    let (before, after) = (shown(&before), shown(&after));
    vec![format!("BEFORE was recorded with {before}, AFTER with {after}")]
}

/// The machines of each side, if they differ.
fn machines(run: &Run<'_>) -> Vec<String> {
    // Boots differ between any two days, so they are not looked at.
    let of = |side: usize, name: &dyn Fn(&CaptureInfo) -> Option<String>| {
        let of_side = run.captures.each.iter().filter(|capture| capture.argument == side);
        of_side.map(|capture| name(&capture.info)).collect::<Option<BTreeSet<String>>>()
    };
    let sides = |name: &dyn Fn(&CaptureInfo) -> Option<String>| Some((of(0, name)?, of(1, name)?));
    let names = sides(&|info| Some(info.host.clone()));
    // Where a machine has no id, its name has to do.
    let differ = match (sides(&|info| info.machine_id_hash.clone()), &names) {
        (Some((before, after)), _) => before != after,
        (None, Some((before, after))) => before != after,
        (None, None) => false,
    };
    let Some((before, after)) = names.filter(|_| differ) else { return Vec::new() };
    let named = |side: &BTreeSet<String>| {
        const NAMED: usize = 3;
        let words: Vec<String> =
            side.iter().take(NAMED).map(|name| escape::terminal(name)).collect();
        match side.len() - words.len() {
            0 => words.join(", "),
            more => format!("{} and {more} more", words.join(", ")),
        }
    };
    let (left, right) = (named(&before), named(&after));
    vec![match left == right {
        true => format!("BEFORE and AFTER are of different machines that are called {left}"),
        false => format!("BEFORE is of {left}, AFTER of {right}"),
    }]
}
