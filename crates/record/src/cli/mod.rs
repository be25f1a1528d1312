//! The command line: parse, validate, run, and turn the result into an exit code.

pub mod args;
mod manual;
mod options;
mod recover;
mod snapshot;
mod values;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::message::{self, say};
use crate::{check, live, session};
use args::{Args, Subcommand};

/// Exit code of a recording that failed; usage errors are 2, by clap.
const FAILURE: u8 = 1;

/// Runs the program.
pub fn main() -> ExitCode {
    let args = match Args::from_arg_matches(&Args::command().get_matches()) {
        Ok(args) => args,
        Err(usage) => usage.exit(),
    };
    let result = match args.subcommand {
        None => session::run(&options::for_recording(args.record)),
        Some(Subcommand::Check(args)) => check::run(args.json, &args.btf),
        Some(Subcommand::Recover(args)) => recover::run(&args),
        Some(Subcommand::Snapshot(args)) => snapshot::run(&args),
        Some(Subcommand::Completions { shell }) => manual::completions(shell),
        Some(Subcommand::Man { directory }) => manual::man(&directory),
        Some(Subcommand::Live(live)) if live.ebpf => live::print_program().map(|()| 0),
        Some(Subcommand::Live(live)) => session::run(&options::for_live(*live)),
    };
    let code = result.unwrap_or_else(|error| {
        // One line, however deep the cause.
        say!("record: {error:#}");
        FAILURE
    });
    message::end_session();
    ExitCode::from(code)
}
