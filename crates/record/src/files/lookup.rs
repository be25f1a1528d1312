//! Looks up the path of a directory, and follows no link of another user.
//!
//! Links are common in paths that are trusted: `/var/lib/connlat` of the
//! service is one. Who may make a link in a directory of theirs, though, could
//! lead a recorder of root's into a directory of somebody else's.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    CWD, FileType, Mode, OFlags, PROC_SUPER_MAGIC, fstat, fstatfs, openat, readlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

/// Most links in one path, as in path_resolution(7).
const MAX_LINKS: usize = 40;
/// What a directory on the way is opened with.
const ON_THE_WAY: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// The directory, opened for reading.
///
/// # Errors
/// From open(2), or that a link on the way belongs to another user.
pub fn directory(path: &Path) -> io::Result<OwnedFd> {
    let mut left = components(path);
    let mut links = 0;
    let mut at = open(None, if path.is_absolute() { "/" } else { "." }.as_ref(), ON_THE_WAY)?;
    while let Some(name) = left.pop_front() {
        let next = open(Some(&at), &name, ON_THE_WAY | OFlags::NOFOLLOW)?;
        let status = fstat(&next)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::Symlink {
            at = next;
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return Err(Errno::LOOP.into());
        }
        if !is_trusted(status.st_uid) {
            return Err(foreign_link(&name, status.st_uid));
        }
        if is_of_proc(&next)? {
            // Its text says where it leads in other namespaces than ours.
            at = open(Some(&at), &name, ON_THE_WAY | OFlags::DIRECTORY)?;
            continue;
        }
        let target = readlinkat(&next, "", Vec::new())?.into_bytes();
        let target = PathBuf::from(OsString::from_vec(target));
        if target.is_absolute() {
            at = open(None, "/".as_ref(), ON_THE_WAY)?;
        }
        for name in components(&target).into_iter().rev() {
            left.push_front(name);
        }
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(&at, ".", flags, Mode::empty())?)
}

fn open(at: Option<&OwnedFd>, name: &OsStr, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(match at {
        Some(at) => openat(at, name, flags, Mode::empty()),
        None => openat(CWD, name, flags, Mode::empty()),
    }?)
}

/// What is looked up one after the other; names of one component each.
fn components(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

/// Whether the links of procfs lead here: to open files, whatever their text.
fn is_of_proc(file: &OwnedFd) -> io::Result<bool> {
    Ok(fstatfs(file)?.f_type == PROC_SUPER_MAGIC)
}

/// Root, who runs the recorder, and who called sudo.
fn is_trusted(owner: u32) -> bool {
    let caller = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    owner == 0 || owner == geteuid().as_raw() || Some(owner) == caller
}

fn foreign_link(name: &OsStr, owner: u32) -> io::Error {
    let name = connlat_schema::escape::terminal(&String::from_utf8_lossy(name.as_bytes()));
    let what = format!(
        "{name} is a link that user {owner} made and is not followed; name the directory itself"
    );
    io::Error::new(io::ErrorKind::PermissionDenied, what)
}
