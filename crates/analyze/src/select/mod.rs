//! Which connects are asked about: SQL, time, outcome.

mod filter;
mod moment;
mod sql;

use std::fmt;

pub use filter::Filter;
pub use moment::{Moment, range};
pub use sql::{Bounds, Condition, Known, Nulls};

use crate::units;

/// A selection that cannot be made; the message is for the user.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

impl Unusable {
    /// Two captures that turn out to be one.
    pub fn same() -> Self {
        Self("BEFORE and AFTER are the same recording; name two".to_owned())
    }

    /// A column of names without any.
    pub(crate) fn no_names() -> Self {
        Self(
            "the columns `name`, `src_name` and `pod` are those of --names; give it a file"
                .to_owned(),
        )
    }

    /// A part of the recordings that holds none of them.
    pub fn outside(part: &Selection, recorded: (i64, i64)) -> Self {
        Self(format!(
            "nothing was recorded {}; the recording is from {} to {}",
            part.describe(recorded),
            units::time(recorded.0, 3),
            units::time(recorded.1, 3)
        ))
    }

    /// With what a library said on one line.
    pub(crate) fn new(what: &str, reason: impl fmt::Display) -> Self {
        let reason = reason.to_string();
        let line = reason.lines().next().unwrap_or_default();
        let line: String = crate::escape::terminal(line).chars().take(300).collect();
        Self(format!("{what}: {line}"))
    }
}

/// Outcomes that are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Any.
    All,
    /// `established`.
    Established,
    /// All failures.
    Failed,
}

/// Which connects are asked about.
#[derive(Debug, Clone)]
pub struct Selection {
    /// SQL expression as typed.
    pub filter: Option<String>,
    /// First moment.
    pub from: Option<Moment>,
    /// The moment after the last.
    pub to: Option<Moment>,
    /// Outcomes.
    pub only: Only,
}

impl Selection {
    /// Whether everything is selected.
    pub fn is_all(&self) -> bool {
        self.filter.is_none() && self.from.is_none() && self.to.is_none() && self.only == Only::All
    }

    /// First and last moment, given when the recording began and ended.
    pub fn span(&self, recorded: (i64, i64)) -> Result<(Option<i64>, Option<i64>), Unusable> {
        let resolve = |moment: Option<Moment>| moment.map(|m| m.resolve(recorded)).transpose();
        let (from, to) = (resolve(self.from)?, resolve(self.to)?);
        match (from, to) {
            (Some(from), Some(to)) if from >= to => Err(Unusable(format!(
                "--from {} is not before --to {}",
                units::time(from, 0),
                units::time(to, 0)
            ))),
            span => Ok(span),
        }
    }

    /// What rows are let through, given when the recording began and ended.
    ///
    /// # Errors
    /// [`Unusable`], in words for whoever typed it.
    pub fn filter(&self, recorded: (i64, i64)) -> Result<Filter, Unusable> {
        let (from, to) = self.span(recorded)?;
        let condition = self.filter.as_deref().map(Condition::new).transpose()?;
        Ok(Filter { from, to, only: self.only, condition })
    }

    /// In words, as typed.
    pub fn describe(&self, recorded: (i64, i64)) -> String {
        let mut words = Vec::new();
        if let Ok((from, to)) = self.span(recorded) {
            words.extend(from.map(|from| format!("from {}", units::time(from, 3))));
            words.extend(to.map(|to| format!("to {}", units::time(to, 3))));
        }
        match self.only {
            Only::All => {}
            Only::Established => words.push("established".into()),
            Only::Failed => words.push("failed".into()),
        }
        words.extend(self.filter.as_ref().map(|sql| format!("where {sql}")));
        words.join(", ")
    }
}
