//! How connects ended: rows by outcome and errno.

use connlat_schema::Outcome;
use connlat_schema::capture::columns::{ERRNO, OUTCOME};
use polars::prelude::*;

use super::by::By;
use super::figures::{Key, key_columns};
use super::parts::counted;

/// Number of rows with one outcome and errno.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCount {
    /// The word in the capture; maybe one this version does not know.
    pub outcome: String,
    /// The group's keys.
    pub keys: Vec<Key>,
    /// Linux errno, where known.
    pub errno: Option<i64>,
    /// Rows.
    pub connects: i64,
}

/// Counts by outcome and errno, within each group: outcomes in the schema's order, unknown ones
/// last; the most frequent errno first.
pub fn outcomes(frame: &LazyFrame, by: &[By]) -> PolarsResult<Vec<OutcomeCount>> {
    const CONNECTS: &str = "connects";
    let mut keys = vec![col(OUTCOME), col(ERRNO)];
    // Named apart, for one may ask for the outcome by outcome.
    let names: Vec<String> = by.iter().map(|by| format!("key {}", by.name())).collect();
    keys.extend(by.iter().zip(&names).map(|(by, name)| by.expr().alias(name)));
    let all_names: Vec<String> =
        [OUTCOME, ERRNO].map(str::to_owned).into_iter().chain(names.iter().cloned()).collect();
    let answer = counted(frame, &keys, &all_names, CONNECTS)?;
    let keys = key_columns(&answer, &names)?;
    let errnos = answer.column(ERRNO)?.cast(&DataType::Int64)?;
    let (words, errnos) = (answer.column(OUTCOME)?.str()?, errnos.i64()?);
    let connects = answer.column(CONNECTS)?.i64()?;
    let mut counts: Vec<_> = (0..answer.height())
        .map(|row| OutcomeCount {
            outcome: words.get(row).unwrap_or_default().to_owned(),
            keys: keys.iter().map(|column| column[row].clone()).collect(),
            errno: errnos.get(row),
            connects: connects.get(row).unwrap_or(0),
        })
        .collect();
    counts.sort_by(|a, b| {
        let place = |count: &OutcomeCount| {
            let known = |outcome: &Outcome| outcome.as_str() == count.outcome;
            Outcome::ALL.iter().position(known).unwrap_or(Outcome::COUNT)
        };
        a.keys
            .cmp(&b.keys)
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| a.outcome.cmp(&b.outcome))
            .then_with(|| b.connects.cmp(&a.connects))
            .then_with(|| a.errno.cmp(&b.errno))
    });
    Ok(counts)
}

/// Name of an errno that connects end with (`asm-generic/errno.h`).
pub fn errno_name(errno: i64) -> Option<&'static str> {
    Some(match errno {
        1 => "EPERM",
        13 => "EACCES",
        71 => "EPROTO",
        92 => "ENOPROTOOPT",
        98 => "EADDRINUSE",
        99 => "EADDRNOTAVAIL",
        100 => "ENETDOWN",
        101 => "ENETUNREACH",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        105 => "ENOBUFS",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        112 => "EHOSTDOWN",
        113 => "EHOSTUNREACH",
        _ => return None,
    })
}
