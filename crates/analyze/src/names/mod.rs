//! Names of addresses and pods from elsewhere: `--names FILE`.
//!
//! Never a wrong name: what two things are called differently by gets none, and
//! is told. [`lines`] reads hosts files and prefixes with names, [`kubernetes`]
//! what `kubectl` prints.

mod kubernetes;
mod lines;
mod pod_id;
mod prefixes;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;

use prefixes::Prefixes;

/// Longest file, bytes: a cluster of 10,000 pods takes some 80 MB.
const LONGEST: u64 = 256 << 20;
/// Names of one run.
const MOST: usize = 1_000_000;
/// Longest name, bytes: two names of Kubernetes with what kind they are of.
const LONGEST_NAME: usize = 600;

/// Why a file gives no names.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    #[error("cannot be read: {0}; check the name and the permissions")]
    Io(#[from] std::io::Error),
    #[error("is longer than 256 MiB; name a file with fewer names")]
    TooLong,
    #[error("has more than 1,000,000 names; leave some out")]
    TooMany,
    #[error("is not UTF-8; name a hosts file, a list of PREFIX,NAME or kubectl's JSON")]
    NotText,
    #[error("line {0}: {1}; write ADDRESS NAME or PREFIX,NAME")]
    Line(usize, String),
    #[error("is not what `kubectl get pods,services,endpointslices -A -o json` prints: {0}")]
    Kubernetes(String),
}

/// What is called what.
#[derive(Debug, Default, PartialEq)]
pub struct Names {
    addresses: Prefixes,
    /// Pods by their ids, without dashes.
    pods: BTreeMap<Box<str>, Named>,
    count: usize,
}

/// What one thing is called by all who name it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    One(Box<str>),
    /// The first two names; it has none.
    Several(Box<str>, Box<str>),
}

impl Named {
    fn name(&self) -> Option<&str> {
        match self {
            Self::One(name) => Some(name),
            Self::Several(..) => None,
        }
    }

    fn add(&mut self, name: &str) {
        if let Self::One(first) = self
            && &**first != name
        {
            *self = Self::Several(std::mem::take(first), name.into());
        }
    }
}

impl Names {
    /// Adds those of a file.
    ///
    /// # Errors
    /// [`NamesError`].
    pub fn read(&mut self, path: &Path) -> Result<(), NamesError> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            return Err(NamesError::TooLong);
        }
        self.read_text(&bytes)
    }

    /// Adds those of a file that was read: all of them or none.
    ///
    /// # Errors
    /// [`NamesError`].
    pub fn read_whole(&mut self, bytes: &[u8]) -> Result<(), NamesError> {
        Self::default().read_text(bytes)?;
        self.read_text(bytes)
    }

    fn read_text(&mut self, bytes: &[u8]) -> Result<(), NamesError> {
        let text = std::str::from_utf8(bytes).map_err(|_| NamesError::NotText)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match text.trim_start().starts_with('{') {
            true => kubernetes::read(text, self),
            false => lines::read(text, self),
        }
    }

    /// The name of a destination or source; empty if it has none.
    pub fn of(&self, address: &str) -> &str {
        let address = address.parse::<IpAddr>().ok();
        address.and_then(|address| self.addresses.of(address)).unwrap_or("")
    }

    /// The pod that a cgroup is of; empty if it is of none that is known.
    pub fn pod(&self, cgroup: &str) -> &str {
        let id = pod_id::of(cgroup);
        id.and_then(|id| self.pods.get(id.as_str())?.name()).unwrap_or("")
    }

    /// Addresses and pods with several names, each in a sentence.
    pub fn conflicts(&self) -> Vec<String> {
        let pods = self.pods.iter().filter_map(|(id, named)| match named {
            Named::One(_) => None,
            Named::Several(a, b) => Some(conflict(&format!("the pod {id}"), a, b)),
        });
        self.addresses.conflicts().chain(pods).collect()
    }

    fn add(&mut self, prefix: IpNet, name: &str) -> Result<(), NamesError> {
        self.addresses.add(prefix, shortened(name));
        self.counted()
    }

    fn add_pod(&mut self, id: &str, name: &str) -> Result<(), NamesError> {
        let name = shortened(name);
        self.pods
            .entry(id.into())
            .and_modify(|named| named.add(name))
            .or_insert_with(|| Named::One(name.into()));
        self.counted()
    }

    fn counted(&mut self) -> Result<(), NamesError> {
        self.count += 1;
        if self.count > MOST { Err(NamesError::TooMany) } else { Ok(()) }
    }
}

fn conflict(what: &str, a: &str, b: &str) -> String {
    let shown = crate::escape::terminal;
    format!("{} is called {} and {}, so it gets no name", shown(what), shown(a), shown(b))
}

fn shortened(name: &str) -> &str {
    let end = (0..=LONGEST_NAME).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    name.get(..end).unwrap_or(name)
}

#[cfg(test)]
mod tests;
