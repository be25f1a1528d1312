//! The run itself: options, captures, report, output, exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::answer::Report;
use crate::capture::{Captures, display_name};
use crate::cli::Cli;
use crate::cli::args::Format;
use crate::commands::{Ask, AskError, Command, Run};
use crate::output::{self, Output, Screen};
use crate::progress::Progress;
use crate::quality::{Trust, Warning};
use crate::scan::{Budget, Scan};
use crate::{guard, manual};

/// Exit code of wrong usage, as clap has it.
const USAGE: u8 = 2;

/// Why there is no answer.
struct Failure {
    message: String,
    exit: u8,
}

/// What a run leaves.
#[derive(Debug)]
pub struct Answer {
    /// The exit code.
    pub exit: u8,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

/// Runs the program with arguments, the program's name not among them, and
/// keeps what it would print to a pipe.
pub fn answer<T: Into<OsString> + Clone>(arguments: impl IntoIterator<Item = T>) -> Answer {
    answer_within(Budget::default(), arguments)
}

/// The same with another budget of memory, for tests.
pub fn answer_within<T: Into<OsString> + Clone>(
    budget: Budget,
    arguments: impl IntoIterator<Item = T>,
) -> Answer {
    let name = std::iter::once(OsString::from("analyze"));
    let arguments = name.chain(arguments.into_iter().map(Into::into));
    let command = match Cli::try_parse_from(arguments).and_then(Cli::checked) {
        Ok(command) => command,
        Err(usage) => {
            let (text, exit) = (usage.render().to_string(), usage.exit_code() as u8);
            return match usage.use_stderr() {
                true => Answer { exit, stdout: Vec::new(), stderr: text },
                false => Answer { exit, stdout: text.into_bytes(), stderr: String::new() },
            };
        }
    };
    match run(&command, budget, None) {
        Ok((exit, Output { bytes, warnings })) => Answer { exit, stdout: bytes, stderr: warnings },
        Err(Failure { message, exit }) => {
            Answer { exit, stdout: Vec::new(), stderr: format!("analyze: {message}\n") }
        }
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse().and_then(Cli::checked) {
        Ok(command) => command,
        Err(usage) => usage.exit(),
    };
    let stdout = io::stdout();
    let terminal = stdout.is_terminal().then(|| screen(&stdout));
    let result = run(&command, Budget::default(), terminal).and_then(|(exit, output)| {
        // Nothing is left to do if this cannot be written, nor below.
        let _ = io::stderr().write_all(output.warnings.as_bytes());
        write(&output.bytes).map(|()| exit)
    });
    match result {
        Ok(exit) => ExitCode::from(exit),
        Err(Failure { message, exit }) => {
            let _ = writeln!(io::stderr(), "analyze: {message}");
            ExitCode::from(exit)
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure { message: error.to_string(), exit: 1 }
}

/// The exit code and what is to be printed, to a terminal if there is one.
fn run(
    command: &Command,
    budget: Budget,
    terminal: Option<Screen>,
) -> Result<(u8, Output), Failure> {
    // Damage is caught closer to the file; what arrives here is our mistake.
    guard::caught(|| match command {
        Command::Completions { shell } => {
            Ok((0, Output { bytes: manual::completions(*shell), ..Output::default() }))
        }
        Command::Man { directory } => {
            let name = crate::capture::display_name(directory);
            manual::write(directory).map_err(|error| failed(&format!("{name}: {error}")))?;
            Ok((0, Output::default()))
        }
        question => match question.ask() {
            Some(question) => ask(question, budget, terminal),
            None => Ok((0, Output::default())),
        },
    })
    .unwrap_or_else(|panic| Err(failed(&format!("internal error, please report it: {panic}"))))
}

fn ask(
    question: &dyn Ask,
    budget: Budget,
    terminal: Option<Screen>,
) -> Result<(u8, Output), Failure> {
    let format = question.common().format;
    if format == Format::Parquet && terminal.is_some() {
        let message = "a Parquet file is not for a terminal; redirect it, such as > answer.parquet";
        return Err(Failure { message: message.to_owned(), exit: USAGE });
    }
    let captures = Captures::open(question.files(), question.common().strict)
        .map_err(|error| failed(&error))?;
    let mut trust = Trust::new(&captures);
    // What programs read must not depend on the terminal it was asked in.
    let width = match format {
        Format::Table => terminal.and_then(|screen| screen.width),
        _ => None,
    };
    let width = width.unwrap_or(output::PAGE_WIDTH);
    let unanswered = |error: AskError| Failure {
        message: error.to_string(),
        exit: if matches!(error, AskError::Usage(_)) { USAGE } else { 1 },
    };
    let selection = question.common().selection();
    let recorded = captures.recorded();
    let filter = question.filter(recorded).map_err(|error| unanswered(error.into()))?;
    let progress = Progress::of(captures.row_count());
    let scan = Scan::new(&captures.each, &filter, &progress, budget);
    let run = Run { captures: &captures, scan, selection: &selection, trust: &trust, width };
    let mut answered = question.ask(&run).map_err(unanswered)?;
    answered.warnings.extend(absurd(&run));
    drop(progress);
    let selected = match selection.is_all() {
        true => None,
        false => Some((selection.describe(recorded), answered.selected.unwrap_or(0))),
    };
    if answered.selected == Some(0) {
        answered.warnings.insert(0, Warning::NothingSelected(captures.row_count()));
    }
    // What concerns this answer comes before what concerns any.
    trust.warnings.splice(0..0, answered.warnings);
    let report = Report {
        trust: &trust,
        rows: answered.selected,
        selected,
        sections: answered.sections,
        findings: answered.findings,
        summary: question.is_summary(),
    };
    let output = output::render(
        &report,
        (format, question.common().json_integers),
        terminal.unwrap_or_default(),
    )
    .map_err(|error| failed(&format!("cannot write the answer: {error}")))?;
    Ok((answered.exit, output))
}

/// Latencies that no connect has, by file.
fn absurd<'a>(run: &'a Run<'_>) -> impl Iterator<Item = Warning> + 'a {
    run.scan.absurd().into_iter().map(|(capture, rows)| {
        let file = display_name(&run.captures.each[capture].path);
        Warning::AbsurdLatency { file, rows }
    })
}

fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| failed(&format!("cannot write the answer: {error}"))),
    }
}

/// A terminal has a width to fit into and shows colours, unless NO_COLOR says
/// otherwise (no-color.org).
fn screen(stdout: &io::Stdout) -> Screen {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    Screen {
        width: terminal_size::terminal_size_of(stdout).map(|(width, _)| width.0.into()),
        colour: !no_colour && !dumb,
    }
}
