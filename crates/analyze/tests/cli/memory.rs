//! What the static program uses instead of musl's memcpy and memcmp does the
//! same. Compiled here under other names, for this is no static program.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::process::Command;

use super::program::{Dir, in_crate};

#[test]
fn memory_is_copied_and_compared_as_by_the_obvious_loops() {
    let dir = Dir::new();
    let renamed = ["memmove", "memcpy", "memcmp", "bcmp"];
    // As in build.rs.
    let compiled = Command::new("cc")
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-builtin"])
        .arg("-fno-tree-loop-distribute-patterns")
        .args(renamed.map(|name| format!("-D{name}=fast_{name}")))
        .arg("-c")
        .arg(in_crate("musl/memory.c"))
        .arg("-o")
        .arg(dir.path("memory.o"))
        .status()
        .expect("cc");
    assert!(compiled.success());
    let linked = Command::new("cc")
        .args(["-O1", "-Wall", "-Wextra", "-Werror"])
        .arg(in_crate("tests/memory/check.c"))
        .arg(dir.path("memory.o"))
        .arg("-o")
        .arg(dir.path("check"))
        .status()
        .expect("cc");
    assert!(linked.success());
    let checked = Command::new(dir.path("check")).output().expect("the check");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.ends_with("all the same\n"), "{said} {checked:?}");
}
