//! cgroup v2 ids to paths.
//!
//! The probe records the id, which is never reused within a boot. Here the
//! kernel is asked for the directory behind it: by file handle, so the answer
//! is the right path or none, never that of a newer cgroup.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connlat_schema::decode::escape_invalid_utf8;
use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, statat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// `FILEID_KERNFS` (include/linux/exportfs.h): the handle is the 64-bit id.
const FILEID_KERNFS: i32 = 0xfe;
/// Entries kept before the cache is emptied.
const CACHE_LIMIT: usize = 65_536;

/// Resolves ids, and remembers the answers.
#[derive(Debug, Clone)]
pub struct CgroupPaths {
    root: Option<Arc<Root>>,
    known: HashMap<u64, Arc<str>>,
    unknown: Arc<str>,
}

#[derive(Debug)]
struct Root {
    directory: OwnedFd,
    /// What precedes a cgroup's path in the file system.
    mount_point: PathBuf,
}

impl CgroupPaths {
    /// Finds the cgroup v2 hierarchy wherever it is mounted; where it is not,
    /// asks for a private view of it that is attached nowhere.
    pub fn open() -> Self {
        let root = mounted_root().or_else(|| private_root().ok());
        Self { root: root.map(Arc::new), known: HashMap::new(), unknown: Arc::from("") }
    }

    /// The hierarchy's root directory.
    pub fn directory(&self) -> Option<BorrowedFd<'_>> {
        self.root.as_ref().map(|root| root.directory.as_fd())
    }

    /// Where the hierarchy is mounted: `Some(None)` for the private view,
    /// `None` when paths cannot be resolved at all.
    pub fn mount_point(&self) -> Option<Option<&Path>> {
        let root = self.root.as_ref()?;
        Some((root.mount_point != Path::new("/")).then_some(root.mount_point.as_path()))
    }

    /// The path of a cgroup below the hierarchy's root, `/` for the root
    /// itself, empty when it is gone or cannot be told.
    pub fn path(&mut self, id: u64) -> Arc<str> {
        if let Some(path) = self.known.get(&id) {
            return Arc::clone(path);
        }
        let resolved = self.root.as_ref().and_then(|root| root.resolve(id).ok());
        let path = resolved.map_or_else(|| Arc::clone(&self.unknown), Arc::from);
        if self.known.len() >= CACHE_LIMIT {
            self.known.clear();
        }
        self.known.insert(id, Arc::clone(&path));
        path
    }
}

impl CgroupPaths {
    /// The id of a cgroup and its depth below the hierarchy's root, by its
    /// directory or by its path as captures show it.
    ///
    /// # Errors
    /// When there is no such cgroup, or no hierarchy at all.
    pub fn find(&self, path: &Path) -> io::Result<(u64, u32)> {
        let root = self.root.as_ref().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "cgroup v2 is not available here")
        })?;
        let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let below = match absolute.strip_prefix(&root.mount_point) {
            Ok(below) if root.mount_point != Path::new("/") => below.to_owned(),
            _ => path.strip_prefix("/").unwrap_or(path).to_owned(),
        };
        let name = if below.as_os_str().is_empty() { Path::new(".") } else { &below };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let directory = openat(&root.directory, name, flags, Mode::empty())?;
        // On cgroup2 a directory's inode number is the cgroup's id.
        let level = u32::try_from(below.components().count()).unwrap_or(u32::MAX);
        Ok((fstat(&directory)?.st_ino, level))
    }
}

impl Root {
    fn resolve(&self, id: u64) -> io::Result<String> {
        let directory = open_by_id(self.directory.as_fd(), id)?;
        let path = fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd()))?;
        let below = path
            .strip_prefix(&self.mount_point)
            .map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
        // Linux 5.10 opens a removed cgroup too, under the path it had, which
        // another one can have by now.
        let name = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        if statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_ino != id {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(format!("/{}", escape_invalid_utf8(below.as_os_str().as_bytes())))
    }
}

/// `struct file_handle` with the eight bytes kernfs uses.
#[repr(C)]
struct KernfsHandle {
    handle_bytes: u32,
    handle_type: i32,
    id: [u8; 8],
}

/// open_by_handle_at(2); `ESTALE` when the cgroup is gone.
fn open_by_id(mount: BorrowedFd<'_>, id: u64) -> io::Result<OwnedFd> {
    let mut handle =
        KernfsHandle { handle_bytes: 8, handle_type: FILEID_KERNFS, id: id.to_ne_bytes() };
    // SAFETY: the handle has the layout of `struct file_handle` with 8 bytes
    // following it, and outlives the call.
    let fd = unsafe {
        libc::open_by_handle_at(
            mount.as_raw_fd(),
            (&raw mut handle).cast(),
            libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor the kernel just returned and nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A mount of the whole hierarchy in this mount namespace.
fn mounted_root() -> Option<Root> {
    let mount_point = whole_hierarchy(&fs::read_to_string("/proc/self/mountinfo").ok()?)?;
    let directory = File::open(&mount_point).ok()?.into();
    Some(Root { directory, mount_point })
}

/// The first cgroup2 mount whose root is the hierarchy's (proc(5), mountinfo).
fn whole_hierarchy(mountinfo: &str) -> Option<PathBuf> {
    mountinfo.lines().find_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, mount_point) = (fields.next()?, fields.next()?);
        (filesystem.starts_with("cgroup2 ") && root == "/")
            .then(|| Path::new(mount_point).to_owned())
    })
}

/// A mount that appears nowhere (fsopen(2), Linux 5.2).
fn private_root() -> io::Result<Root> {
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let directory =
        fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    Ok(Root { directory, mount_point: PathBuf::from("/") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_hierarchy_is_found_among_mounts() {
        let mountinfo = "\
25 30 0:23 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755
26 25 0:24 /docker/abc /mnt/part rw - cgroup2 cgroup2 rw
27 25 0:24 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw
";
        assert_eq!(whole_hierarchy(mountinfo), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(whole_hierarchy("garbage\n\n"), None);
    }

    #[test]
    fn an_id_that_never_was_has_no_path() {
        let mut paths = CgroupPaths::open();
        assert_eq!(&*paths.path(u64::MAX), "");
        assert_eq!(&*paths.path(0), "");
    }
}
