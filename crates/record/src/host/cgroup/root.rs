//! The cgroup v2 hierarchy's root, and ways from an id to a path below it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use connlat_schema::decode::escape_invalid_utf8;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, fstat, openat, statat};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};

/// `FILEID_KERNFS` (include/linux/exportfs.h): the handle is the 64-bit id.
const FILEID_KERNFS: i32 = 0xfe;
/// Longest path that is looked up, bytes; the kernel itself names only those
/// below 4096.
const MAX_PATH: usize = 64 * 1024;

/// The root of the cgroup v2 hierarchy, open.
#[derive(Debug)]
pub struct Root {
    pub directory: OwnedFd,
    /// What precedes a cgroup's path in the file system.
    pub mount_point: PathBuf,
}

impl Root {
    /// A mount of the whole hierarchy in this mount namespace.
    pub fn mounted() -> Option<Self> {
        let mount_point = whole_hierarchy(&fs::read_to_string("/proc/self/mountinfo").ok()?)?;
        let directory = File::open(&mount_point).ok()?.into();
        Some(Self { directory, mount_point })
    }

    /// A mount that appears nowhere (fsopen(2), Linux 5.2).
    pub fn private() -> io::Result<Self> {
        let context = fsopen("cgroup2", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(context.as_fd())?;
        let mount =
            fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
        // A mount is only a place (O_PATH); open_by_handle_at(2) wants a directory
        // that is open.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(&mount, ".", flags, Mode::empty())?;
        Ok(Self { directory, mount_point: PathBuf::from("/") })
    }

    /// The path of a cgroup below the root, `/` for the root itself.
    pub fn resolve(&self, id: u64) -> io::Result<String> {
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
    fn a_long_way_is_walked_up_to_the_root() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = |path: &Path| File::open(path).expect("a directory").into();
        let root = Root { directory: open(directory.path()), mount_point: "/".into() };
        let deep = directory.path().join("a").join("b\u{e4}");
        fs::create_dir_all(&deep).expect("directories");
        assert_eq!(root.walk_up(open(&deep)).expect("a path"), "/a/b\u{e4}");
        assert!(root.walk_up(open(Path::new("/proc"))).is_err(), "not below it");
    }
}
