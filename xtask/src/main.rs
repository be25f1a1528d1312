//! `cargo xtask`: every task of a contributor, behind one `--help`.

mod task;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Arg, Command, value_parser};
use task::{TASKS, Task};

/// Exit code of a wrong call.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match enter_checkout().and_then(|()| run()) {
        Ok(exit) => ExitCode::from(exit),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Tasks name their files from the root of the checkout that cargo runs this
/// for, which need not be the one that compiled it: clones may share a target
/// directory.
fn enter_checkout() -> anyhow::Result<()> {
    let crate_dir = std::env::var_os("CARGO_MANIFEST_DIR").context("run it as `cargo xtask`")?;
    let root = Path::new(&crate_dir).join("..");
    std::env::set_current_dir(&root).with_context(|| root.display().to_string())
}

fn run() -> anyhow::Result<u8> {
    let matches = command().get_matches();
    let Some((name, matches)) = matches.subcommand() else { return Ok(USAGE) };
    let Some(task) = TASKS.iter().find(|task| task.name == name) else { return Ok(USAGE) };
    task.run(matches.get_many::<OsString>("arguments").unwrap_or_default())
}

fn command() -> Command {
    Command::new("xtask")
        .bin_name("cargo xtask")
        .about("Tasks of a contributor; `cargo xtask TASK --help` says what each needs")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommands(TASKS.iter().map(subcommand))
}

/// What a task takes is its script's business: everything is passed on.
fn subcommand(task: &Task) -> Command {
    let arguments = Arg::new("arguments")
        .value_name("ARGUMENTS")
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString))
        .help(format!("Passed on to {}", task.program));
    Command::new(task.name).about(task.about).after_help(task.manual()).arg(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn whatever_follows_the_task_is_passed_on() {
        for given in [
            &["--arch", "arm64", "6.1"][..],
            &["outcomes", "--", "--nocapture"],
            &["--test", "cli", "--", "--nocapture"],
            &[],
        ] {
            let line = ["xtask", "test"].iter().chain(given);
            let matches = command().try_get_matches_from(line).expect("arguments");
            let (_, matches) = matches.subcommand().expect("a task");
            let passed = matches.get_many::<OsString>("arguments").unwrap_or_default();
            assert_eq!(passed.collect::<Vec<_>>(), given);
        }
    }
}
