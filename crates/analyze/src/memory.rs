//! How much memory there is: a container or a service may have less than the
//! machine, and whoever takes more is killed.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Bytes that may be taken: the smallest of what the control groups allow, the
/// address space that is left, and what the machine has free. None where
/// nothing says so, as on other systems than Linux.
pub fn available() -> Option<u64> {
    available_in(Path::new("/"))
}

/// The same by the files below another root.
fn available_in(root: &Path) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
    let groups = of_groups(root, &read("proc/self/cgroup"), &read("proc/self/mountinfo"));
    let address_space = of_address_space(&read("proc/self/limits"), &read("proc/self/status"));
    let free = kilobytes(&read("proc/meminfo"), "MemAvailable:");
    [groups, address_space, free].into_iter().flatten().min()
}

/// What is left of the address space (ulimit -v), halved: stacks and the
/// allocator reserve much that they never use.
fn of_address_space(limits: &str, status: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(kilobytes(status, "VmSize:").unwrap_or(0)) / 2)
}

/// A line of `/proc/meminfo` or `/proc/self/status`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The smallest limit of the control groups that the program is in, and of
/// those above them as far as they can be seen (cgroups(7)).
fn of_groups(root: &Path, groups: &str, mounts: &str) -> Option<u64> {
    let mut limits = Vec::new();
    for mount in mounts.lines().filter_map(Mount::parse) {
        let (controllers, files): (&str, &[&str]) = match mount.kind {
            // Above memory.high a group is slowed until it hardly moves.
            "cgroup2" => ("", &["memory.max", "memory.high"]),
            "cgroup" if mount.has("memory") => ("memory", &["memory.limit_in_bytes"]),
            _ => continue,
        };
        let group = groups.lines().find_map(|line| {
            // Hierarchy, its controllers, the group: the last may hold colons.
            let mut fields = line.splitn(3, ':').skip(1);
            let named = fields.next()?;
            let same = named == controllers || named.split(',').any(|name| name == controllers);
            fields.next().filter(|_| same)
        });
        let Some(group) = group else { continue };
        let top = root.join(mount.place.trim_start_matches('/'));
        // Of a container: its own group is all that is mounted.
        let below = Path::new(group).strip_prefix(&mount.root).unwrap_or(Path::new(""));
        let named = below.components().all(|part| matches!(part, Component::Normal(_)));
        let mut at = if named { top.join(below) } else { top.clone() };
        loop {
            let limit =
                |name: &&str| fs::read_to_string(at.join(name)).ok()?.trim().parse::<u64>().ok();
            limits.extend(files.iter().filter_map(limit));
            if at == top || !at.pop() {
                break;
            }
        }
    }
    limits.into_iter().min()
}

/// A line of `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
struct Mount<'a> {
    /// The part of the file system that is mounted.
    root: PathBuf,
    /// Where.
    place: String,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (own, of_kind) = line.split_once(" - ")?;
        let mut own = own.split(' ').skip(3);
        let (root, place) = (unescaped(own.next()?), unescaped(own.next()?));
        let mut of_kind = of_kind.split(' ');
        let kind = of_kind.next()?;
        Some(Self { root: root.into(), place, kind, options: of_kind.nth(1)? })
    }

    fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|one| one == option)
    }
}

/// Text in which a space is `\040`.
fn unescaped(text: &str) -> String {
    [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", r"\")]
        .into_iter()
        .fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine made of files.
    struct Made(tempfile::TempDir);

    impl Made {
        fn new(groups: &str, mounts: &str) -> Self {
            let made = Self(tempfile::tempdir().expect("a directory"));
            made.file("proc/self/cgroup", groups);
            made.file("proc/self/mountinfo", mounts);
            made.file("proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable:    4000000 kB\n");
            made.file(
                "proc/self/limits",
                "Max address space         unlimited   unlimited  bytes\n",
            );
            made.file("proc/self/status", "VmPeak: 5 kB\nVmSize:  200000 kB\n");
            made
        }

        fn file(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, text).expect("written");
        }

        fn available(&self) -> Option<u64> {
            available_in(self.0.path())
        }
    }

    const FREE: Option<u64> = Some(4_000_000 * 1024);
    const V2: &str =
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn without_limits_it_is_what_is_free() {
        let made = Made::new("0::/user.slice\n", V2);
        made.file("sys/fs/cgroup/user.slice/memory.max", "max\n");
        assert_eq!(made.available(), FREE);
        assert_eq!(available_in(Path::new("/nowhere")), None);
    }

    #[test]
    fn groups_above_count() {
        let made = Made::new("0::/a.slice/b.service/c\n", V2);
        let at = "sys/fs/cgroup/a.slice";
        made.file(&format!("{at}/b.service/c/memory.max"), "max\n");
        made.file(&format!("{at}/b.service/memory.max"), "500000000\n");
        made.file(&format!("{at}/memory.max"), "700000000\n");
        assert_eq!(made.available(), Some(500_000_000));
        made.file(&format!("{at}/memory.high"), "300000000\n");
        assert_eq!(made.available(), Some(300_000_000));
        // One that it is not in.
        made.file("sys/fs/cgroup/other/memory.max", "1\n");
        assert_eq!(made.available(), Some(300_000_000));
    }

    #[test]
    fn a_container_sees_its_own_group_at_the_top() {
        // Version 2, with a namespace of its own and without.
        for (groups, root) in
            [("0::/\n", "/"), ("0::/docker/7f\n", "/docker/7f"), ("0::/../x\n", "/")]
        {
            let made = Made::new(groups, &V2.replace(" / ", &format!(" {root} ")));
            made.file("sys/fs/cgroup/memory.max", "268435456\n");
            assert_eq!(made.available(), Some(256 << 20), "{groups}");
        }
        // Version 1.
        let mounts = "35 31 0:32 /docker/7f /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n\
                      36 31 0:33 /docker/7f /sys/fs/cgroup/pids ro - cgroup cgroup rw,pids\n";
        let made = Made::new("9:pids:/docker/7f\n4:memory:/docker/7f\n0::/\n", mounts);
        made.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
        made.file("sys/fs/cgroup/pids/memory.limit_in_bytes", "1\n");
        assert_eq!(made.available(), Some(256 << 20));
    }

    #[test]
    fn both_versions_at_once_and_names_with_spaces_and_colons() {
        let mounts = "35 31 0:32 / /sys/fs/c\\040g/memory rw - cgroup cgroup rw,memory\n\
                      38 31 0:35 / /sys/fs/c\\040g/unified rw - cgroup2 cgroup2 rw\n";
        let made = Made::new("4:memory:/a:b/c\n0::/\n", mounts);
        made.file("sys/fs/c g/memory/memory.limit_in_bytes", "9223372036854771712\n");
        made.file("sys/fs/c g/memory/a:b/memory.limit_in_bytes", "150000000\n");
        assert_eq!(made.available(), Some(150_000_000));
    }

    #[test]
    fn a_limit_on_the_address_space_counts() {
        let made = Made::new("", "");
        made.file("proc/self/limits", "Max address space  1000000000  unlimited  bytes\n");
        assert_eq!(made.available(), Some((1_000_000_000 - 200_000 * 1024) / 2));
    }
}
