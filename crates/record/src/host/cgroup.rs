//! cgroup v2 ids to paths.
//!
//! The probe records the id, which is never reused within a boot. Here the
//! kernel is asked for the directory behind it: by file handle, so the answer
//! is the right path or none, never that of a newer cgroup.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connlat_schema::decode::escape_invalid_utf8;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, openat, statat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// `FILEID_KERNFS` (include/linux/exportfs.h): the handle is the 64-bit id.
const FILEID_KERNFS: i32 = 0xfe;
/// Longest path that is looked up, bytes; the kernel itself names only those
/// below 4096.
const MAX_PATH: usize = 64 * 1024;
/// Entries kept before the cache is emptied.
const CACHE_LIMIT: usize = 65_536;

/// Resolves ids, and remembers the answers.
#[derive(Debug, Clone)]
pub struct CgroupPaths {
    root: Option<Arc<Root>>,
    /// Controllers of cgroup v1 hierarchies, whose groups are not seen.
    v1: Arc<[String]>,
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
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let v1 = v1_controllers(&own).into();
        Self { root: root.map(Arc::new), v1, known: HashMap::new(), unknown: Arc::from("") }
    }

    /// Controllers of cgroup v1 hierarchies on this host. A task may be in the
    /// root of cgroup v2 and in a group of its own there.
    pub fn v1_controllers(&self) -> &[String] {
        &self.v1
    }

    /// What the column `cgroup` will lack here, in words.
    pub fn unavailable(&self) -> Option<String> {
        let Some(root) = &self.root else {
            return Some("cgroup paths (there is no cgroup v2 hierarchy)".to_owned());
        };
        let own = fstat(&root.directory).ok()?.st_ino;
        if let Err(error) = root.resolve(own) {
            return Some(format!("cgroup paths ({error})"));
        }
        (!self.v1.is_empty()).then(|| {
            let controllers = self.v1.join(", ");
            format!("cgroup paths of tasks that are only in cgroup v1 groups ({controllers})")
        })
    }

    /// Whether ids can be turned into paths now, by this process.
    pub fn can_resolve(&self) -> bool {
        let Some(root) = &self.root else { return false };
        fstat(&root.directory).is_ok_and(|stat| root.resolve(stat.st_ino).is_ok())
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
    /// itself, empty when it is gone, cannot be told, or is the root where
    /// cgroup v1 has the groups.
    pub fn path(&mut self, id: u64) -> Arc<str> {
        if let Some(path) = self.known.get(&id) {
            return Arc::clone(path);
        }
        let resolved = self.root.as_ref().and_then(|root| root.resolve(id).ok());
        // Where v1 has the groups, every task may be in the root of v2: that
        // does not say that they belong together.
        let resolved = resolved.filter(|path| path != "/" || self.v1.is_empty());
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
        let path = match fs::read_link(format!("/proc/self/fd/{}", directory.as_raw_fd())) {
            Err(error) if error.raw_os_error() == Some(libc::ENAMETOOLONG) => {
                return self.walk_up(directory);
            }
            path => path?,
        };
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

    /// The path of a directory too deep for the kernel to name: by the entries
    /// of the directories above it.
    fn walk_up(&self, mut directory: OwnedFd) -> io::Result<String> {
        let root = fstat(&self.directory)?.st_ino;
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut length = 0;
        loop {
            let inode = fstat(&directory)?.st_ino;
            if inode == root {
                break;
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let parent = openat(&directory, "..", flags, Mode::empty())?;
            let mut entries = Dir::read_from(&parent)?;
            let entry = entries.find_map(|entry| entry.ok().filter(|entry| entry.ino() == inode));
            let entry = entry.ok_or(io::ErrorKind::NotFound)?;
            length += entry.file_name().count_bytes() + 1;
            if length > MAX_PATH {
                return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
            }
            names.push(entry.file_name().to_bytes().to_vec());
            directory = parent;
        }
        names.reverse();
        Ok(format!("/{}", escape_invalid_utf8(&names.join(&b'/'))))
    }
}

/// Controllers of cgroup v1 hierarchies, from `/proc/self/cgroup` (cgroups(7)):
/// that of cgroup v2 is number 0, those without a controller have a name.
fn v1_controllers(own: &str) -> Vec<String> {
    let hierarchies = own.lines().filter_map(|line| {
        let (number, rest) = line.split_once(':')?;
        let (controllers, _) = rest.split_once(':')?;
        (number != "0").then_some(controllers)
    });
    let controllers = hierarchies.flat_map(|names| names.split(','));
    let mut controllers: Vec<String> = controllers
        .filter(|name| !name.is_empty() && !name.starts_with("name="))
        .map(str::to_owned)
        .collect();
    controllers.sort_unstable();
    controllers
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
            .then(|| PathBuf::from(OsString::from_vec(unescape(mount_point))))
    })
}

/// A field of mountinfo: the kernel writes blanks and backslashes as `\NNN`,
/// three octal digits (fs/proc_namespace.c, `mangle`).
fn unescape(field: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.map(|digits| u8::from_str_radix(digits, 8)) {
            Some(Ok(escaped)) if byte == b'\\' => {
                bytes.push(escaped);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    bytes
}

/// A mount that appears nowhere (fsopen(2), Linux 5.2).
fn private_root() -> io::Result<Root> {
    let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(context.as_fd())?;
    let mount = fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    // A mount is only a place (O_PATH); open_by_handle_at(2) wants a directory
    // that is open.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = openat(&mount, ".", flags, Mode::empty())?;
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
        let odd = "27 25 0:24 / /mnt/my\\040groups\\134x rw - cgroup2 cgroup2 rw\n";
        assert_eq!(whole_hierarchy(odd), Some("/mnt/my groups\\x".into()));
        assert_eq!(unescape("a\\04"), b"a\\04");
    }

    #[test]
    fn hierarchies_of_v1_are_told_from_that_of_v2() {
        let hybrid = "4:memory:/a\n3:cpu,cpuacct:/\n2:name=systemd:/x\n0::/init.scope\n";
        assert_eq!(v1_controllers(hybrid), ["cpu", "cpuacct", "memory"]);
        for v2 in ["0::/user.slice\n", "1:name=systemd:/\n0::/\n", "", "garbage\n"] {
            assert!(v1_controllers(v2).is_empty(), "{v2}");
        }
    }

    #[test]
    fn a_long_way_is_walked_up_to_the_root() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = |path: &Path| File::open(path).expect("a directory").into();
        let root = Root { directory: open(directory.path()), mount_point: "/".into() };
        let deep = directory.path().join("a").join("b\u{e4}");
        fs::create_dir_all(&deep).expect("directories");
        assert_eq!(root.walk_up(open(&deep)).expect("a path"), "/a/b\u{e4}");
        assert!(root.walk_up(open(Path::new("/proc"))).is_err(), "not below it");
    }

    #[test]
    fn an_id_that_never_was_has_no_path() {
        let mut paths = CgroupPaths::open();
        assert_eq!(&*paths.path(u64::MAX), "");
        assert_eq!(&*paths.path(0), "");
    }
}
