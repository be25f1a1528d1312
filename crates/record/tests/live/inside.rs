//! What somebody who got into the recorder can do: `examples/inside.rs` tries.
//! The table in docs/security.md says the same.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use test_support::{Process, example, is_root, scratch, skip_on_this_kernel};

/// What the recorder needs.
const WORKS: [&str; 2] = ["write a capture", "a thread"];
/// What Landlock refuses, and nothing on a kernel without it.
const BY_LANDLOCK: [&str; 5] =
    ["read /etc/shadow", "write /etc/passwd", "create /etc/x", "create beside", "create two above"];
/// How many tries there are: none may be forgotten here.
const TRIES: usize = 46;

#[test]
fn who_gets_in_gets_no_further() {
    if !is_root() {
        return;
    }
    let program = example("inside");
    if !program.exists() {
        skip_on_this_kernel("the example inside");
        return;
    }
    let outer = scratch();
    let directory = outer.path().join("beside/captures");
    fs::create_dir_all(&directory).expect("directories");
    let victim = Process::spawn(Command::new("sleep").arg("60").stdin(Stdio::null()));
    let mut command = Command::new(program);
    let output = command.arg(&directory).arg(victim.id().to_string()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let tries = text.lines().filter_map(|line| line.split_once('\t'));
    let tries: BTreeMap<&str, i32> =
        tries.map(|(name, errno)| (name, errno.parse().expect("a number"))).collect();
    assert_eq!(tries.len(), TRIES, "{text}");
    let lsm = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let has_landlock = lsm.is_empty() || lsm.contains("landlock");
    for (name, errno) in tries {
        if WORKS.contains(&name) {
            assert_eq!(errno, 0, "{name}");
        } else if BY_LANDLOCK.contains(&name) {
            assert!(errno == libc::EACCES || !has_landlock && errno == 0, "{name}: {errno}");
        } else {
            assert_eq!(errno, libc::EPERM, "{name}");
        }
    }
    // Left by a kernel without Landlock.
    let _ = fs::remove_file("/etc/connlat-inside");
    let left: Vec<_> = fs::read_dir(&directory).expect("a directory").flatten().collect();
    assert_eq!(left.len(), 1, "the capture and nothing else: {left:?}");
}
