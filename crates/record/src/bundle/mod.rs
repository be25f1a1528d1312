//! `record snapshot --bundle`: what a recorder has now, names, and facts about the
//! host, as one new file.
//!
//! Everything that can fail without the recorder fails before it is asked:
//! [`archive`] has a file to write by then, and the names are read. [`sealing`]
//! asks, and holds on to the captures; `docs/format.md` says what is where.

mod archive;
mod interrupt;
mod journal;
mod sealing;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use connlat_schema::capture::bundle::{HOST, HOST_LIMIT, NAMES, NAMES_LIMIT, README};
use connlat_schema::escape::{json_document, terminal};

use archive::Archive;
pub use sealing::Asked;

use crate::host::Facts;

/// A bundle that is to be written.
pub struct Bundle {
    archive: Archive,
    names: Option<Vec<u8>>,
}

/// What is in a bundle that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Captures in it.
    pub captures: usize,
    /// Connects in them.
    pub rows: u64,
    /// Its size, bytes.
    pub bytes: u64,
}

impl Bundle {
    /// Reads the names and creates the file under a name that it does not keep.
    ///
    /// # Errors
    /// When there is a file of that name, it cannot be created, or the names
    /// cannot be read or are too long.
    pub fn begin(path: &Path, names: Option<&PathBuf>) -> anyhow::Result<Self> {
        interrupt::watch().context("cannot handle signals")?;
        let names = names.map(|names| read_names(names)).transpose()?;
        Ok(Self { archive: Archive::create(path)?, names })
    }

    /// The name that it is going to have, for messages.
    pub fn shown(&self) -> PathBuf {
        self.archive.shown()
    }

    /// Waits for the captures that were asked for, and writes them with the rest.
    ///
    /// # Errors
    /// When the recorder writes none, the archive cannot be written, or another
    /// file has taken its name; nothing is left of it then.
    pub fn write(mut self, asked: Asked, facts: &Facts) -> anyhow::Result<Written> {
        let captures = asked.wait()?;
        let host = json_document(&format!("{:#}\n", facts.to_json()));
        ensure!(host.len() as u64 <= HOST_LIMIT, "the facts about this host are too long");
        let name = terminal(&self.archive.name());
        let readme = readme(&name, captures.iter().map(|capture| &*capture.name));
        self.archive.text(README, readme.as_bytes())?;
        self.archive.text(HOST, host.as_bytes())?;
        if let Some(names) = &self.names {
            self.archive.text(NAMES, names)?;
        }
        for capture in &captures {
            self.archive.capture(capture)?;
        }
        let rows = captures.iter().map(|capture| capture.info.counters.written);
        let (captures, rows) = (captures.len(), rows.fold(0, u64::saturating_add));
        Ok(Written { captures, rows, bytes: self.archive.publish()? })
    }
}

/// The names as they are; what they say is for `analyze` to judge.
fn read_names(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let cannot = || format!("cannot read the names in {shown}");
    let mut names = Vec::new();
    let file = File::open(path).with_context(cannot)?;
    file.take(NAMES_LIMIT + 1).read_to_end(&mut names).with_context(cannot)?;
    ensure!(
        names.len() as u64 <= NAMES_LIMIT,
        "{shown} is longer than 16 MiB; leave names out, or give it to analyze with --names"
    );
    Ok(names)
}

/// What somebody reads who unpacks it.
fn readme<'a>(archive: &str, captures: impl Iterator<Item = &'a str>) -> String {
    let captures: Vec<&str> = captures.collect();
    format!(
        "TCP connects of one host, written by record {version} (connlat).\n\
         \n\
         Ask without unpacking:\n\
         \x20 analyze summary {archive}\n\
         \x20 analyze info {archive}\n\
         \n\
         {captures}: what was recorded; docs/format.md has the columns\n\
         {HOST}: facts about the host when the bundle was made; null is unknown\n\
         {NAMES}: names of addresses, if some were given\n\
         \n\
         It says who connected where. Before it leaves your hands:\n\
         \x20 analyze redact {archive} -o DIR\n",
        version = env!("CARGO_PKG_VERSION"),
        captures = captures.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_and_bounded() {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("names");
        std::fs::write(&path, b"10.0.0.7 db\n\xff").expect("written");
        assert_eq!(read_names(&path).expect("read"), b"10.0.0.7 db\n\xff");
        let file = File::options().write(true).open(&path).expect("opened");
        file.set_len(NAMES_LIMIT).expect("longer");
        assert_eq!(read_names(&path).expect("read").len() as u64, NAMES_LIMIT);
        file.set_len(NAMES_LIMIT + 1).expect("longer");
        let error = read_names(&path).expect_err("too long").to_string();
        assert!(error.contains("longer than 16 MiB"), "{error}");
        assert!(read_names(scratch.path()).is_err());
    }
}
