//! cgroups of the second version.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// A cgroup that is removed again when dropped, after those below it.
#[derive(Debug)]
pub struct Cgroup {
    directory: PathBuf,
    path: String,
}

/// Path of the calling thread's cgroup, as captures have it: empty in the root,
/// where cgroup v1 has the groups.
pub fn own_cgroup() -> String {
    let cgroups = fs::read_to_string("/proc/thread-self/cgroup").expect("/proc");
    let own = cgroups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default();
    if own == "/" && has_v1_groups(&cgroups) { String::new() } else { own.to_owned() }
}

/// Whether a hierarchy of cgroup v1 has controllers on this host.
pub fn v1_has_groups() -> bool {
    has_v1_groups(&fs::read_to_string("/proc/self/cgroup").expect("/proc"))
}

fn has_v1_groups(cgroups: &str) -> bool {
    cgroups.lines().any(|line| !line.starts_with("0:") && !line.contains(":name="))
}

impl Cgroup {
    /// One below the tests' own.
    ///
    /// # Errors
    /// Why there can be none here, in words.
    pub fn new(name: &str) -> Result<Self, String> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc");
        let mount = mounts.lines().find_map(|line| {
            let (mount, filesystem) = line.split_once(" - ")?;
            let mount_point = mount.split(' ').nth(4)?;
            filesystem.starts_with("cgroup2 ").then(|| PathBuf::from(mount_point))
        });
        let mount = mount.ok_or("cgroup v2 is not mounted")?;
        let own = own_cgroup();
        let own = own.trim_end_matches('/');
        let path = format!("{own}/connlat-{}-{name}", std::process::id());
        let directory = mount.join(path.trim_start_matches('/'));
        fs::create_dir(&directory).map_err(|error| format!("cgroup v2: {error}"))?;
        Ok(Self { directory, path })
    }

    /// One below this.
    pub fn below(&self, name: &str) -> Self {
        let made =
            Self { directory: self.directory.join(name), path: format!("{}/{name}", self.path) };
        fs::create_dir(&made.directory).expect("a cgroup");
        made
    }

    /// Its path as captures have it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its directory below the mount.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its opened `cgroup.procs`.
    pub fn procs(&self) -> File {
        let procs = OpenOptions::new().write(true).open(self.directory.join("cgroup.procs"));
        procs.expect("cgroup.procs")
    }

    /// Moves its only process out, removes it, and makes another of that name.
    pub fn replace(&self, pid: i32) {
        let parent = self.directory.parent().expect("made below another");
        fs::write(parent.join("cgroup.procs"), pid.to_string()).expect("moved out");
        fs::remove_dir(&self.directory).expect("removed");
        fs::create_dir(&self.directory).expect("made again");
    }

    /// Moves the calling process in; makes system calls only.
    pub fn join(mut procs: &File) {
        let _ = procs.write_all(b"0");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Emptied by the end of its processes, a moment later at most.
        for _ in 0..100 {
            if fs::remove_dir(&self.directory).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
