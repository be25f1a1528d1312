//! Names by line: `ADDRESS NAME…` of hosts(5), or `PREFIX,NAME`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Names, NamesError};

/// Reads either. What begins with `#` is a comment.
///
/// # Errors
/// [`NamesError::Line`] for the first line that is neither.
pub fn read(text: &str, names: &mut Names) -> Result<(), NamesError> {
    for (index, line) in text.lines().enumerate() {
        let wrong = |why: &str| NamesError::Line(index + 1, why.to_owned());
        // A name of a list may hold the sign, one of a hosts file may not.
        let csv = line.split('#').next().is_some_and(|before| before.contains(','));
        let content = if csv { line } else { line.split('#').next().unwrap_or_default() };
        let content = content.trim();
        if content.is_empty() {
            continue;
        }
        let (prefix, name) = match csv {
            true => of_list(content).ok_or_else(|| wrong("no name after the prefix"))?,
            false => {
                let mut words = content.split_whitespace();
                let (address, name) = (words.next().unwrap_or_default(), words.next());
                (address.to_owned(), name.ok_or_else(|| wrong("no name"))?.to_owned())
            }
        };
        match network(&prefix) {
            Some(network) => names.add(network, &name)?,
            // The names of the columns.
            None if csv && index == 0 => {}
            // An address of one interface is another on each.
            None if prefix.contains('%') => {}
            None => return Err(wrong(&format!("`{}` is no address", shown(&prefix)))),
        }
    }
    Ok(())
}

/// Prefix and name of a line of a list, which may be quoted and have more columns.
fn of_list(line: &str) -> Option<(String, String)> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(line.as_bytes());
    let record = reader.records().next()?.ok()?;
    let name = record.get(1).filter(|name| !name.is_empty())?;
    Some((record.get(0)?.to_owned(), name.to_owned()))
}

/// A prefix, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn shown(text: &str) -> String {
    crate::escape::terminal(text).chars().take(60).collect()
}
