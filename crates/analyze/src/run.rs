//! The run itself: options, captures, report, output, exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::answer::Report;
use crate::capture::{Bundle, Captures, display_name};
use crate::cli::Cli;
use crate::cli::args::Format;
use crate::commands::{Ask, AskError, Command, Run};
use crate::names::Names;
use crate::output::{self, Out, RenderError, Screen};
use crate::progress::Progress;
use crate::quality::{Trust, Warning};
use crate::scan::{Budget, Scan};
use crate::{guard, manual, memory, new_file, units};

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
    let (mut stdout, mut said) = (Vec::new(), Vec::new());
    let result = run(&command, budget, None, (&mut stdout, &mut said));
    let mut stderr = String::from_utf8(said).unwrap_or_default();
    let exit = result.unwrap_or_else(|Failure { message, exit }| {
        stderr.push_str(&format!("analyze: {message}\n"));
        exit
    });
    Answer { exit, stdout, stderr }
}

/// Runs the program.
pub fn main() -> ExitCode {
    let command = match Cli::try_parse().and_then(Cli::checked) {
        Ok(command) => command,
        Err(usage) => usage.exit(),
    };
    let mut stdout = io::stdout();
    let terminal = stdout.is_terminal().then(|| screen(&stdout));
    let budget = Budget::within(memory::available());
    match run(&command, budget, terminal, (&mut stdout, &mut io::stderr())) {
        Ok(exit) => ExitCode::from(exit),
        Err(Failure { message, exit }) => {
            // Nothing is left to do if this cannot be written.
            let _ = writeln!(io::stderr(), "analyze: {message}");
            ExitCode::from(exit)
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure { message: error.to_string(), exit: 1 }
}

/// Answers, to a terminal if there is one; returns the exit code.
fn run(
    command: &Command,
    budget: Budget,
    terminal: Option<Screen>,
    (out, said): (&mut dyn Out, &mut dyn Write),
) -> Result<u8, Failure> {
    // Damage is caught closer to the file; what arrives here is our mistake.
    guard::caught(|| match command {
        Command::Completions { shell } => tell(&manual::completions(*shell), out),
        Command::Merge(arguments) => {
            let (text, warnings) = arguments.run(budget).map_err(|error| failed(&error))?;
            warn(&warnings, said);
            tell(text.as_bytes(), out)
        }
        Command::Man { directory } => {
            let name = crate::capture::display_name(directory);
            manual::write(directory).map_err(|error| failed(&format!("{name}: {error}")))?;
            Ok(0)
        }
        Command::Redact(redact) => {
            let told = redact.run(budget).map_err(|error| failed(&error))?;
            warn(&told.warnings, said);
            tell(told.done.as_bytes(), out)
        }
        question => match question.ask() {
            Some(question) => ask(question, budget, terminal, (out, said)),
            None => Ok(0),
        },
    })
    .unwrap_or_else(|panic| Err(failed(&format!("internal error, please report it: {panic}"))))
}

/// Writes what a command that is no question says.
fn tell(text: &[u8], out: &mut dyn Out) -> Result<u8, Failure> {
    match out.write_all(text).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        written => written.map(|()| 0).map_err(|error| unwritten(&error)),
    }
}

fn warn(warnings: &str, said: &mut dyn Write) {
    // Nothing is left to do if this cannot be written.
    let _ = said.write_all(warnings.as_bytes());
}

fn ask(
    question: &dyn Ask,
    budget: Budget,
    terminal: Option<Screen>,
    sinks: (&mut dyn Out, &mut dyn Write),
) -> Result<u8, Failure> {
    let format = question.common().format;
    if format == Format::Parquet && terminal.is_some() {
        let message = "a Parquet file is not for a terminal; redirect it, such as > answer.parquet";
        return Err(Failure { message: message.to_owned(), exit: USAGE });
    }
    let page = question.page();
    let file = page.and_then(|page| page.file);
    if format == Format::Html && file.is_none() && terminal.is_some() {
        let message = "a page is not for a terminal; name a file, such as -o report.html";
        return Err(Failure { message: message.to_owned(), exit: USAGE });
    }
    // Said before anything is read; what decides is the moment of writing.
    if let Some(path) = file {
        new_file::check(path).map_err(|error| failed(&error))?;
    }
    let captures = Captures::open(question.files(), question.common().strict)
        .map_err(|error| failed(&error))?;
    let (names, unused) = names(&question.common().names, &captures.bundles)?;
    let mut trust = Trust::new(&captures);
    trust.warnings.extend(unused.into_iter().map(Warning::Bundle));
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
    let scan = Scan::new(&captures.each, &filter, &progress, budget).with_names(names.as_deref());
    let (captures, selection) = (&captures, &selection);
    let run = Run { captures, scan, names: names.clone(), selection, trust: &trust, width };
    let mut answered = question.ask(&run).map_err(unanswered)?;
    answered.warnings.extend(absurd(&run));
    progress.end();
    let selected = match selection.is_all() {
        true => None,
        false => Some((selection.describe(recorded), answered.selected.unwrap_or(0))),
    };
    if answered.selected == Some(0) {
        answered.warnings.insert(0, Warning::NothingSelected(captures.row_count()));
    }
    let mut trust = trust.clone();
    let conflicts = names.iter().flat_map(|names| names.conflicts());
    trust.warnings.extend(conflicts.map(Warning::NameConflict));
    // What concerns this answer comes before what concerns any.
    trust.warnings.splice(0..0, answered.warnings);
    let report = Report {
        trust: &trust,
        rows: answered.selected,
        selected,
        sections: answered.sections,
        findings: answered.findings,
        longest: usize::MAX,
        findings_left_out: 0,
        summary: question.is_summary(),
        page: page.map(|page| page.title.map(str::to_owned)),
    };
    let how = (format, question.common().json_integers);
    let screen = terminal.unwrap_or_default();
    let (out, said) = sinks;
    // A file gets its name once the answer is whole.
    let mut held = Vec::new();
    let to: &mut dyn Out = if file.is_some() { &mut held } else { out };
    output::render(report, how, screen, (to, said)).map_err(|error| match error {
        RenderError::Rows(error) => unanswered(error.into()),
        error => unwritten(&error),
    })?;
    if let Some(path) = file {
        new_file::write(path, &held).map_err(|error| failed(&error))?;
        let size = units::bytes(held.len() as u64);
        warn(&format!("analyze: wrote {} ({size})\n", display_name(path)), said);
    }
    Ok(answered.exit)
}

fn unwritten(error: &dyn std::fmt::Display) -> Failure {
    failed(&format!("cannot write the answer: {error}"))
}

/// Names for addresses: those that were given, or else those that bundles bring; and
/// what of those cannot be used.
fn names(
    files: &[PathBuf],
    bundles: &[Bundle],
) -> Result<(Option<Arc<Names>>, Vec<String>), Failure> {
    let mut names = Names::default();
    for file in files {
        let named = |error| failed(&format!("{}: {error}", display_name(file)));
        names.read(file).map_err(named)?;
    }
    let (mut found, mut unused) = (!files.is_empty(), Vec::new());
    for bundle in bundles.iter().filter(|_| files.is_empty()) {
        let Some(bytes) = &bundle.names else { continue };
        match names.read_whole(bytes) {
            Ok(()) => found = true,
            Err(error) => {
                let bundle = display_name(&bundle.path);
                unused.push(format!(
                    "the names in {bundle} are not used: {error}; --names FILE gives others"
                ));
            }
        }
    }
    Ok((found.then(|| Arc::new(names)), unused))
}

/// Latencies that no connect has, by file.
fn absurd<'a>(run: &'a Run<'_>) -> impl Iterator<Item = Warning> + 'a {
    run.scan.absurd().into_iter().map(|(capture, rows)| {
        let file = display_name(&run.captures.each[capture].path);
        Warning::AbsurdLatency { file, rows }
    })
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
