//! What becomes of every name, address, port and time: settled before a row is
//! written.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use connlat_schema::Outcome;
use connlat_schema::capture::metadata::CaptureInfo;

use super::address::{Addresses, canonical};
use super::key::Key;
use super::originals::Originals;
use super::ports::SourcePorts;
use super::prefix::network;
use super::search::Search;
use super::vocabulary::{NAMED_FILTERS, PLAIN_FILTERS, WITHHELD};
use super::words::{Kind, Words};
use super::{Options, RedactError};

/// Maps of addresses that are tried until none becomes another's, if the key
/// may be chosen.
const ATTEMPTS: u32 = 16;

/// The plan.
pub struct Plan {
    pub options: Options,
    pub key_id: String,
    pub words: Words,
    pub addresses: Addresses,
    pub ports: SourcePorts,
    /// What must not be left.
    pub search: Search,
    /// What stands for each address that there is.
    images: HashMap<IpAddr, IpAddr>,
    /// The same the other way round.
    given: HashSet<IpAddr>,
    /// Addresses of the output that are by chance others of the captures.
    pub coincidences: usize,
}

impl Plan {
    /// The plan for captures that hold these originals.
    ///
    /// # Errors
    /// [`RedactError::TooMany`].
    pub fn new<'a>(
        options: Options,
        key: &Key,
        originals: &Originals,
        infos: impl Iterator<Item = &'a CaptureInfo> + Clone,
    ) -> Result<Self, RedactError> {
        let all = originals.names.iter().map(|(kind, name)| (*kind, &**name));
        let replaced = |kind: Kind| !options.keep_names || !kind.is_kept_with_names();
        let words = Words::new(key, all.clone().filter(|(kind, _)| replaced(*kind)).collect());
        let mut attempt = 0;
        let (addresses, images, coincidences) = loop {
            let addresses = Addresses::new(key, attempt);
            let images: HashMap<IpAddr, IpAddr> =
                originals.addresses.iter().map(|a| (*a, addresses.redact(*a))).collect();
            // What every map leaves alone is no coincidence.
            let others = images.values().filter(|image| originals.addresses.contains(image));
            let count = others.filter(|image| Addresses::replaces(**image)).count();
            attempt += 1;
            // With a key that is kept, other captures must get the same map.
            if count == 0 || key.kept || attempt >= ATTEMPTS {
                break (addresses, images, count);
            }
        };
        let given: HashSet<IpAddr> = images.values().copied().collect();
        // The address of a network may have no bits but those that stay.
        let filters = infos.clone().flat_map(|info| info.filters.get("dst")).flatten();
        let networks = filters.filter_map(|filter| network(filter));
        let networks: HashSet<IpAddr> =
            networks.map(|network| addresses.network(network).network()).collect();
        let left = originals.addresses.iter();
        let left = left.filter(|address| !given.contains(address) && !networks.contains(address));
        let arguments = originals.arguments.iter().filter(|text| text.len() > 3);
        let names = all.filter(|(kind, _)| replaced(*kind)).map(|(_, name)| name);
        let names = names.filter(|name| canonical(name).is_none() && !words.made(name));
        // Names that are kept may be arguments, too.
        let is_kept = |text: &str| {
            let mut names = originals.names.iter().filter(|(kind, _)| !replaced(*kind));
            names.any(|(_, name)| name.contains(text))
        };
        let long = arguments.map(|text| &**text);
        let long = long.filter(|text| canonical(text).is_none() && !is_kept(text));
        let search = Search::new(
            names.chain(long).map(Box::from).collect(),
            left.map(|address| address.to_string().into()).collect(),
        );
        Ok(Self {
            options,
            key_id: key.id(),
            words,
            addresses,
            ports: SourcePorts::new(key, infos),
            search: search.map_err(|_| RedactError::TooMany(originals.names.len()))?,
            images,
            given,
            coincidences,
        })
    }

    /// What stands for a name, which may be itself.
    pub fn name(&self, kind: Kind, name: &str) -> String {
        match self.options.keep_names && kind.is_kept_with_names() {
            true => name.to_owned(),
            false => self.word(kind, name),
        }
    }

    /// The word of a name. Every name was met before; if not, it is withheld.
    pub fn word(&self, kind: Kind, name: &str) -> String {
        self.words.get(kind, name).unwrap_or(WITHHELD).to_owned()
    }

    /// What stands for the path of a cgroup.
    pub fn path(&self, path: &str) -> String {
        match self.options.keep_names {
            true => path.to_owned(),
            false => self.words.path(path).unwrap_or_else(|| WITHHELD.to_owned()),
        }
    }

    /// What stands for the text of an address.
    pub fn address(&self, text: &str) -> String {
        match canonical(text) {
            Some(address) => {
                let image = self.images.get(&address).copied();
                image.unwrap_or_else(|| self.addresses.redact(address)).to_string()
            }
            None => self.word(Kind::Address, text),
        }
    }

    /// What stands for an outcome: itself, of those that are known.
    pub fn outcome(&self, word: &str) -> String {
        match Outcome::from_word(word) {
            Some(_) => word.to_owned(),
            None => self.word(Kind::Outcome, word),
        }
    }

    /// When it is said to have been, µs.
    ///
    /// # Errors
    /// [`RedactError::Time`].
    pub fn time(&self, us: i64) -> Result<i64, RedactError> {
        us.checked_add(self.options.shift_us).ok_or(RedactError::Time)
    }

    /// The same in ns.
    ///
    /// # Errors
    /// [`RedactError::Time`].
    pub fn time_ns(&self, ns: i64) -> Result<i64, RedactError> {
        let shift = self.options.shift_us.checked_mul(1_000);
        shift.and_then(|shift| ns.checked_add(shift)).ok_or(RedactError::Time)
    }

    /// Whether a text of a column is one that this plan puts there.
    pub fn gives(&self, column: Column, text: &str) -> bool {
        match column {
            Column::Outcome if Outcome::from_word(text).is_some() => true,
            Column::Name if self.options.keep_names => true,
            Column::Address => match canonical(text) {
                Some(address) => self.given.contains(&address),
                None => self.words.made(text),
            },
            _ => self.words.made(text),
        }
    }
}

/// What a column of text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Name,
    Boot,
    Outcome,
    Address,
}

/// Whether captures have a filter of this name.
pub fn is_filter(name: &str) -> bool {
    PLAIN_FILTERS.contains(&name) || NAMED_FILTERS.contains(&name)
}

/// What is left of a message's text; a part of an address, say, is cut.
pub fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
