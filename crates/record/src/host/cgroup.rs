//! cgroup v2 ids to paths.
//!
//! The probe records the id, which is never reused within a boot. Here the
//! kernel is asked for the directory behind it: by file handle, so the answer
//! is the right path or none, never that of a newer cgroup.

mod root;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, fstat, openat};

use root::Root;

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

impl CgroupPaths {
    /// Finds the cgroup v2 hierarchy wherever it is mounted; where it is not,
    /// asks for a private view of it that is attached nowhere.
    pub fn open() -> Self {
        let root = Root::mounted().or_else(|| Root::private().ok());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_of_v1_are_told_from_that_of_v2() {
        let hybrid = "4:memory:/a\n3:cpu,cpuacct:/\n2:name=systemd:/x\n0::/init.scope\n";
        assert_eq!(v1_controllers(hybrid), ["cpu", "cpuacct", "memory"]);
        for v2 in ["0::/user.slice\n", "1:name=systemd:/\n0::/\n", "", "garbage\n"] {
            assert!(v1_controllers(v2).is_empty(), "{v2}");
        }
    }

    #[test]
    fn an_id_that_never_was_has_no_path() {
        let mut paths = CgroupPaths::open();
        assert_eq!(&*paths.path(u64::MAX), "");
        assert_eq!(&*paths.path(0), "");
    }
}
