//! The chart of a summary: connects, latency and failures over time, a line each.

use crate::commands::timeseries::TimeSeries;
use crate::stats::{Figures, Measure};
use crate::units;

/// From little to the most; nothing is a dot.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The lines, or none without intervals.
pub fn chart(series: &TimeSeries, measure: &Measure) -> Option<Vec<String>> {
    let (first, last) = (series.buckets.first()?.0, series.buckets.last()?.0);
    let of = |value: &dyn Fn(&Figures) -> Option<i64>| -> Vec<i64> {
        series.buckets.iter().map(|(.., figures)| value(figures).unwrap_or(0)).collect()
    };
    let p99 = |figures: &Figures| figures.percentile(measure, "p99");
    let with_connects = series.buckets.iter().filter(|(.., figures)| figures.samples > 0).count();
    let with_p99 = series.buckets.iter().filter(|(.., figures)| p99(figures).is_some()).count();
    // Few connects an interval carry no p99; their maximum is still a fact.
    let latency = if with_p99 * 2 >= with_connects.max(1) {
        line("p99", &of(&p99), units::duration)
    } else {
        line("max", &of(&|figures| figures.max), units::duration)
    };
    let count = |value| units::count(value);
    let mut lines = vec![
        line("connects", &of(&|figures| Some(figures.connects)), count),
        latency,
        line("failed", &of(&|figures| Some(figures.failed)), count),
    ];
    let decimals = units::decimals_for(series.every);
    let (left, right) = units::axis(first, last, decimals);
    let gap = series.buckets.len().saturating_sub(left.len() + right.len());
    lines.push(match gap {
        0 => format!("{:9}{left}", ""),
        gap => format!("{:9}{left}{}{right}", "", " ".repeat(gap)),
    });
    Some(lines)
}

fn line(name: &str, values: &[i64], shown: impl Fn(i64) -> String) -> String {
    let most = values.iter().copied().max().unwrap_or(0);
    let level = |value: &i64| match *value {
        ..=0 => '·',
        value => {
            let level = (value as f64 / most as f64 * LEVELS.len() as f64).ceil() as usize;
            LEVELS[level.clamp(1, LEVELS.len()) - 1]
        }
    };
    let drawn: String = values.iter().map(level).collect();
    format!(
        "{name:8} {drawn} {}",
        if most > 0 { format!("≤ {}", shown(most)) } else { "none".into() }
    )
}
