//! Builds and tests want every dependency with the same features: otherwise
//! polars is compiled twice, for minutes and gigabytes.

use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn dependencies_of_tests_switch_no_feature_on() {
    let built = packages("normal,build");
    let tested = packages("normal,build,dev");
    assert!(built.iter().any(|package| package.starts_with("polars v")), "{built:?}");
    let changed: Vec<_> = built.difference(&tested).collect();
    assert!(changed.is_empty(), "a dev-dependency changes the features of {changed:#?}");
}

/// Every package of the workspace with its features.
fn packages(edges: &str) -> BTreeSet<String> {
    let output = Command::new(std::env::var_os("CARGO").expect("cargo sets it"))
        .args(["tree", "--locked", "--offline", "--workspace", "--prefix", "none"])
        .args(["--edges", edges, "--format", "{p} [{f}]"])
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}
