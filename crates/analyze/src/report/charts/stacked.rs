//! Charts over time, one above the other over the same axis: how many connects,
//! how many failed and how, how long they took, and how that was spread.

use plotters::chart::{ChartBuilder, ChartContext, LabelAreaPosition};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, Rectangle, Text};
use plotters::series::LineSeries;
use plotters::style::{Color, IntoFont, TRANSPARENT, TextStyle};

use super::ChartError;
use super::axis::{Axis, latency_label, time_label};
use super::ink::Ink;
use super::svg::{FINE, Svg};
use crate::units;

/// Size of the letters of labels and names.
const LETTERS: u32 = 12 * FINE;
/// Width of all charts.
pub const WIDTH: u32 = 920 * FINE;
/// Room for the values of vertical axes, and at the right.
const LEFT: u32 = 62 * FINE;
const RIGHT: u32 = 34 * FINE;
/// Room for the name above a chart.
const ABOVE: u32 = 32 * FINE;
/// Where the name is in it.
const NAME: i32 = 12 * FINE as i32;
/// Room for the times below the last.
const BELOW: u32 = 20 * FINE;

/// What is drawn, by interval.
#[derive(Debug, Clone, Default)]
pub struct OverTime {
    /// Width of an interval, µs.
    pub every: i64,
    /// Start of each, µs since 1970 UTC.
    pub starts: Vec<i64>,
    pub connects: Vec<i64>,
    /// Connects that were not established, by outcome.
    pub outcomes: Vec<(String, Vec<i64>)>,
    /// Latencies, ns; none where there are too few connects.
    pub p50: Vec<Option<i64>>,
    pub p99: Vec<Option<i64>>,
    pub max: Vec<Option<i64>>,
    /// Interval, smallest latency and the one above the largest, ns, and
    /// connects of each cell of the heatmap.
    pub cells: Vec<(usize, i64, i64, i64)>,
}

/// A chart that is drawn.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Drawn {
    /// The inside of the element.
    #[serde(skip)]
    pub inside: String,
    pub width: u32,
    pub height: u32,
    /// Where the axis of time begins and ends.
    pub left: u32,
    pub right: u32,
}

type Drawer = fn(&Panel<'_, '_>, &OverTime) -> Result<(), ChartError>;
type Area<'a> = DrawingArea<Svg<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, Svg<'b>, Cartesian2d<Axis, Axis>>;

/// Draws all of it.
///
/// # Errors
/// [`ChartError`].
pub fn draw(data: &OverTime) -> Result<Drawn, ChartError> {
    let panels = [
        (true, 92),
        (!data.outcomes.is_empty(), 92),
        (data.max.iter().any(Option::is_some), 190),
        (!data.cells.is_empty(), 170),
    ];
    let shown = panels.iter().filter(|(shown, _)| *shown);
    let heights: Vec<u32> = shown.map(|(_, height)| height * FINE + ABOVE).collect();
    let height = heights.iter().sum::<u32>() + BELOW;
    let mut inside = String::new();
    {
        let root = Svg::new(&mut inside, (WIDTH, height)).into_drawing_area();
        let end = data.starts.last().map_or(0, |last| last.saturating_add(data.every));
        let time = Axis::time(data.starts.first().copied().unwrap_or(0), end);
        let mut from = 0;
        let drawers: [Drawer; 4] = [connects, outcomes, latencies, heatmap];
        let last = panels.iter().rposition(|(shown, _)| *shown);
        for (place, ((shown, height), draw)) in panels.into_iter().zip(drawers).enumerate() {
            if !shown {
                continue;
            }
            let below = if last == Some(place) { BELOW } else { 0 };
            let height = height * FINE + ABOVE + below;
            let area = root.clone().shrink((0, from), (WIDTH, height));
            draw(&Panel { area: &area, time: &time, below }, data)?;
            from += height;
        }
    }
    Ok(Drawn { inside, width: WIDTH, height, left: LEFT, right: WIDTH - RIGHT })
}

struct Panel<'a, 'b> {
    area: &'a Area<'b>,
    time: &'a Axis,
    below: u32,
}

fn text(ink: Ink) -> TextStyle<'static> {
    ("sans-serif", LETTERS).into_font().color(&ink.colour())
}

impl<'a, 'b> Panel<'a, 'b> {
    /// The axes, with a name above.
    fn chart(
        &self,
        name: &str,
        values: Axis,
        label: &dyn Fn(&f64) -> String,
    ) -> Result<Chart<'a, 'b>, ChartError> {
        let left = i32::try_from(LEFT).unwrap_or(0);
        self.area.draw(&Text::new(name.to_owned(), (left, NAME), text(Ink::NAME)))?;
        let mut chart = ChartBuilder::on(self.area)
            .margin_top(ABOVE)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, self.below)
            .build_cartesian_2d(self.time.clone(), values)?;
        let (first, end) = self.time.ends();
        let length = (end - first) as i64;
        chart
            .configure_mesh()
            .max_light_lines(0)
            .light_line_style(TRANSPARENT)
            .bold_line_style(Ink::GRID.colour())
            .axis_style(Ink::AXIS.colour())
            .label_style(text(Ink::LABEL))
            .set_all_tick_mark_size(6)
            .x_label_formatter(&|us| time_label(*us, length))
            .y_label_formatter(label)
            .draw()?;
        Ok(chart)
    }
}

fn count_label(count: &f64) -> String {
    units::count(*count as i64)
}

/// Interval by interval, upon what is there already.
fn bars(
    chart: &mut Chart<'_, '_>,
    data: &OverTime,
    (ink, counts): (Ink, &[i64]),
    below: &mut [i64],
) -> Result<(), ChartError> {
    let bars = data.starts.iter().zip(counts).zip(below).filter(|((_, count), _)| **count > 0);
    chart.draw_series(bars.map(|((start, count), below)| {
        let (from, to) = (*below, below.saturating_add(*count));
        *below = to;
        let (left, right) = (*start as f64, start.saturating_add(data.every) as f64);
        Rectangle::new([(left, to as f64), (right, from as f64)], ink.colour().filled())
    }))?;
    Ok(())
}

fn connects(panel: &Panel<'_, '_>, data: &OverTime) -> Result<(), ChartError> {
    let most = data.connects.iter().copied().max().unwrap_or(0);
    let name = format!("Connects every {}", units::interval(data.every));
    let mut chart = panel.chart(&name, Axis::count(most), &count_label)?;
    bars(&mut chart, data, (Ink::ALL, &data.connects), &mut vec![0; data.starts.len()])
}

fn outcomes(panel: &Panel<'_, '_>, data: &OverTime) -> Result<(), ChartError> {
    let sum = |at: usize| data.outcomes.iter().filter_map(|(_, counts)| counts.get(at)).sum();
    let most: i64 = (0..data.starts.len()).map(sum).max().unwrap_or(0);
    let mut chart = panel.chart("Not established", Axis::count(most), &count_label)?;
    let mut below = vec![0; data.starts.len()];
    for (word, counts) in &data.outcomes {
        bars(&mut chart, data, (Ink::of_outcome(word), counts), &mut below)?;
    }
    Ok(())
}

fn latencies(panel: &Panel<'_, '_>, data: &OverTime) -> Result<(), ChartError> {
    let all = [&data.p50, &data.p99, &data.max].into_iter().flatten().copied().flatten();
    let label = |ns: &f64| latency_label(*ns);
    let mut chart = panel.chart("Latency of those established", Axis::latency(all), &label)?;
    let middle = |start: i64| start as f64 + data.every as f64 / 2.0;
    let points = |values: &[Option<i64>]| -> Vec<Option<(f64, f64)>> {
        let values = data.starts.iter().zip(values);
        values.map(|(start, value)| Some((middle(*start), (*value)? as f64))).collect()
    };
    for point in points(&data.max).into_iter().flatten() {
        chart.draw_series([Circle::new(point, 4, Ink::MAX.colour().filled())])?;
    }
    for (ink, values) in [(Ink::P99, &data.p99), (Ink::P50, &data.p50)] {
        for run in points(values).split(Option::is_none).filter(|run| !run.is_empty()) {
            let run: Vec<(f64, f64)> = run.iter().copied().flatten().collect();
            // A line of one point does not show.
            if let [point] = run[..] {
                chart.draw_series([Circle::new(point, 5, ink.colour().filled())])?;
            } else {
                chart.draw_series(LineSeries::new(run, ink.colour().stroke_width(2)))?;
            }
        }
    }
    Ok(())
}

fn heatmap(panel: &Panel<'_, '_>, data: &OverTime) -> Result<(), ChartError> {
    let ends =
        data.cells.iter().flat_map(|(_, low, high, _)| [*low, (*high).min(low.saturating_mul(2))]);
    let label = |ns: &f64| latency_label(*ns);
    let mut chart = panel.chart("How latency was spread", Axis::latency(ends), &label)?;
    let most = data.cells.iter().map(|cell| cell.3).max().unwrap_or(1);
    // Alike together: they become one path.
    for wanted in 0..Ink::SHADES {
        let cells = data.cells.iter().filter(|(.., count)| shade(*count, most) == wanted);
        let cells = cells.filter_map(|(at, low, high, _)| {
            let start = *data.starts.get(*at)?;
            let (left, right) = (start as f64, start.saturating_add(data.every) as f64);
            let corners = [(left, *high as f64), (right, *low as f64)];
            Some(Rectangle::new(corners, Ink::shade(wanted).colour().filled()))
        });
        chart.draw_series(cells)?;
    }
    Ok(())
}

/// The shade of a count, on a logarithmic scale.
pub fn shade(count: i64, most: i64) -> usize {
    let part = (1.0 + count as f64).ln() / (1.0 + most as f64).ln();
    ((part * Ink::SHADES as f64).ceil() as usize).clamp(1, Ink::SHADES) - 1
}
