//! The run itself: options, captures, report, output, exit code.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::guard;
use crate::options::Options;
use crate::render;
use crate::report::Report;
use crate::source::Captures;

/// Runs the program.
pub fn main() -> ExitCode {
    let options = match Options::try_from(Cli::parse()) {
        Ok(options) => options,
        Err(usage) => usage.exit(),
    };
    // Damage is caught closer to the file; what arrives here is our mistake.
    let result = guard::caught(|| run(&options))
        .unwrap_or_else(|panic| Err(anyhow::anyhow!("internal error, please report it: {panic}")));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even this cannot be written.
            let _ = writeln!(io::stderr(), "analyze: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<()> {
    let captures = Captures::open(&options.files)?;
    let report = Report::new(&captures, &options.ask)?;
    let output = render::render(&report, options.format, terminal_width());
    if !output.warnings.is_empty() {
        let _ = io::stderr().write_all(output.warnings.as_bytes());
    }
    match io::stdout().lock().write_all(output.text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| anyhow::anyhow!("cannot write the answer: {error}")),
    }
}

/// Columns to fit tables into, none where the output is not a terminal.
fn terminal_width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(stdout).map(|(width, _)| width.0.into())
}
