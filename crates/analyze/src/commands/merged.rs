//! What tables put together that has the same name and is not the same: it is
//! said, with the keys that tell it apart.

use std::collections::BTreeSet;

use connlat_schema::capture::columns::{
    BOOT_ID, CGROUP, CGROUP_ID, COMM, DST_ADDR, HOST, NETNS, PID, SRC_ADDR, START_NS, TID, UID,
};

use super::Run;
use crate::escape;
use crate::scan::merged::{Merged, Reach};
use crate::scan::{By, Texts};
use crate::units;

/// Destinations that are named one by one.
const NAMED: usize = 2;

/// What the scan for a table by these keys has to look at besides, to tell what
/// the table puts together; nothing where that is known without.
pub fn looked_at(run: &Run<'_>, by: &[By]) -> Vec<Merged> {
    let apart = !is_of_destinations(by) || tells_places_apart(run, by);
    let looked_at = !apart && run.scan.places() != Some(1);
    looked_at.then(Merged::default).into_iter().collect()
}

/// What a table by these keys puts together, with what [`looked_at`] found.
pub fn notes(run: &Run<'_>, by: &[By], found: &[Merged], texts: &Texts) -> Vec<String> {
    let several = found.first().map(|found| found.several(texts)).unwrap_or_default();
    notes_of(run, by, &several)
}

/// The same of destinations that rows of several places have.
pub fn notes_of(run: &Run<'_>, by: &[By], several: &[(Reach, String)]) -> Vec<String> {
    let mut notes = of_machines(run, by);
    let split = match (boots(run), has(by, NETNS)) {
        (1, _) => NETNS.to_owned(),
        (_, true) => machine_key(run).to_owned(),
        (_, false) => format!("{},{NETNS}", machine_key(run)),
    };
    for (reach, what) in [
        (Reach::Here, "is another server in each"),
        (Reach::Private, "may be another server in each"),
    ] {
        let all: Vec<&String> =
            several.iter().filter(|(of, _)| *of == reach).map(|(_, shown)| shown).collect();
        if all.is_empty() {
            continue;
        }
        let named: Vec<String> =
            all.iter().take(NAMED).map(|name| escape::terminal(name)).collect();
        let more = match all.len() - named.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        notes.push(format!(
            "connects to {}{more} come from several network namespaces or machines; such an \
             address {what}; --by {split} tells them apart",
            named.join(", ")
        ));
    }
    notes
}

/// Names and numbers that mean something on one machine only.
fn of_machines(run: &Run<'_>, by: &[By]) -> Vec<String> {
    let mut notes = Vec::new();
    let called_alike = machines(run) > hosts(run);
    if has(by, BOOT_ID) {
        return notes;
    }
    if has(by, HOST) {
        if called_alike {
            notes.push(
                "machines of the same name are put together; --by boot_id tells them apart".into(),
            );
        }
        return notes;
    }
    if boots(run) > 1 && [PID, TID, NETNS, CGROUP_ID, START_NS].iter().any(|name| has(by, name)) {
        notes.push(format!(
            "pid, tid, netns, cgroup_id and start_ns mean something within one boot of a machine only; \
             {} are put together; --by boot_id tells them apart",
            units::counted(boots(run) as u64, "boot")
        ));
    } else if machines(run) > 1 && [COMM, CGROUP, UID, SRC_ADDR].iter().any(|name| has(by, name)) {
        notes.push(format!(
            "{} are put together; --by {} tells them apart",
            units::counted(machines(run) as u64, "machine"),
            machine_key(run)
        ));
    }
    notes
}

fn has(by: &[By], name: &str) -> bool {
    by.iter().any(|key| matches!(key, By::Column(column) if *column == name))
}

fn is_of_destinations(by: &[By]) -> bool {
    by.iter().any(|key| matches!(key, By::Dst | By::Subnet(_))) || has(by, DST_ADDR)
}

fn tells_places_apart(run: &Run<'_>, by: &[By]) -> bool {
    has(by, NETNS) && (boots(run) == 1 || has(by, BOOT_ID))
}

/// The column that tells machines apart.
fn machine_key(run: &Run<'_>) -> &'static str {
    if machines(run) > hosts(run) { BOOT_ID } else { HOST }
}

fn boots(run: &Run<'_>) -> usize {
    let boots: BTreeSet<&str> =
        run.captures.each.iter().map(|capture| capture.info.boot_id.as_str()).collect();
    boots.len()
}

fn hosts(run: &Run<'_>) -> usize {
    run.trust.hosts.len()
}

fn machines(run: &Run<'_>) -> usize {
    run.trust.machines
}
