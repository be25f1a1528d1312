//! cgroup paths where the hierarchy is not mounted, too deep for the kernel to
//! name, or not the one that has the groups.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::process::Command;

use test_support::{Cgroup, Recording, own_cgroup, record, skip, v1_has_groups};

use super::{possible, quiet_place, storm};

/// Connects from a process in a cgroup; the paths and ids of its rows.
fn seen_from(procs: Option<File>, wrapper: &[&str]) -> Vec<String> {
    let (place, path) = quiet_place();
    let netns = path.to_str().expect("UTF-8");
    let recording = Recording::start_through(wrapper, &["--netns", netns]);
    let mut command = Command::new(storm());
    command.arg("9");
    if let Some(procs) = procs {
        // SAFETY: one write(2), which allocates nothing and takes no locks.
        unsafe {
            command.pre_exec(move || {
                Cgroup::join(&procs);
                Ok(())
            });
        }
    }
    assert!(place.run(|| command.output()).expect("it runs").status.success());
    let capture = recording.finish();
    assert_eq!(capture.rows.len(), 9);
    let mut paths: Vec<String> =
        capture.rows.into_iter().map(|row| row.cgroup.into_owned()).collect();
    paths.dedup();
    paths
}

#[test]
fn without_a_mount_paths_come_through_a_private_view() {
    if !possible() {
        return;
    }
    let cgroup = match Cgroup::new("unmounted") {
        Ok(cgroup) => cgroup,
        Err(why) => return skip(why),
    };
    let unmounted = ["unshare", "--mount", "sh", "-c", "umount -a -t cgroup2; exec \"$@\"", "sh"];
    assert_eq!(seen_from(Some(cgroup.procs()), &unmounted), [cgroup.path()]);
}

/// Longer than PATH_MAX, which is all that the kernel itself can name.
#[test]
fn a_path_of_any_length_is_named() {
    const LEVELS: usize = 20;
    if !possible() {
        return;
    }
    let top = match Cgroup::new("long") {
        Ok(cgroup) => cgroup,
        Err(why) => return skip(why),
    };
    let name = "n".repeat(250);
    let levels = Deep::make(&top, &name, LEVELS);
    let expected = format!("{}{}", top.path(), format!("/{name}").repeat(LEVELS));
    assert!(expected.len() > 4096);
    assert_eq!(seen_from(Some(levels.procs()), &[]), [expected]);
}

/// Directories below each other, reached by descriptors; removed when dropped.
struct Deep {
    name: String,
    open: Vec<std::os::fd::OwnedFd>,
}

impl Deep {
    fn make(top: &Cgroup, name: &str, levels: usize) -> Self {
        use rustix::fs::{Mode, OFlags, mkdirat, openat};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut open = vec![File::open(top.directory()).expect("the top").into()];
        for _ in 0..levels {
            let above = open.last().expect("at least the top");
            mkdirat(above, name, Mode::RWXU).expect("a cgroup");
            open.push(openat(above, name, flags, Mode::empty()).expect("opened"));
        }
        Self { name: name.to_owned(), open }
    }

    fn procs(&self) -> File {
        use rustix::fs::{Mode, OFlags, openat};
        let deepest = self.open.last().expect("at least the top");
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        openat(deepest, "cgroup.procs", flags, Mode::empty()).expect("cgroup.procs").into()
    }
}

impl Drop for Deep {
    fn drop(&mut self) {
        while self.open.len() > 1 {
            self.open.pop();
            for _ in 0..100 {
                let above = self.open.last().expect("at least the top");
                if rustix::fs::unlinkat(above, &*self.name, rustix::fs::AtFlags::REMOVEDIR).is_ok()
                {
                    break;
                }
                // Its last process may still be on its way out.
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

/// Where cgroup v1 has the groups, the root of v2 says nothing about a task.
#[test]
fn on_a_hybrid_host_the_root_is_not_taken_for_a_group() {
    if !possible() {
        return;
    }
    let v1 = v1_has_groups();
    let check = record(&["check"]).output().expect("record runs");
    let said = String::from_utf8_lossy(&check.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("cgroup v2")).expect("a line");
    assert_eq!(line.contains("cgroup v1"), v1, "{line}");
    assert_eq!(seen_from(None, &[]), [own_cgroup()]);
    let recording = Recording::start(&[]);
    let unavailable = recording.finish().info.unavailable;
    assert_eq!(unavailable.iter().any(|what| what.contains("cgroup v1")), v1, "{unavailable:?}");
}
