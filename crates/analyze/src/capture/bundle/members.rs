//! The members of an archive, one after another, and no more of it than is allowed.
//!
//! A few kilobytes of zstd unpack to any size, and a header of tar may claim any.
//! Bounded are: what the archive unpacks to, its members, their names, and the
//! memory that unpacking takes. Extensions of tar are read here, for the library
//! would hold what they claim: long names of GNU tar, and paths of pax (POSIX, pax
//! Interchange Format).

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::rc::Rc;

use tar::{Archive, Entry, EntryType, PaxExtensions};
use zstd::stream::read::Decoder;

use super::super::error::Problem;
use super::super::limits;

/// What any archive may unpack to, and what more for a byte of it. Captures are
/// compressed already: one takes in a bundle about what it takes outside.
const UNPACKED: u64 = 64 << 20;
const UNPACKED_PER_BYTE: u64 = 32;
const TOO_LONG: &str = "unpacks to far more than captures do";
/// Members, extensions included.
const MEMBERS: usize = 10_000;
const TOO_MANY: &str = "has more than 10,000 members";
/// Memory of the window, as a power of two, bytes: what zstd takes up to level 19.
const WINDOW_LOG: u32 = 23;
const TOO_LARGE: &str = "takes too much memory to unpack, as made by zstd --ultra or --long";
/// Bytes of a name, and of a member that extends the next one.
const NAME: usize = 4_096;
const EXTENSION: u64 = 64 << 10;

type Unpacked = Bounded<Decoder<'static, BufReader<File>>>;

/// Hands over each member that is no extension, in order.
///
/// # Errors
/// [`Problem`] of the archive, or what `look` says.
pub(super) fn each(
    file: File,
    look: &mut dyn FnMut(&mut Member<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let bytes = file.metadata()?.len();
    let held = limits::bytes_held(&file, bytes);
    let limit = UNPACKED.saturating_add(held.saturating_mul(UNPACKED_PER_BYTE));
    let mut decoder = Decoder::new(file)?;
    decoder.window_log_max(WINDOW_LOG)?;
    let exceeded = Rc::new(Cell::new(false));
    let bounded = Bounded { inner: decoder, left: limit, exceeded: Rc::clone(&exceeded) };
    let mut archive = Archive::new(bounded);
    let (mut seen, mut long_name) = (0, None);
    for entry in archive.entries().map_err(|error| problem(error, &exceeded))?.raw(true) {
        let entry = entry.map_err(|error| match problem(error, &exceeded) {
            // Something else that is compressed.
            Problem::BundleDamaged(_) if seen == 0 => Problem::NotABundle,
            problem => problem,
        })?;
        seen += 1;
        if seen > MEMBERS {
            return Err(Problem::BundleTooLarge(TOO_MANY));
        }
        let kind = entry.header().entry_type();
        let mut member = Member::of(entry, long_name.take(), Rc::clone(&exceeded));
        match kind {
            EntryType::GNULongName => long_name = Some(member.extension()?),
            EntryType::XHeader => long_name = path_of_pax(&member.extension()?)?,
            // Of the whole archive, and of what a link leads to.
            EntryType::XGlobalHeader | EntryType::GNULongLink => {}
            // More headers follow, which this does not read.
            EntryType::GNUSparse => return Err(damaged("a member with holes")),
            _ => look(&mut member)?,
        }
    }
    // The checksum comes last.
    let rest = io::copy(&mut archive.into_inner(), &mut io::sink());
    rest.map(drop).map_err(|error| problem(error, &exceeded))
}

/// A member of an archive.
pub(super) struct Member<'a> {
    /// Its name, for messages. It is no path.
    pub name: String,
    /// Whether it is a file with contents of its own.
    pub is_file: bool,
    /// Whether it is a directory.
    pub is_directory: bool,
    entry: Entry<'a, Unpacked>,
    /// Bytes that it claims to have, and those that were read.
    size: u64,
    read: u64,
    /// Its first bytes, if they were looked at: read again.
    head: Vec<u8>,
    exceeded: Rc<Cell<bool>>,
}

impl<'a> Member<'a> {
    fn of(entry: Entry<'a, Unpacked>, name: Option<Vec<u8>>, exceeded: Rc<Cell<bool>>) -> Self {
        let name = name.unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let name = String::from_utf8_lossy(&name).into_owned();
        let kind = entry.header().entry_type();
        let is_directory = kind.is_dir() || name.ends_with('/');
        Self {
            name: name.strip_prefix("./").unwrap_or(&name).to_owned(),
            is_file: (kind.is_file() || kind.is_contiguous()) && !is_directory,
            is_directory,
            size: entry.size(),
            entry,
            read: 0,
            head: Vec::new(),
            exceeded,
        }
    }

    /// Its first four bytes, or fewer.
    ///
    /// # Errors
    /// [`Problem`] of the archive.
    pub fn head(&mut self) -> Result<Vec<u8>, Problem> {
        let mut head = Vec::new();
        let read = self.by_ref().take(4).read_to_end(&mut head);
        read.map_err(|error| self.problem(error))?;
        if self.read < self.size.min(4) {
            return Err(Problem::BundleCut);
        }
        self.head.clone_from(&head);
        Ok(head)
    }

    /// All of it; none if it is longer than that.
    ///
    /// # Errors
    /// [`Problem`] of the archive.
    pub fn bytes(&mut self, most: u64) -> Result<Option<Vec<u8>>, Problem> {
        if self.size > most {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(|error| self.problem(error))?;
        self.whole()?;
        Ok(Some(bytes))
    }

    /// Whether all that it claims to have was there, once it was read.
    ///
    /// # Errors
    /// [`Problem::BundleCut`].
    pub fn whole(&self) -> Result<(), Problem> {
        if self.read == self.size { Ok(()) } else { Err(Problem::BundleCut) }
    }

    /// What an error says about the archive.
    pub fn problem(&self, error: io::Error) -> Problem {
        problem(error, &self.exceeded)
    }

    fn extension(&mut self) -> Result<Vec<u8>, Problem> {
        let bytes = self.bytes(EXTENSION)?.ok_or_else(|| damaged("a name of too many bytes"))?;
        let is_pax = self.entry.header().entry_type() == EntryType::XHeader;
        let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let name = if is_pax { &bytes } else { name };
        if !is_pax && name.len() > NAME {
            return Err(damaged("a name of too many bytes"));
        }
        Ok(name.to_vec())
    }
}

impl Read for Member<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.head.is_empty() {
            let read = self.head.as_slice().read(buffer)?;
            self.head.drain(..read);
            return Ok(read);
        }
        let read = self.entry.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

/// The path that a block of extensions gives the next member.
fn path_of_pax(block: &[u8]) -> Result<Option<Vec<u8>>, Problem> {
    let mut path = None;
    for extension in PaxExtensions::new(block) {
        let extension = extension.map_err(|_| damaged("extensions that make no sense"))?;
        match extension.key_bytes() {
            b"path" if extension.value_bytes().len() > NAME => {
                return Err(damaged("a name of too many bytes"));
            }
            b"path" => path = Some(extension.value_bytes().to_vec()),
            // Only of 8 GB and more, which the header has no room for.
            b"size" => return Err(Problem::BundleTooLarge("has a member of 8 GB or more")),
            _ => {}
        }
    }
    Ok(path)
}

fn damaged(what: &str) -> Problem {
    Problem::BundleDamaged(what.to_owned())
}

/// What an error while reading says about the archive.
fn problem(error: io::Error, exceeded: &Cell<bool>) -> Problem {
    if exceeded.get() {
        return Problem::BundleTooLarge(TOO_LONG);
    }
    let text = error.to_string();
    match error.kind() {
        _ if error.raw_os_error().is_some() => error.into(),
        ErrorKind::UnexpectedEof => Problem::BundleCut,
        // As zstd says it (ZSTD_error_frameParameter_windowTooLarge).
        _ if text.contains("too much memory") => Problem::BundleTooLarge(TOO_LARGE),
        _ => Problem::bundle_damaged(&text),
    }
}

/// Reads no more than it may.
struct Bounded<R> {
    inner: R,
    left: u64,
    exceeded: Rc<Cell<bool>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                self.exceeded.set(true);
                return Err(io::Error::other(TOO_LONG));
            }
        }
        Ok(read)
    }
}
