//! The page of `analyze report`, and the body of a ticket.
//!
//! Both are made of the same [`crate::answer::Report`] that `--format json`
//! writes, so their figures are the same. Everything is bounded ([`limits`]):
//! the page is small enough to be attached anywhere, however much was recorded.
//! The template engine escapes all text ([`template`]), and the page forbids
//! itself to load or run anything that is not in it.

mod charts;
mod error;
mod finding;
mod headline;
mod limits;
mod over_time;
mod spread;
mod table;
mod template;
mod view;

use std::io::Write;

use crate::answer::Report;
use crate::output::markdown;
use crate::output::sink::RenderError;

/// Bytes that a page has less of.
const PAGE: usize = 500_000;
/// Characters that the body of a ticket has less of: forges take 65,536.
const TICKET: usize = 60_000;
/// Tables that a ticket has room for.
const IN_TICKETS: [&str; 8] =
    ["rows", "outcomes", "timeseries", "heatmap", "destinations", "processes", "slowest", "failed"];

/// Writes the report as a page.
///
/// # Errors
/// [`RenderError`].
pub fn page(report: &mut Report<'_>, out: &mut dyn Write) -> Result<(), RenderError> {
    let mut last = String::new();
    for limits in limits::LADDER {
        limits.apply(report);
        let page = view::of(report).and_then(|view| template::render(&view));
        last = page.map_err(|error| RenderError::Page(error.into()))?;
        if last.len() < PAGE {
            break;
        }
    }
    Ok(out.write_all(last.as_bytes())?)
}

/// Writes the report as Markdown.
///
/// # Errors
/// [`RenderError`].
pub fn ticket(report: &mut Report<'_>, out: &mut dyn Write) -> Result<(), RenderError> {
    report.sections.retain(|section| IN_TICKETS.contains(&section.key));
    let title = crate::escape::markdown(&crate::escape::cut(&headline::title(report), 200));
    let mut last = Vec::new();
    for limits in limits::OF_TICKETS {
        limits.apply(report);
        last = format!("## {title}\n\n").into_bytes();
        markdown::render(report, &mut last)?;
        if String::from_utf8_lossy(&last).chars().count() < TICKET {
            break;
        }
    }
    Ok(out.write_all(&last)?)
}
