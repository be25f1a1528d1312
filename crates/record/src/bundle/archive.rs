//! The file of a bundle: complete under its name, or not there.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use connlat_schema::capture::bundle::{SUFFIX, is_reserved};
use rustix::io::Errno;
use tar::{Builder, EntryType, Header};
use zstd::stream::write::Encoder;

use super::interrupt;
use super::journal::Sealed;
use crate::capture::Output;
use crate::capture::output::DEFAULT_MODE;
use crate::files;
use crate::host::ClockReading;
use crate::privileges::{can_write, sudo_user};

/// Captures are compressed already; little is left to gain.
const ZSTD_LEVEL: i32 = 3;
/// Mode of members, as of captures.
const MEMBER_MODE: u32 = 0o600;

/// An archive that is being written, and is removed unless it is finished.
pub struct Archive {
    file: NewFile,
    tar: Builder<Encoder<'static, File>>,
}

/// A file that has its own name only once it is complete.
struct NewFile {
    output: Output,
    file: File,
    published: bool,
}

impl Archive {
    /// Creates the file. It belongs to whoever called sudo, if they may write in
    /// that directory, as captures do.
    ///
    /// # Errors
    /// When there is one, or it cannot be created.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let cannot = || format!("cannot write {shown}");
        let named_as_one = path.to_str().is_some_and(|name| name.ends_with(SUFFIX));
        ensure!(named_as_one, "{shown} is not what a bundle is called; use FILE{SUFFIX}");
        let output = Output::unchecked(path, false, DEFAULT_MODE)?;
        if output.files().status(output.name()).with_context(cannot)?.is_some() {
            bail!("{shown} exists and is not replaced; name another file");
        }
        let file = output.create_temporary().with_context(cannot)?;
        let file = NewFile { output, file, published: false };
        let successor = sudo_user().filter(|user| can_write(*user, file.output.directory()));
        if let Some(user) = successor {
            files::give_to(&file.file, user.ids()).with_context(cannot)?;
        }
        let to = file.file.try_clone().with_context(cannot)?;
        let mut encoder = Encoder::new(to, ZSTD_LEVEL).with_context(cannot)?;
        // Damage on the way is found.
        encoder.include_checksum(true).with_context(cannot)?;
        Ok(Self { file, tar: Builder::new(encoder) })
    }

    /// The name that it is going to have, for messages.
    pub fn shown(&self) -> PathBuf {
        self.file.output.shown()
    }

    /// The same without its directory.
    pub fn name(&self) -> String {
        self.file.output.name().to_owned()
    }

    /// Adds a short member.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn text(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let now = ClockReading::now().realtime_ns / 1_000_000_000;
        let mut header = header(bytes.len() as u64, now);
        self.tar.append_data(&mut header, name, bytes).with_context(|| self.file.cannot())
    }

    /// Adds a capture under the name of its file.
    ///
    /// # Errors
    /// When it cannot be read or the archive not be written.
    pub fn capture(&mut self, capture: &Sealed) -> anyhow::Result<()> {
        let shown = capture.shown.display();
        let bytes = capture.file.metadata().with_context(|| format!("cannot read {shown}"))?.len();
        let mut header = header(bytes, capture.info.stop.time_us / 1_000_000);
        let name = match is_reserved(&capture.name) {
            true => format!("{}.parquet", capture.name),
            false => capture.name.clone(),
        };
        let mut reader = Interruptible { file: &capture.file, failed: None }.take(bytes);
        let added = self.tar.append_data(&mut header, name, &mut reader);
        interrupt::check()?;
        if let Some(error) = reader.get_mut().failed.take() {
            return Err(error).with_context(|| format!("cannot read {shown}"));
        }
        added.with_context(|| self.file.cannot())?;
        ensure!(reader.limit() == 0, "{shown} became shorter while it was read; try again");
        Ok(())
    }

    /// Ends it and gives it its name; its size, bytes.
    ///
    /// # Errors
    /// When it cannot be written to its end, or another file has that name by now.
    pub fn publish(self) -> anyhow::Result<u64> {
        let Self { mut file, tar } = self;
        let finish = || -> io::Result<u64> {
            let mut written = tar.into_inner()?.finish()?;
            written.flush()?;
            written.sync_all()?;
            Ok(written.metadata()?.len())
        };
        let bytes = finish().with_context(|| file.cannot())?;
        file.output.publish(&file.file).map_err(|error| {
            let shown = file.output.shown();
            let shown = shown.display();
            match Errno::from_io_error(&error) {
                Some(Errno::EXIST) => {
                    anyhow::anyhow!(
                        "{shown} appeared meanwhile and is not replaced; name another file"
                    )
                }
                _ => anyhow::Error::from(error).context(format!("cannot write {shown}")),
            }
        })?;
        file.published = true;
        Ok(bytes)
    }
}

impl NewFile {
    fn cannot(&self) -> String {
        format!("cannot write {}", self.output.shown().display())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            self.output.remove_temporary(&self.file);
        }
    }
}

/// Of a regular file; `time` in seconds since 1970.
fn header(bytes: u64, time: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(MEMBER_MODE);
    header.set_mtime(u64::try_from(time).unwrap_or(0));
    header
}

/// Reads until a signal comes, and tells what fails here from what fails where
/// it is written.
struct Interruptible<'a> {
    file: &'a File,
    failed: Option<io::Error>,
}

impl Read for Interruptible<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if interrupt::check().is_err() {
            return Err(io::Error::other("interrupted"));
        }
        self.file.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}
