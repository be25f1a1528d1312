//! Whether a test can run here, and how long it shall.

use std::process::{Command, Stdio};
use std::str::FromStr;

use crate::support::run;

/// A number from the environment, or the default of a short run.
pub fn setting<T: FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => default,
    }
}

/// Whether `record --help` knows an option; says so if not.
pub fn has_option(option: &str) -> bool {
    let help = run(&["--help"]).stdout;
    let known = String::from_utf8_lossy(&help).contains(option);
    if !known {
        eprintln!("skipped: {option} is not built yet");
    }
    known
}

/// Whether `record recover` exists; says so if not.
pub fn has_recover() -> bool {
    let known = run(&["recover", "--help"]).status.success();
    if !known {
        eprintln!("skipped: record recover is not built yet");
    }
    known
}

/// Whether a program is installed; says so if not.
pub fn has_program(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    let found = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        assert!(std::env::var_os("CI").is_none(), "CI needs {program}");
        eprintln!("skipped: {program} is not installed (Debian: apt-get install {program})");
    }
    found
}
