//! The run itself: options, captures, report, output, exit code.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Format};
use crate::options::{Options, Task};
use crate::progress::Progress;
use crate::render::{self, Screen};
use crate::report::{Report, ReportError};
use crate::source::Captures;
use crate::{guard, manual};

/// Exit code of wrong usage, as clap has it.
const USAGE: u8 = 2;

/// Why there is no answer.
struct Failure {
    message: String,
    exit: u8,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let task = match Task::try_from(Cli::parse()) {
        Ok(task) => task,
        Err(usage) => usage.exit(),
    };
    // Damage is caught closer to the file; what arrives here is our mistake.
    let result = guard::caught(|| run(&task))
        .unwrap_or_else(|panic| Err(failed(&format!("internal error, please report it: {panic}"))));
    match result {
        Ok(exit) => ExitCode::from(exit),
        Err(Failure { message, exit }) => {
            // Nothing is left to do if even this cannot be written.
            let _ = writeln!(io::stderr(), "analyze: {message}");
            ExitCode::from(exit)
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure { message: error.to_string(), exit: 1 }
}

fn run(task: &Task) -> Result<u8, Failure> {
    match task {
        Task::Ask(options) => ask(options),
        Task::Completions(shell) => write(&manual::completions(*shell)).map(|()| 0),
        Task::Man(directory) => {
            let name = crate::source::display_name(directory);
            manual::write(directory).map_err(|error| failed(&format!("{name}: {error}")))?;
            Ok(0)
        }
    }
}

fn ask(options: &Options) -> Result<u8, Failure> {
    let stdout = io::stdout();
    if options.format == Format::Parquet && stdout.is_terminal() {
        let message = "a Parquet file is not for a terminal; redirect it, such as > answer.parquet";
        return Err(Failure { message: message.to_owned(), exit: USAGE });
    }
    let mut captures = Captures::open(&options.files).map_err(|error| failed(&error))?;
    let progress = Progress::watch(&mut captures);
    let report = Report::new(&mut captures, options).map_err(|error| Failure {
        message: error.to_string(),
        exit: if matches!(error, ReportError::Usage(_)) { USAGE } else { 1 },
    })?;
    drop(progress);
    let output = render::render(&report, options.format, screen())
        .map_err(|error| failed(&format!("cannot write the answer: {error}")))?;
    if !output.warnings.is_empty() {
        let _ = io::stderr().write_all(output.warnings.as_bytes());
    }
    write(&output.bytes)?;
    Ok(report.exit)
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| failed(&format!("cannot write the answer: {error}"))),
    }
}

/// What the output goes to. Only a terminal has a width to fit into and shows
/// colours, unless NO_COLOR says otherwise (no-color.org).
fn screen() -> Screen {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return Screen::default();
    }
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    Screen {
        width: terminal_size::terminal_size_of(stdout).map(|(width, _)| width.0.into()),
        colour: !no_colour && !dumb,
    }
}
