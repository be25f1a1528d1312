//! The selection as a scan applies it.

use arrow::array::{AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use connlat_schema::Outcome;
use connlat_schema::capture::columns::{OUTCOME, TIME};

use super::{Condition, Only, Unusable};
use crate::scan::ColumnSet;

/// Which rows are let through.
#[derive(Debug, Clone)]
pub struct Filter {
    /// First start, µs.
    pub from: Option<i64>,
    /// The start after the last, µs.
    pub to: Option<i64>,
    /// Outcomes.
    pub only: Only,
    /// What must hold.
    pub condition: Option<Condition>,
}

impl Filter {
    /// Whether it lets everything through.
    pub fn is_all(&self) -> bool {
        self.from.is_none()
            && self.to.is_none()
            && self.only == Only::All
            && self.condition.is_none()
    }

    /// Adds the columns it reads.
    pub fn columns(&self, set: &mut ColumnSet) {
        if self.from.is_some() || self.to.is_some() {
            set.insert(TIME);
        }
        if self.only != Only::All {
            set.insert(OUTCOME);
        }
        if let Some(condition) = &self.condition {
            set.extend(condition.columns());
        }
    }

    /// Whether rows with this word as their outcome may be let through.
    pub fn may_select_outcome(&self, word: &[u8]) -> bool {
        let outcome = Outcome::ALL.into_iter().find(|known| known.as_str().as_bytes() == word);
        self.selects_outcome(outcome)
    }

    fn selects_outcome(&self, outcome: Option<Outcome>) -> bool {
        match self.only {
            Only::All => true,
            Only::Established => outcome == Some(Outcome::Established),
            Only::Failed => outcome.is_some_and(Outcome::is_failure),
        }
    }

    /// Which rows are let through; none if all are.
    ///
    /// # Errors
    /// [`Unusable`] if the condition cannot be told of a row.
    pub fn mask(&self, rows: &RecordBatch) -> Result<Option<BooleanArray>, Unusable> {
        if self.is_all() {
            return Ok(None);
        }
        let mut mask = BooleanBuffer::new_set(rows.num_rows());
        let column = |name| rows.column_by_name(name);
        if self.from.is_some() || self.to.is_some() {
            let times =
                column(TIME).and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
            if let Some(times) = times {
                let (from, times) = (self.from.unwrap_or(i64::MIN), times.values());
                mask = BooleanBuffer::collect_bool(times.len(), |row| {
                    times[row] >= from && self.to.is_none_or(|to| times[row] < to)
                });
            }
        }
        if self.only != Only::All {
            let words = column(OUTCOME).and_then(|words| words.as_dictionary_opt::<Int32Type>());
            let known = words.and_then(|words| words.values().as_string_opt::<i32>());
            if let (Some(words), Some(known)) = (words, known) {
                let yes: Vec<bool> = known
                    .iter()
                    .map(|word| self.may_select_outcome(word.unwrap_or_default().as_bytes()))
                    .collect();
                let keys = words.keys().values();
                let holds = |row: usize| yes.get(keys[row] as usize).copied().unwrap_or(false);
                mask = &mask & &BooleanBuffer::collect_bool(keys.len(), holds);
            }
        }
        if let Some(condition) = &self.condition {
            mask = &mask & &condition.mask(rows)?;
        }
        Ok(Some(BooleanArray::new(mask, None)))
    }
}
