//! Everything in the captures that must not be in what is handed on.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use arrow::array::ArrayRef;
use connlat_schema::Outcome;
use connlat_schema::capture::columns::{BOOT_ID, CGROUP, COMM, DST_ADDR, HOST, OUTCOME, SRC_ADDR};
use connlat_schema::capture::metadata::CaptureInfo;

use super::RedactError;
use super::address::canonical;
use super::source::{self, Texts};
use super::words::{Kind, parts};
use crate::capture::Capture;
use crate::scan::{ColumnSet, Room};

/// Bytes that a name or an address takes: in what was found and in what stands for it.
const EACH: usize = 320;
/// Bytes that each byte of a name takes in what is searched for.
const SEARCHED: usize = 64;
/// What all may take, in parts of what the texts of a scan may.
const PARTS: usize = 3;

/// Columns that hold text.
pub const TEXTS: [&str; 7] = [HOST, BOOT_ID, OUTCOME, COMM, CGROUP, SRC_ADDR, DST_ADDR];

/// What was found.
#[derive(Default)]
pub struct Originals {
    /// Names by what they are of.
    pub names: HashSet<(Kind, Box<str>)>,
    /// Addresses as captures write them.
    pub addresses: HashSet<IpAddr>,
    /// The recorders' arguments.
    pub arguments: HashSet<Box<str>>,
    bytes: usize,
    /// Bytes that they may take.
    most: usize,
}

impl Originals {
    /// None yet, and no more than there is memory for where a scan may hold so many bytes
    /// of texts.
    pub fn at_most(texts: usize) -> Self {
        Self { most: texts.saturating_mul(PARTS), ..Self::default() }
    }

    /// Those of a capture: of its rows and of what it says about itself.
    ///
    /// # Errors
    /// [`RedactError`] when it cannot be read, or holds too many.
    pub fn add(&mut self, capture: &Capture, room: &Room) -> Result<(), RedactError> {
        self.document(&capture.info)?;
        let columns = ColumnSet::from(TEXTS);
        for group in 0..capture.file.row_groups().len() {
            let mut known: BTreeMap<&str, Option<ArrayRef>> = BTreeMap::new();
            source::read(capture, group, (&columns, room), &mut |batch| {
                for column in TEXTS {
                    let texts = Texts::of(batch, column)?;
                    if texts.is_new(known.entry(column).or_default()) {
                        texts.all().try_for_each(|text| self.cell(column, text))?;
                    }
                }
                Ok::<(), RedactError>(())
            })
            .map_err(|error| error.of(&capture.path))?;
        }
        Ok(())
    }

    fn document(&mut self, info: &CaptureInfo) -> Result<(), RedactError> {
        self.cell(HOST, &info.host)?;
        self.cell(BOOT_ID, &info.boot_id)?;
        if let Some(id) = &info.machine_id_hash {
            self.name(Kind::Machine, id)?;
        }
        for outcome in info.counters.suppressed.keys() {
            self.cell(OUTCOME, outcome)?;
        }
        for (name, values) in &info.filters {
            for value in values {
                match name.as_str() {
                    "comm" => self.cell(COMM, value)?,
                    "cgroup" => self.cell(CGROUP, value)?,
                    "dst" => self.cell(DST_ADDR, value.split('/').next().unwrap_or_default())?,
                    _ => {}
                }
            }
        }
        self.arguments.extend(info.command_line.iter().map(|argument| argument.as_str().into()));
        Ok(())
    }

    fn cell(&mut self, column: &str, text: &str) -> Result<(), RedactError> {
        match column {
            HOST => self.name(Kind::Host, text),
            BOOT_ID => self.name(Kind::Boot, text),
            COMM => self.name(Kind::Process, text),
            CGROUP => parts(text).try_for_each(|part| self.name(Kind::Cgroup, part)),
            OUTCOME if Outcome::from_word(text).is_some() => Ok(()),
            OUTCOME => self.name(Kind::Outcome, text),
            _ => match canonical(text) {
                Some(address) => {
                    if self.addresses.insert(address) {
                        self.bytes += EACH;
                    }
                    self.bounded()
                }
                None => self.name(Kind::Address, text),
            },
        }
    }

    fn name(&mut self, kind: Kind, name: &str) -> Result<(), RedactError> {
        let key = (kind, Box::from(name));
        if !name.is_empty() && self.names.insert(key) {
            self.bytes += name.len() * SEARCHED + EACH;
            return self.bounded();
        }
        Ok(())
    }

    fn bounded(&self) -> Result<(), RedactError> {
        match self.bytes > self.most {
            true => Err(RedactError::TooMany(self.names.len() + self.addresses.len() - 1)),
            false => Ok(()),
        }
    }
}
