//! What can be wrong with a page before it is written.

use super::charts::ChartError;

/// Why there is no page; a mistake of ours.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A template does not fit what it is given.
    #[error("a template is wrong: {0}")]
    Template(#[from] minijinja::Error),
    /// A chart.
    #[error(transparent)]
    Chart(#[from] ChartError),
}
