//! Where a directory is and whose: one that is removed meanwhile is made again.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, Gid, Mode, OFlags, Uid, fchown, fstat, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::directory::{Directory, Home};
use super::helper::Helper;
use super::status::{FileId, Status};

impl Directory {
    /// Where a directory that was just opened is; `None` for the root, and for
    /// one that does not have the name that the system says.
    pub(super) fn home_of(directory: &OwnedFd, shown: &Path) -> Option<Home> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = openat(directory, "..", flags, Mode::empty()).ok()?;
        let link = format!("/proc/self/fd/{}", directory.as_raw_fd());
        let path = readlinkat(CWD, link, Vec::new()).ok()?;
        let name = Path::new(OsStr::from_bytes(path.as_bytes())).file_name()?.to_owned();
        let parent = Self::new(descriptor, shown.join(".."), None, None);
        let status = Status::from(&fstat(directory).ok()?);
        let is_it = parent.status(&name).ok()??.id == status.id;
        is_it.then_some(Home { parent, name, owner: status.owner })
    }

    /// The directory above, if this one is known to be there.
    pub fn above(&self) -> Option<&Self> {
        self.0.home.as_ref().map(|home| &home.parent)
    }

    /// Whether it is the root of everything; unknown counts as yes.
    pub fn is_root(&self) -> bool {
        let root = rustix::fs::stat("/").map(|stat| Status::from(&stat).id);
        FileId::of(self).ok() == root.ok()
    }

    /// From now on somebody else makes this one again.
    pub(super) fn made_again_by(&self, helper: Arc<Helper>) {
        let _ = self.0.helper.set(helper);
    }

    /// Whether there is nothing in it.
    ///
    /// # Errors
    /// From getdents(2).
    pub fn is_empty(&self) -> io::Result<bool> {
        let mut is_empty = true;
        self.for_each_name(|_| is_empty = false)?;
        Ok(is_empty)
    }

    /// Makes one of ours somebody else's.
    ///
    /// # Errors
    /// From chown(2), or that it is not ours.
    pub fn give_to(&self, (user, group): (Uid, Gid)) -> io::Result<()> {
        if fstat(self)?.st_uid != geteuid().as_raw() {
            return Err(Errno::PERM.into());
        }
        Ok(fchown(self, Some(user), Some(group))?)
    }

    /// Whether it has been removed from under us.
    pub fn is_gone(&self) -> bool {
        fstat(self).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Makes it again where it was, with those above it that this program
    /// opened. One that is there already is taken if it is a directory of the
    /// same user's, or of ours: never a link.
    ///
    /// # Errors
    /// From mkdir(2) or open(2), or that something else is there.
    pub fn recreate(&self) -> io::Result<Self> {
        if let Some(helper) = self.0.helper.get() {
            let (descriptor, number) = helper.make_again()?;
            let through = Some((Arc::clone(helper), number));
            let made = Self::new(descriptor, self.0.shown.clone(), None, through);
            made.made_again_by(Arc::clone(helper));
            return Ok(made);
        }
        let home = self.0.home.as_ref().ok_or(Errno::NOENT)?;
        let parent = match home.parent.is_gone() {
            true => home.parent.recreate()?,
            false => home.parent.clone(),
        };
        let made = parent.enter(&home.name, true, self.0.shown.clone())?;
        let owner = fstat(&made)?.st_uid;
        if owner != home.owner && owner != geteuid().as_raw() {
            let what = format!("a directory of user {owner} is there now");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
        }
        Ok(made)
    }
}
