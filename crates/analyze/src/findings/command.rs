//! Commands to paste into a shell. Values from a capture are put into one
//! only if they hold nothing that either the shell or SQL could act on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::units;

/// Longest list of files that is repeated in every command.
const LONGEST: usize = 60;

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
        let names: Vec<_> = files.iter().map(|file| file.to_str().and_then(quoted)).collect();
        let all: Option<Vec<String>> = names.into_iter().collect();
        let files = all.map(|names| names.join(" ")).filter(|text| text.len() <= LONGEST);
        let files = files.unwrap_or_else(|| "FILE...".to_owned());
        Self { files, span: String::new(), filter: None }
    }

    /// Of the rows that were selected: from one moment to another, µs, where a
    /// condition holds. One that a shell could act on is left out.
    pub fn within(mut self, span: (Option<i64>, Option<i64>), filter: Option<&str>) -> Self {
        let option = |name: &str, moment: Option<i64>| {
            moment.map(|us| format!("{name} {}", units::rfc3339(us, 6)))
        };
        let span: Vec<String> =
            [option("--from", span.0), option("--to", span.1)].into_iter().flatten().collect();
        self.span = span.join(" ");
        let plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !"$`\"\\!".contains(c);
        let filter = filter.filter(|filter| filter.chars().all(plain));
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
            some => format!(" --where \"{}\"", some.join(" AND ")),
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

fn quoted(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=+:,@%".contains(c);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) {
        return Some(name.to_owned());
    }
    // A backtick would end the code of a Markdown answer.
    let printable = name.chars().all(|c| c == ' ' || (c.is_ascii_graphic() && c != '`'));
    (printable && !name.starts_with('-')).then(|| format!("'{}'", name.replace('\'', r"'\''")))
}

/// `column = 'value'` inside double quotes of a shell.
pub fn is(column: &str, value: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || " ._-/:@+,()[]".contains(c);
    value.chars().all(plain).then(|| format!("{column} = '{value}'"))
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
        let command = Command::new(&["a b'c.parquet".into()]);
        let text = command.events("--failed", &[is("comm", "x$(reboot)"), is("comm", "nginx")]);
        assert_eq!(text, r#"analyze events --failed --where "comm = 'nginx'" 'a b'\''c.parquet'"#);
        let within = Command::new(&["f".into()]).within((Some(0), None), Some("a = 1 OR b = 2"));
        let text = within.events("", &[is("comm", "nginx")]);
        let expected = "analyze events --from 1970-01-01T00:00:00.000000Z --where \
            \"(a = 1 OR b = 2) AND comm = 'nginx'\" f";
        assert_eq!(text, expected);
        let hostile = Command::new(&["f".into()]).within((None, None), Some("a = '$(reboot)'"));
        assert_eq!(hostile.events("", &[]), "analyze events f");
        assert_eq!(is("comm", "a'b"), None);
        assert_eq!(Command::new(&["x\u{1b}".into()]).events("", &[]), "analyze events FILE...");
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
