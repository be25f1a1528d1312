//! Runs the binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A directory of its own for each test, removed afterwards.
pub struct Dir(tempfile::TempDir);

impl Dir {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The program, run inside so that messages hold no paths.
    pub fn analyze(&self, args: &[&str]) -> Run {
        let output = command(self.0.path()).args(args).output().expect("the program runs");
        Run::new(output)
    }

    /// A command pasted into a shell that finds the program.
    pub fn shell(&self, text: &str) -> Run {
        let program = Path::new(env!("CARGO_BIN_EXE_analyze"));
        let mut path = program.parent().expect("a directory").as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut shell = Command::new("sh");
        shell.current_dir(self.0.path()).env_remove("COLUMNS").env("PATH", path);
        Run::new(shell.args(["-c", text]).output().expect("a shell"))
    }
}

/// A file of this crate: where the tests run, not where they were compiled,
/// for clones may share a target directory.
pub fn in_crate(path: &str) -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(path)
}

/// The program with nothing in its environment that changes the output but
/// what would make it print backtraces.
pub fn command(dir: &Path) -> Command {
    // Another build of it, such as a fast one for large inputs.
    let program = std::env::var_os("CONNLAT_ANALYZE");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_analyze").into());
    let mut command = Command::new(program);
    command.current_dir(dir).env_remove("COLUMNS").env("RUST_BACKTRACE", "full");
    command
}

/// A finished run.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Standard output of a run that must have worked.
    pub fn text(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// The answer as JSON.
    pub fn json(self) -> Value {
        serde_json::from_str(&self.text()).expect("one JSON document")
    }

    /// The one line a failed run leaves.
    pub fn failure(self) -> String {
        assert_eq!(self.code, Some(1), "stdout: {}stderr: {}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        assert!(self.stderr.starts_with("analyze: "), "{}", self.stderr);
        assert_eq!(self.stderr.matches('\n').count(), 1, "{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert!(self.stderr.contains("; "), "no remedy: {}", self.stderr);
        self.stderr
    }
}
