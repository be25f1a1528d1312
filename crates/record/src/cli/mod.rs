//! The command line: parse, validate, run, and turn the result into an exit code.

pub mod args;
pub mod options;

use std::process::ExitCode;

use clap::Parser;

use crate::session;
use args::Args;
use options::Options;

/// Exit code of a recording that failed; usage errors are 2, by clap.
const FAILURE: u8 = 1;

/// Runs the program.
pub fn main() -> ExitCode {
    let options = match Options::try_from(Args::parse()) {
        Ok(options) => options,
        Err(error) => error.exit(),
    };
    match session::run(&options) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // One line, however deep the cause.
            eprintln!("record: {error:#}");
            ExitCode::from(FAILURE)
        }
    }
}
