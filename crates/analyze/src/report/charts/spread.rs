//! The distribution of latencies, as HDR histograms are drawn: each further nine
//! takes as much room as the one before.

use plotters::chart::{ChartBuilder, LabelAreaPosition};
use plotters::drawing::IntoDrawingArea;
use plotters::series::LineSeries;
use plotters::style::{Color, IntoFont, TRANSPARENT};

use super::ChartError;
use super::axis::{Axis, latency_label, quantile_label};
use super::ink::Ink;
use super::stacked::{Drawn, WIDTH};
use super::svg::{FINE, Svg};

const HEIGHT: u32 = 260 * FINE;
const LEFT: u32 = 62 * FINE;
const RIGHT: u32 = 34 * FINE;
const BELOW: u32 = 22 * FINE;

/// Quantile and latency, ns, of each series, ascending.
pub type Series = Vec<(f64, i64)>;

/// Draws the series, the first on top.
///
/// # Errors
/// [`ChartError`].
pub fn draw(series: &[Series]) -> Result<Drawn, ChartError> {
    let points = || series.iter().flatten();
    let highest = points().map(|(quantile, _)| *quantile).fold(0.0, f64::max);
    let quantiles = Axis::quantiles(highest);
    let latencies = Axis::latency(points().map(|(_, latency)| *latency));
    let mut inside = String::new();
    {
        let root = Svg::new(&mut inside, (WIDTH, HEIGHT)).into_drawing_area();
        let label = ("sans-serif", 12 * FINE).into_font().color(&Ink::LABEL.colour());
        let mut chart = ChartBuilder::on(&root)
            .margin_top(8 * FINE)
            .margin_right(RIGHT)
            .set_label_area_size(LabelAreaPosition::Left, LEFT)
            .set_label_area_size(LabelAreaPosition::Bottom, BELOW)
            .build_cartesian_2d(quantiles, latencies)?;
        chart
            .configure_mesh()
            .max_light_lines(0)
            .light_line_style(TRANSPARENT)
            .bold_line_style(Ink::GRID.colour())
            .axis_style(Ink::AXIS.colour())
            .label_style(label)
            .set_all_tick_mark_size(6)
            .x_label_formatter(&|quantile| quantile_label(*quantile))
            .y_label_formatter(&|ns| latency_label(*ns))
            .draw()?;
        for (place, series) in series.iter().enumerate().rev() {
            let points = series.iter().map(|(quantile, latency)| (*quantile, *latency as f64));
            let style = Ink::series(place).colour().stroke_width(2);
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    Ok(Drawn { inside, width: WIDTH, height: HEIGHT, left: LEFT, right: WIDTH - RIGHT })
}
