//! Charts as SVG: drawn by plotters, written by a backend of our own.
//!
//! plotters' own backend writes colours and fonts into each element. This one
//! ([`svg`]) writes classes, so that the page's style decides on light and dark
//! and nothing needs a `style` attribute, which the page forbids; and it joins
//! what is drawn alike into one path, so that a heatmap of 5,000 cells is some
//! 100 kB smaller.

pub mod axis;
pub mod ink;
pub mod spread;
pub mod stacked;
pub mod svg;
pub mod when;

/// Why a chart cannot be drawn; a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("a chart cannot be drawn: {0}")]
pub struct ChartError(String);

impl<E: std::error::Error + Send + Sync> From<plotters::drawing::DrawingAreaErrorKind<E>>
    for ChartError
{
    fn from(error: plotters::drawing::DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}
