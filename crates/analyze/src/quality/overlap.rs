//! Recordings of one boot that were made at the same time.

use std::collections::HashMap;

use connlat_schema::capture::metadata::CaptureInfo;

use super::{FileTrust, Warning};

/// Names each file once that overlaps with an earlier one.
pub(super) fn overlaps(files: &[FileTrust<'_>]) -> Vec<Warning> {
    let infos: Vec<&CaptureInfo> = files.iter().map(|file| &file.capture.info).collect();
    let pairs = pairs(&infos).into_iter();
    pairs.map(|(a, b)| Warning::Overlap(files[a].name(), files[b].name())).collect()
}

/// Each recording that overlaps with one before it, after the first of those.
fn pairs(infos: &[&CaptureInfo]) -> Vec<(usize, usize)> {
    let mut boots: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (place, info) in infos.iter().enumerate() {
        let boot = info.boot_id.as_str();
        // Without a boot id the name has to tell.
        let host = if boot.is_empty() { info.host.as_str() } else { "" };
        boots.entry((boot, host)).or_default().push(place);
    }
    let span = |place: usize| {
        let (start, stop) = (infos[place].start, infos[place].stop);
        (start.monotonic_ns, stop.monotonic_ns)
    };
    let mut pairs = Vec::new();
    for mut places in boots.into_values() {
        places.sort_unstable_by_key(|place| span(*place));
        // Those that overlap, if only by way of others, follow each other.
        let mut until = i64::MIN;
        let mut together: Vec<usize> = Vec::new();
        for place in places {
            let (start, stop) = span(place);
            if start >= until {
                pairs.extend(among(&mut together, &span));
            }
            together.push(place);
            until = until.max(stop);
        }
        pairs.extend(among(&mut together, &span));
    }
    pairs.sort_unstable_by_key(|(_, later)| *later);
    pairs
}

/// The same of a few, which are taken.
fn among(few: &mut Vec<usize>, span: &impl Fn(usize) -> (i64, i64)) -> Vec<(usize, usize)> {
    few.sort_unstable();
    let overlap = |a: usize, b: usize| span(a).0 < span(b).1 && span(b).0 < span(a).1;
    let pairs = few.iter().enumerate().filter_map(|(index, later)| {
        let earlier = few[..index].iter().find(|earlier| overlap(**earlier, *later))?;
        Some((*earlier, *later))
    });
    let pairs = pairs.collect();
    few.clear();
    pairs
}

#[cfg(test)]
mod tests {
    use connlat_schema::capture::metadata::Instant;

    use super::*;

    #[test]
    fn the_same_pairs_as_by_comparing_each_with_each() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..500 {
            let infos: Vec<CaptureInfo> = (0..random.usize(0..12))
                .map(|_| {
                    let start = random.i64(0..40);
                    // Some files contradict themselves.
                    let stop = start + random.i64(-3..9);
                    let at = |monotonic_ns| Instant { time_us: 0, monotonic_ns };
                    let boot = ["", "a", "b"][random.usize(..3)].to_owned();
                    let host = ["x", "y"][random.usize(..2)].to_owned();
                    info(boot, host, at(start), at(stop))
                })
                .collect();
            let infos: Vec<&CaptureInfo> = infos.iter().collect();
            let overlap = |a: &CaptureInfo, b: &CaptureInfo| {
                b.boot_id == a.boot_id
                    && (!a.boot_id.is_empty() || a.host == b.host)
                    && a.start.monotonic_ns < b.stop.monotonic_ns
                    && b.start.monotonic_ns < a.stop.monotonic_ns
            };
            let expected: Vec<(usize, usize)> = (0..infos.len())
                .filter_map(|later| {
                    let earlier = (0..later).find(|a| overlap(infos[*a], infos[later]))?;
                    Some((earlier, later))
                })
                .collect();
            assert_eq!(pairs(&infos), expected);
        }
    }

    fn info(boot_id: String, host: String, start: Instant, stop: Instant) -> CaptureInfo {
        let json = serde_json::json!({
            "format_version": 1, "tool_version": "", "host": host, "kernel_release": "", "arch": "",
            "boot_id": boot_id, "machine_id_hash": null, "command_line": [], "start": start,
            "stop": stop, "stop_reason": "unknown", "clean": true, "counters": {}
        });
        serde_json::from_value(json).expect("a document")
    }
}
