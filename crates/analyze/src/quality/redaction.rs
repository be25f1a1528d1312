//! What `analyze redact` replaced: said with every answer, so that nobody takes a
//! word for a name or another's address for the original one.

use connlat_schema::capture::metadata::Redaction;

/// What is not original in one capture.
pub fn told(redaction: &Redaction) -> String {
    let kept = |what: &str| redaction.kept.iter().any(|kept| kept == what);
    let mut replaced = vec!["addresses"];
    if !kept("names") {
        replaced.insert(0, "names");
    }
    if !kept("ports") {
        replaced.push("source ports");
    }
    let (last, others) = replaced.split_last().unwrap_or((&"", &[]));
    let replaced = match others {
        [] => (*last).to_owned(),
        others => format!("{} and {last}", others.join(", ")),
    };
    let times = if redaction.times_moved { "; times are moved" } else { "" };
    format!("{replaced} are not the original ones{times}")
}

/// The same of several captures; none if nothing was replaced in any.
pub fn of_all(all: &[Option<&Redaction>]) -> Option<String> {
    let mut kinds: Vec<String> = all.iter().flatten().map(|redaction| told(redaction)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let count = all.iter().flatten().count();
    match (kinds.as_slice(), count) {
        ([], _) => None,
        ([kind], count) if count == all.len() => Some(kind.clone()),
        ([kind], count) => Some(format!("{count} of {} captures: {kind}", all.len())),
        (_, count) => Some(format!(
            "{count} of {} captures, each in another way: names, addresses, ports or times are not \
             the original ones",
            all.len()
        )),
    }
}

/// Keys that captures were redacted with.
pub fn keys(all: &[Option<&Redaction>]) -> usize {
    let mut keys: Vec<&str> = all.iter().flatten().map(|r| r.key_id.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    keys.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_is_said() {
        let redaction = |key: &str, kept: &[&str], times_moved| Redaction {
            tool_version: "1".to_owned(),
            key_id: key.to_owned(),
            kept: kept.iter().map(|what| (*what).to_owned()).collect(),
            times_moved,
        };
        let all = redaction("a", &[], false);
        assert_eq!(told(&all), "names, addresses and source ports are not the original ones");
        let few = redaction("b", &["names", "ports"], true);
        assert_eq!(told(&few), "addresses are not the original ones; times are moved");
        assert_eq!(of_all(&[None]), None);
        assert_eq!(of_all(&[Some(&all), Some(&all)]), Some(told(&all)));
        let some = of_all(&[Some(&few), None]).expect("one is");
        assert!(some.starts_with("1 of 2 captures: addresses are not"), "{some}");
        assert!(of_all(&[Some(&few), Some(&all)]).is_some_and(|text| text.contains("another way")));
        assert_eq!(
            (keys(&[Some(&all), None, Some(&all)]), keys(&[Some(&all), Some(&few)])),
            (1, 2)
        );
    }
}
