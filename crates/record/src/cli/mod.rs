//! The command line: parse, validate, run, and turn the result into an exit code.

pub mod args;
mod manual;
pub mod options;
mod recover;
mod snapshot;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::message::say;
use crate::{check, live, session};
use args::{Args, Subcommand};
use options::Options;

/// Exit code of a recording that failed; usage errors are 2, by clap.
const FAILURE: u8 = 1;

/// Runs the program.
pub fn main() -> ExitCode {
    let args = Args::from_arg_matches(&Args::command().get_matches());
    let result = args.and_then(|args| match args.subcommand {
        None => Options::for_recording(args.record).map(|options| session::run(&options)),
        Some(Subcommand::Check(args)) => Ok(check::run(args.json, &args.btf)),
        Some(Subcommand::Recover(args)) => Ok(recover::run(&args)),
        Some(Subcommand::Snapshot(args)) => Ok(snapshot::run(args.pid)),
        Some(Subcommand::Completions { shell }) => Ok(manual::completions(shell)),
        Some(Subcommand::Man { directory }) => Ok(manual::man(&directory)),
        Some(Subcommand::Live(live)) if live.ebpf => Ok(live::print_program().map(|()| 0)),
        Some(Subcommand::Live(live)) => {
            Options::for_live(*live).map(|options| session::run(&options))
        }
    });
    match result {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(error)) => {
            // One line, however deep the cause.
            say!("record: {error:#}");
            ExitCode::from(FAILURE)
        }
        Err(usage) => usage.exit(),
    }
}
