//! An open directory, and all that is done in one.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, fstat, fsync, mkdirat, openat,
    renameat_with, statat, unlinkat,
};
use rustix::io::Errno;

use super::helper::Helper;
use super::lookup;
use super::status::{FileId, Status};

/// Mode of directories made here.
const DIRECTORY_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP);
/// A directory inside another is opened with this: a link is refused.
const INSIDE: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
/// A new file likewise.
const NEW: OFlags = OFlags::RDWR
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// An open directory; copies share it.
#[derive(Debug, Clone)]
pub struct Directory(pub(super) Arc<Opened>);

#[derive(Debug)]
pub(super) struct Opened {
    descriptor: OwnedFd,
    pub(super) shown: PathBuf,
    pub(super) home: Option<Home>,
    /// Who makes it again, where the sandbox keeps us from doing so.
    pub(super) helper: OnceLock<Arc<Helper>>,
    /// Who does what is done in it, and under which number, likewise.
    through: Option<(Arc<Helper>, usize)>,
}

/// Where a directory was when it was opened: there it is made again.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) parent: Directory,
    pub(super) name: OsString,
    pub(super) owner: u32,
}

impl Directory {
    /// Opens a directory by the path that a person gave; an empty one is the
    /// current directory. Links of other users are not followed.
    ///
    /// # Errors
    /// From open(2), or that a link belongs to another user.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let descriptor = lookup::directory(path)?;
        let home = Self::home_of(&descriptor, path);
        Ok(Self::new(descriptor, path.to_owned(), home, None))
    }

    pub(super) fn new(
        descriptor: OwnedFd,
        shown: PathBuf,
        home: Option<Home>,
        through: Option<(Arc<Helper>, usize)>,
    ) -> Self {
        Self(Arc::new(Opened { descriptor, shown, home, helper: OnceLock::new(), through }))
    }

    /// A directory inside this one; made if `make` says so and it is not there.
    ///
    /// # Errors
    /// From mkdir(2) or open(2): ELOOP or ENOTDIR for a link.
    pub(super) fn enter(&self, name: &OsStr, make: bool, shown: PathBuf) -> io::Result<Self> {
        let name = component(name)?;
        if let Some((helper, at)) = &self.0.through {
            let (descriptor, number) = helper.enter(*at, utf8(name)?)?;
            let through = Some((Arc::clone(helper), number));
            return self.entered(descriptor, name, shown, through);
        }
        if make {
            match mkdirat(self, name, DIRECTORY_MODE) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        // The name is one component. Not openat2: seccomp filters that inspect
        // modes, as of systemd's RestrictSUIDSGID=, answer it with ENOSYS.
        let descriptor = openat(self, name, INSIDE, Mode::empty())?;
        self.entered(descriptor, name, shown, None)
    }

    fn entered(
        &self,
        descriptor: OwnedFd,
        name: &OsStr,
        shown: PathBuf,
        through: Option<(Arc<Helper>, usize)>,
    ) -> io::Result<Self> {
        let owner = fstat(&descriptor)?.st_uid;
        let home = Some(Home { parent: self.clone(), name: name.to_owned(), owner });
        Ok(Self::new(descriptor, shown, home, through))
    }

    /// A directory inside this one.
    ///
    /// # Errors
    /// From open(2): ELOOP or ENOTDIR for a link.
    pub fn subdirectory(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        self.enter(name.as_ref(), false, self.shown(name.as_ref()))
    }

    /// A directory inside this one, made if it is not there.
    ///
    /// # Errors
    /// From mkdir(2) or open(2): ELOOP or ENOTDIR for a link.
    pub fn make_subdirectory(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        self.enter(name.as_ref(), true, self.shown(name.as_ref()))
    }

    /// A name in it, as a person would write it; for messages only.
    pub fn shown(&self, name: impl AsRef<Path>) -> PathBuf {
        match self.0.shown.as_path() {
            here if here == Path::new(".") => name.as_ref().to_owned(),
            path => path.join(name),
        }
    }

    /// The directory, as a person would write it; for messages only.
    pub fn shown_itself(&self) -> &Path {
        &self.0.shown
    }

    /// Creates a file that must not exist yet, not even as a link.
    ///
    /// # Errors
    /// From open(2).
    pub fn create(&self, name: &str, mode: u32) -> io::Result<File> {
        if let Some((helper, at)) = &self.0.through {
            return helper.create(*at, name.to_owned(), mode);
        }
        let mode = Mode::from_raw_mode(mode);
        Ok(openat(self, component(name.as_ref())?, NEW, mode)?.into())
    }

    /// Opens a regular file for reading: no link, nothing that blocks.
    ///
    /// # Errors
    /// From open(2), or that it is no regular file.
    pub fn open_file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.open_with(name.as_ref(), OFlags::RDONLY)
    }

    /// Likewise, for writing, too.
    ///
    /// # Errors
    /// From open(2), or that it is no regular file.
    pub fn open_for_writing(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.open_with(name.as_ref(), OFlags::RDWR)
    }

    fn open_with(&self, name: &OsStr, access: OFlags) -> io::Result<File> {
        let name = component(name)?;
        // Looked at before: opening a device can do things.
        if self.status(name)?.is_some_and(|status| status.kind != FileType::RegularFile) {
            return Err(not_regular());
        }
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(self, name, flags, Mode::empty())?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular()) }
    }

    /// What a name is, links themselves included; `None` if there is nothing.
    ///
    /// # Errors
    /// From stat(2).
    pub fn status(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Status>> {
        match statat(self, component(name.as_ref())?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Status::from(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives `file` another name; an existing one is replaced only if `replace`
    /// says so and it is a regular file.
    ///
    /// # Errors
    /// From rename(2), or that the name is no longer this file's.
    pub fn rename(&self, from: &str, file: FileId, to: &str, replace: bool) -> io::Result<()> {
        if let Some((helper, at)) = &self.0.through {
            return helper.rename(*at, file, (from.to_owned(), to.to_owned()), replace);
        }
        self.insist(from.as_ref(), file)?;
        let is_regular = |status: Status| status.kind == FileType::RegularFile;
        if replace && !self.status(to)?.is_none_or(is_regular) {
            return Err(Errno::EXIST.into());
        }
        let flags = if replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        let (from, to) = (component(from.as_ref())?, component(to.as_ref())?);
        Ok(renameat_with(self, from, self, to, flags)?)
    }

    /// Removes a name if it is still this file's.
    ///
    /// # Errors
    /// From unlink(2), or that it is another file now.
    pub fn remove(&self, name: impl AsRef<OsStr>, file: FileId) -> io::Result<()> {
        let name = name.as_ref();
        if let Some((helper, at)) = &self.0.through {
            return helper.remove(*at, file, utf8(name)?);
        }
        self.insist(name, file)?;
        Ok(unlinkat(self, component(name)?, AtFlags::empty())?)
    }

    /// Removes a directory inside this one, which must be empty.
    ///
    /// # Errors
    /// From rmdir(2).
    pub fn remove_subdirectory(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        Ok(unlinkat(self, component(name.as_ref())?, AtFlags::REMOVEDIR)?)
    }

    /// Who may rename files here could swap them after this look, but only
    /// for others of this directory, and those they could remove themselves.
    fn insist(&self, name: &OsStr, file: FileId) -> io::Result<()> {
        match self.status(name)? {
            None => Err(Errno::NOENT.into()),
            Some(found) if found.id != file => {
                Err(io::Error::other("another file has taken its name meanwhile"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Hands on each name in it, in no order. Others may have put any number
    /// of names there: they are not kept.
    ///
    /// # Errors
    /// From getdents(2).
    pub fn for_each_name(&self, mut look: impl FnMut(&OsStr)) -> io::Result<()> {
        for entry in Dir::read_from(self)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if name != c"." && name != c".." {
                look(OsStr::from_bytes(name.to_bytes()));
            }
        }
        Ok(())
    }

    /// Makes what happened in it durable.
    ///
    /// # Errors
    /// From fsync(2).
    pub fn sync(&self) -> io::Result<()> {
        Ok(fsync(self)?)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.descriptor.as_fd()
    }
}

/// A name that leads nowhere else.
fn component(name: &OsStr) -> io::Result<&OsStr> {
    let is_plain =
        !name.is_empty() && name != "." && name != ".." && !name.as_bytes().contains(&b'/');
    is_plain.then_some(name).ok_or_else(|| Errno::INVAL.into())
}

/// Of names that we made up ourselves.
fn utf8(name: &OsStr) -> io::Result<String> {
    name.to_str().map(str::to_owned).ok_or_else(|| Errno::INVAL.into())
}

fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}
