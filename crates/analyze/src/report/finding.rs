//! A finding on the page: what it says, its figures, when and who, its rows and
//! the command that shows them.

use minijinja::Value;
use serde::Serialize;

use super::charts::ChartError;
use super::charts::stacked::Drawn;
use super::charts::when;
use super::table::{self, Table};
use crate::answer::AnswerTable;
use crate::findings::{Class, Counts, Finding, Picture};
use crate::units;

/// Columns in which rows of one finding hardly differ.
const ALIKE: [&str; 3] = ["rtt_us", "cgroup", "host"];

/// One finding.
#[derive(Debug, Serialize)]
pub struct Shown {
    pub number: usize,
    pub kind: &'static str,
    pub text: String,
    /// What went wrong, rather than what is usual here or a habit of a program.
    pub alarming: bool,
    /// Named figures with their exact values.
    pub figures: Vec<Fact>,
    pub command: String,
    pub when: Option<When>,
    pub who: Vec<Names>,
    pub rows: Option<Table>,
}

/// A named figure.
#[derive(Debug, Serialize)]
pub struct Fact {
    pub name: &'static str,
    pub text: String,
    pub value: Option<String>,
}

/// The picture over time.
#[derive(Debug, Serialize)]
pub struct When {
    pub svg: Value,
    pub drawn: Drawn,
    pub text: String,
    pub first: String,
    pub last: String,
}

/// Whose connects they are, or where they went.
#[derive(Debug, Serialize)]
pub struct Names {
    pub title: &'static str,
    pub named: Vec<Bar>,
}

#[derive(Debug, Serialize)]
pub struct Bar {
    pub name: String,
    pub connects: String,
    /// Of 100.
    pub width: u64,
}

/// A finding by its place in the list, from 1.
///
/// # Errors
/// [`ChartError`].
pub fn of(number: usize, finding: &Finding) -> Result<Shown, ChartError> {
    let picture = finding.picture.as_ref();
    let rows = picture.map(|picture| {
        let table = AnswerTable::single(picture.rows.clone(), picture.names.as_deref());
        let caption = match picture.of {
            of if of > picture.rows.len() => {
                format!("The first {} of {}", picture.rows.len(), units::counted(of as u64, "row"))
            }
            of => format!("Its {}", units::counted(of as u64, "row")),
        };
        table::of("finding", &caption, &table, &ALIKE)
    });
    Ok(Shown {
        number,
        kind: finding.kind,
        text: finding.text.clone(),
        alarming: finding.class >= Class::Standing,
        figures: figures(finding),
        command: finding.command.clone(),
        when: picture.map(when).transpose()?,
        who: picture.map(who).unwrap_or_default(),
        rows,
    })
}

fn figures(finding: &Finding) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact =
        |name, text: String, value: Option<String>| facts.push(Fact { name, text, value });
    let count = |value: u64| (units::count_u64(value), Some(value.to_string()));
    let (text, value) = count(finding.connects);
    fact("connects", text, value);
    let (text, value) = count(finding.of);
    fact("of, in its scope", text, value);
    let (text, value) = count(finding.good);
    fact("good meanwhile", text, value);
    let waited = finding.waited_ns;
    fact("waited in all", units::duration(waited), Some(waited.to_string()));
    let time = |us: Option<i64>, none: &str| us.map_or(none.to_owned(), |us| units::time(us, 3));
    let exact = |us: Option<i64>| us.map(|us| us.to_string());
    fact("began", time(finding.began, "before the recording, or unknown"), exact(finding.began));
    let open = if finding.ongoing { "not ended" } else { "unknown" };
    fact("ended", time(finding.ended, open), exact(finding.ended));
    fact("pattern", finding.pattern.to_owned(), None);
    fact("confidence", finding.confidence.name().to_owned(), None);
    let words = |word: &str| word.replace('_', " ");
    if let Some(symptom) = finding.symptom {
        fact("symptom", words(symptom), None);
    }
    match finding.cause {
        Some(cause) => fact("cause", words(cause), None),
        None if finding.alternatives.is_empty() => {}
        None => {
            let may: Vec<String> = finding.alternatives.iter().map(|word| words(word)).collect();
            fact("may be", may.join(", "), None);
        }
    }
    if !finding.scope.is_empty() {
        let scope = finding.scope.iter().map(|(name, value)| format!("{name} = {}", value.shown()));
        fact("scope", scope.collect::<Vec<_>>().join(", "), None);
    }
    if !finding.examples.is_empty() {
        fact("examples", finding.examples.join(", "), None);
    }
    facts
}

fn when(picture: &Picture) -> Result<When, ChartError> {
    let (grid, connects) = (picture.grid, &picture.connects);
    let drawn = when::draw(picture)?;
    let end = i64::try_from(grid.count).unwrap_or(i64::MAX).saturating_mul(grid.every);
    let decimals = units::decimals_for(grid.every);
    let (first, last) = units::axis(grid.first, grid.first.saturating_add(end), decimals);
    let most = connects.iter().copied().max().unwrap_or(0);
    let with = connects.iter().filter(|count| **count > 0).count();
    let text = format!(
        "{} of {} intervals of {} have some, at most {}",
        with,
        grid.count,
        units::interval(grid.every),
        units::count_u64(most)
    );
    Ok(When { svg: Value::from_safe_string(drawn.inside.clone()), drawn, text, first, last })
}

fn who(picture: &Picture) -> Vec<Names> {
    let names = |title, counts: &Counts| {
        let (more, of_more) = counts.more;
        let all = counts.named.iter().map(|(_, count)| *count).fold(of_more, u64::saturating_add);
        let bar = |name: String, count: u64| Bar {
            name,
            connects: units::count_u64(count),
            width: (u128::from(count) * 100 / u128::from(all.max(1))) as u64,
        };
        let mut named: Vec<Bar> =
            counts.named.iter().map(|(name, count)| bar(name.clone(), *count)).collect();
        if more > 0 {
            named.push(bar(format!("{} more", units::count_u64(more as u64)), of_more));
        }
        Names { title, named }
    };
    vec![names("Programs", &picture.programs), names("Destinations", &picture.destinations)]
}
