//! The tasks: each is a script that can be called without this program, too.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use anyhow::Context;

/// A script, and what is said about it.
pub struct Task {
    /// What it is called by.
    pub name: &'static str,
    /// One line for the list.
    pub about: &'static str,
    /// The script, from the root of the checkout.
    pub program: &'static str,
    /// What it gets before the caller's arguments.
    arguments: &'static [&'static str],
    /// What is set for it.
    environment: &'static [(&'static str, &'static str)],
}

/// A task without arguments or environment of its own.
const fn task(name: &'static str, program: &'static str, about: &'static str) -> Task {
    Task { name, about, program, arguments: &[], environment: &[] }
}

/// Every task, in the order of the list: what one needs first comes first.
pub const TASKS: &[Task] = &[
    task("demo", ".ci/demo", "Build both programs, record real connects, print the analysis"),
    task("test", ".ci/test", "Every test; takes what cargo test takes"),
    task("ci", ".ci/run", "What CI runs: format, lints, dependencies, links, BPF object, tests"),
    Task {
        arguments: &["--test", "cli", "--test", "damage"],
        environment: &[("CONNLAT_BLESS", "1")],
        ..task("bless", ".ci/test", "Rewrite golden files and seeds from what analyze prints now")
    },
    Task {
        arguments: &["--test", "cli", "picture"],
        environment: &[("CONNLAT_BLESS", "1")],
        ..task("picture", ".ci/test", "Draw the README's picture from what analyze prints now")
    },
    task("probe", "crates/probe-ebpf/build.sh", "Rebuild the committed BPF object, or --check it"),
    task("kernels", ".ci/kernels", "Run the recorder on a matrix of real kernels in QEMU"),
    task("overhead", ".ci/overhead", "Measure what recording costs, beside bpftrace; as root"),
    task("fixtures", "fixtures/stage/stage.py", "Stage incidents and record them; as root"),
    task("corpus", "fixtures/stage/corpus.py", "Stage all scenes, seeds and loads; as root"),
    task("score", "fixtures/stage/score.py", "Compare findings with what was staged in the corpus"),
    task("large", "crates/analyze/tests/large/large.py", "Make huge captures, measure analyze"),
    task("engines", ".ci/engines", "Ask DuckDB, Spark and others what docs/fleet.md says, compare"),
    task("report-check", ".ci/report-check", "Open pages of analyze report in a real browser"),
    task("links", ".ci/links", "Check that links in the documentation lead somewhere"),
    task("release", ".ci/release", "Build what users install: archives, packages, SBOMs"),
    task("install-check", ".ci/install-check", "Install a release on a bare Debian; as root"),
    task("vm-check", ".ci/vm-check", "Try a release's service or container in QEMU; as root"),
    task("compare-answers", ".ci/compare-answers", "Ask two builds of analyze the same questions"),
    task("windows", ".ci/windows", "Cross-build analyze for Windows, try it under Wine"),
    task("macos", ".ci/macos", "Check that analyze compiles for macOS"),
];

impl Task {
    /// Runs it with these arguments, and returns its exit code.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn run<'a>(&self, given: impl Iterator<Item = &'a OsString>) -> anyhow::Result<u8> {
        let mut command = Command::new(self.program);
        command.args(self.arguments).args(given).envs(self.environment.iter().copied());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_about_this_program) {
                command.env_remove(name);
            }
        }
        let status = command.status().with_context(|| format!("cannot run {}", self.program))?;
        // One that a signal ended has no code.
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }

    /// The comment that the script opens with: how it is called, what it needs.
    pub fn manual(&self) -> String {
        fs::read_to_string(self.program).map(|text| header(&text)).unwrap_or_default()
    }
}

/// What cargo tells a program that it runs. Build scripts of dependencies look
/// at some of these (ring's does): a cargo that inherits them compiles polars
/// again.
fn is_about_this_program(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// The first comment of a shell script, or the docstring of a Python program.
fn header(text: &str) -> String {
    let text = text.split_once('\n').map_or("", |(_, rest)| rest);
    if let Some((docstring, _)) = text.strip_prefix("\"\"\"").and_then(|t| t.split_once("\"\"\"")) {
        return docstring.trim_end().to_owned();
    }
    let comment = text.lines().map_while(|line| line.strip_prefix('#'));
    let lines = comment.filter(|line| !line.starts_with(" shellcheck "));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Scripts that others call or source.
    const HELPERS: [&str; 3] = ["setup", "documented", "debian-root"];

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root of the checkout")
    }

    #[test]
    fn every_task_has_a_script_that_says_what_it_does() {
        for task in TASKS {
            let text = fs::read_to_string(root().join(task.program)).expect(task.program);
            assert!(text.starts_with("#!"), "{}", task.program);
            assert!(header(&text).len() > 40, "{}", task.program);
        }
    }

    #[test]
    fn every_script_has_a_task() {
        for entry in fs::read_dir(root().join(".ci")).expect(".ci") {
            let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
            let is_task = TASKS.iter().any(|task| task.program == format!(".ci/{name}"));
            assert_ne!(is_task, HELPERS.contains(&name.as_str()), ".ci/{name}");
        }
    }

    #[test]
    fn what_a_user_sets_for_cargo_is_kept() {
        for (variable, taken_away) in [
            ("CARGO_MANIFEST_DIR", true),
            ("CARGO_PKG_VERSION_MAJOR", true),
            ("CARGO_TARGET_DIR", false),
            ("CARGO_HOME", false),
            ("CI", false),
        ] {
            assert_eq!(is_about_this_program(variable), taken_away, "{variable}");
        }
    }

    #[test]
    fn the_header_is_the_first_comment_only() {
        let shell = "#!/bin/sh\n# Does it.\n#\n#   it NAME\n# shellcheck source=x\nset -e\n# No.\n";
        assert_eq!(header(shell), "Does it.\n\n  it NAME");
        assert_eq!(header("#!/bin/python\n\"\"\"Does it.\n\nWell.\n\"\"\"\n"), "Does it.\n\nWell.");
        assert_eq!(header(""), "");
    }
}
