//! Commands to paste into a shell: with real names and values, quoted for SQL and
//! for the shell, whatever they hold.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::shell::quoted;
use crate::units;

/// Addresses in a condition.
const LISTED: usize = 20;

/// What every command ends with.
#[derive(Debug, Clone)]
pub struct Command {
    files: String,
    /// The time and the condition that were asked for.
    span: String,
    filter: Option<String>,
}

impl Command {
    /// For the files as named.
    pub fn new(files: &[PathBuf]) -> Self {
        let names = files.iter().map(|file| {
            let name = file.as_os_str().as_encoded_bytes();
            // What begins with a dash would be an option.
            match name.first() {
                Some(b'-') => quoted(&[b"./", name].concat()),
                _ => quoted(name),
            }
        });
        let files = names.collect::<Vec<_>>().join(" ");
        Self { files, span: String::new(), filter: None }
    }

    /// Of the rows that were selected: from one moment to another, µs, where a
    /// condition holds.
    pub fn within(mut self, span: (Option<i64>, Option<i64>), filter: Option<&str>) -> Self {
        let option = |name: &str, moment: Option<i64>| {
            moment.map(|us| format!("{name} {}", units::rfc3339(us, 6)))
        };
        let span: Vec<String> =
            [option("--from", span.0), option("--to", span.1)].into_iter().flatten().collect();
        self.span = span.join(" ");
        self.filter = filter.map(|filter| format!("({filter})"));
        self
    }

    /// `analyze events` with conditions in SQL; those that cannot be written
    /// are left out.
    pub fn events(&self, options: &str, conditions: &[Option<String>]) -> String {
        let all = [&self.filter].into_iter().chain(conditions);
        let conditions: Vec<&str> = all.filter_map(|c| c.as_deref()).collect();
        let filter = match conditions.as_slice() {
            [] => String::new(),
            some => format!(" --where {}", where_value(&some.join(" AND "))),
        };
        // A finding about a time has its own.
        let span = if options.contains("--from") { "" } else { self.span.as_str() };
        let options: String = [span, options]
            .into_iter()
            .filter(|words| !words.is_empty())
            .map(|words| format!(" {words}"))
            .collect();
        format!("analyze events{options}{filter} {}", self.files)
    }
}

/// A condition always stands in quotes, which people know to look for.
fn where_value(condition: &str) -> String {
    match quoted(condition.as_bytes()) {
        word if word.starts_with(['\'', '"', '$']) => word,
        plain => format!("\"{plain}\""),
    }
}

/// `column = 'value'` as SQL has it.
pub fn is(column: &str, value: &str) -> Option<String> {
    Some(format!("{column} = '{}'", value.replace('\'', "''")))
}

/// The condition of being in a network as [`crate::scan::network`] writes it.
/// Where text has no prefix that says it, as in IPv6, where zeros are left out,
/// the addresses are listed.
pub fn in_network(network: &str, addresses: &BTreeSet<&str>) -> Option<String> {
    let prefix = [(".0.0.0/8", 1), (".0.0/16", 2), (".0/24", 3)]
        .into_iter()
        .find_map(|(end, parts)| {
            let prefix = network.strip_suffix(end)?;
            (prefix.split('.').count() == parts).then_some(prefix)
        })
        .unwrap_or_default();
    if !prefix.is_empty() && prefix.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Some(format!("dst_addr LIKE '{prefix}.%'"));
    }
    let plain = |c: char| c.is_ascii_hexdigit() || ".:".contains(c);
    let plain = addresses.iter().filter(|address| address.chars().all(plain));
    let listed: Vec<String> = plain.take(LISTED).map(|address| format!("'{address}'")).collect();
    (!listed.is_empty()).then(|| format!("dst_addr IN ({})", listed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_in_a_shell() {
        let command = Command::new(&["a b'c.parquet".into(), "-x".into()]);
        let text = command.events("--failed", &[is("comm", "nginx")]);
        let expected = r#"analyze events --failed --where "comm = 'nginx'" "a b'c.parquet" ./-x"#;
        assert_eq!(text, expected);
        let text = command.events("", &[is("comm", "it's $(reboot)")]);
        assert!(text.contains(r"--where 'comm = '\''it'\'''\''s $(reboot)'\''' "), "{text}");
        let within = Command::new(&["f".into()]).within((Some(0), None), Some("a = 1 OR b = 2"));
        let text = within.events("", &[is("comm", "nginx")]);
        let expected = "analyze events --from 1970-01-01T00:00:00.000000Z --where \
            \"(a = 1 OR b = 2) AND comm = 'nginx'\" f";
        assert_eq!(text, expected);
        let all = Command::new(&["x\u{1b}".into()]).events("", &[]);
        assert_eq!(all, r"analyze events $'x\x1b'");
        let many: Vec<PathBuf> = (0..50).map(|n| format!("capture-{n}.parquet").into()).collect();
        assert!(Command::new(&many).events("", &[]).ends_with(" capture-49.parquet"));
    }

    #[test]
    fn networks_become_conditions() {
        let network = |network: &str, addresses: &[&str]| {
            in_network(network, &addresses.iter().copied().collect())
        };
        let v4 = network("10.1.2.0/24", &["10.1.2.3"]);
        assert_eq!(v4.as_deref(), Some("dst_addr LIKE '10.1.2.%'"));
        let v6 = network("2001:db8::/64", &["2001:db8::1", "2001:db8::2"]);
        assert_eq!(v6.as_deref(), Some("dst_addr IN ('2001:db8::1', '2001:db8::2')"));
        assert_eq!(network("x'0/24", &["x'y"]), None);
    }
}
