//! The small picture of a finding: when its connects were made, over the whole
//! time of the page.

use plotters::chart::ChartBuilder;
use plotters::drawing::IntoDrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::style::Color;

use super::ChartError;
use super::axis::Axis;
use super::ink::Ink;
use super::stacked::Drawn;
use super::svg::{FINE, Svg};
use crate::findings::Picture;

const WIDTH: u32 = 420 * FINE;
const HEIGHT: u32 = 44 * FINE;

/// Draws it.
///
/// # Errors
/// [`ChartError`].
pub fn draw(picture: &Picture) -> Result<Drawn, ChartError> {
    let grid = picture.grid;
    let start = |at: usize| {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        grid.first.saturating_add(at.saturating_mul(grid.every)) as f64
    };
    let most = picture.connects.iter().copied().max().unwrap_or(0);
    let mut inside = String::new();
    {
        let root = Svg::new(&mut inside, (WIDTH, HEIGHT)).into_drawing_area();
        let time = Axis::time(start(0) as i64, start(grid.count) as i64);
        let counts = Axis::count(i64::try_from(most).unwrap_or(i64::MAX));
        let mut chart = ChartBuilder::on(&root).build_cartesian_2d(time, counts)?;
        let bars = picture.connects.iter().enumerate().filter(|(_, count)| **count > 0);
        let style = Ink::BAD.colour().filled();
        chart.draw_series(bars.map(|(at, count)| {
            Rectangle::new([(start(at), *count as f64), (start(at + 1), 0.0)], style)
        }))?;
        let floor = vec![(start(0), 0.0), (start(grid.count), 0.0)];
        chart.draw_series([PathElement::new(floor, Ink::AXIS.colour())])?;
    }
    Ok(Drawn { inside, width: WIDTH, height: HEIGHT, left: 0, right: WIDTH })
}
