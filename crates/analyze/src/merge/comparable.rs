//! Which captures may become one: of one boot of one machine, recorded alike.

use std::collections::BTreeMap;

use connlat_schema::capture::columns::NAMES;
use connlat_schema::capture::metadata::CaptureInfo;

use super::name;
use crate::capture::{Capture, Captures};
use crate::escape;
use crate::quality::{Trust, Warning};
use crate::units;

/// Boots and settings that are listed one by one.
const LISTED: usize = 4;

/// Why they cannot become one, and what to do about it.
pub(super) fn check(captures: &Captures, trust: &Trust<'_>) -> Result<(), String> {
    let each = &captures.each;
    if let Some(unknown) = each.iter().find(|capture| capture.info.boot_id.is_empty())
        && each.len() > 1
    {
        return Err(format!(
            "{} does not say of which boot it is, so its times cannot be put in order with \
             others'; leave it out",
            name(unknown)
        ));
    }
    let boots = by(each, |info| info.boot_id.clone());
    if boots.len() > 1 {
        return Err(several_boots(&boots));
    }
    for (what, value) in [
        ("host", (|info| escape::terminal(&info.host)) as fn(&CaptureInfo) -> String),
        ("machine", |info| info.machine_id_hash.clone().unwrap_or_default()),
        ("kernel", |info| escape::terminal(&info.kernel_release)),
        ("architecture", |info| escape::terminal(&info.arch)),
        ("filter", filters),
        ("option", |info| {
            if traces_local_errors(info) { "--trace-local-errors" } else { "none" }.into()
        }),
    ] {
        let values = by(each, value);
        if values.len() > 1 {
            return Err(several(what, &values));
        }
    }
    let overlap = trust.warnings.iter().find_map(|warning| match warning {
        Warning::Overlap(a, b) => Some((a, b)),
        _ => None,
    });
    if let Some((a, b)) = overlap {
        return Err(format!(
            "{a} and {b} were recorded at the same time, so connects would be there twice and \
             nothing would tell; leave out one, such as the snapshot of a segment"
        ));
    }
    for capture in each {
        if let Some(column) = capture.file.further_column() {
            return Err(format!(
                "{} has a column `{}`, which would be lost: this program knows {} columns; use a \
                 newer `analyze`",
                name(capture),
                escape::terminal(column),
                NAMES.len()
            ));
        }
    }
    Ok(())
}

/// Captures by a property.
fn by(each: &[Capture], value: fn(&CaptureInfo) -> String) -> BTreeMap<String, Vec<&Capture>> {
    let mut found: BTreeMap<String, Vec<&Capture>> = BTreeMap::new();
    for capture in each {
        found.entry(value(&capture.info)).or_default().push(capture);
    }
    found
}

/// What was recorded, as told: all filters, `--min-latency` among them.
fn filters(info: &CaptureInfo) -> String {
    let all = info.filters.iter().map(|(name, values)| format!("{name}={}", values.join(",")));
    match all.collect::<Vec<_>>().join(" ") {
        none if none.is_empty() => "none".to_owned(),
        filters => escape::terminal(&filters),
    }
}

/// Whether connects are in it that others do not have.
pub(super) fn traces_local_errors(info: &CaptureInfo) -> bool {
    let own = info.command_line.iter().take_while(|word| *word != "--");
    own.into_iter().any(|word| word == "--trace-local-errors")
}

fn several_boots(boots: &BTreeMap<String, Vec<&Capture>>) -> String {
    let mut all: Vec<(&String, &Vec<&Capture>)> = boots.iter().collect();
    all.sort_by_key(|(_, captures)| captures.iter().map(|c| c.info.start.time_us).min());
    let listed: Vec<String> = all
        .iter()
        .take(LISTED)
        .map(|(boot, captures)| {
            let count = units::counted(captures.len() as u64, "capture");
            let host = captures.first().map(|c| escape::terminal(&c.info.host));
            format!("--boot {} ({count} of {})", escape::terminal(boot), host.unwrap_or_default())
        })
        .collect();
    let more = match all.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "a capture is of one boot of one machine, and these are of {}; merge each into a file of \
         its own: {}{more}",
        boots.len(),
        listed.join(", ")
    )
}

fn several(what: &str, values: &BTreeMap<String, Vec<&Capture>>) -> String {
    let shown: Vec<String> = values
        .iter()
        .take(LISTED)
        .map(|(value, captures)| {
            let example = captures.first().map(|capture| name(capture)).unwrap_or_default();
            format!("{value} ({}, such as {example})", captures.len())
        })
        .collect();
    format!(
        "the captures do not have the same {what}: {}; name those that were recorded alike",
        shown.join("; ")
    )
}
