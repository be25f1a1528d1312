//! `record recover`: each file on its own, a line for each.

use connlat_schema::escape::terminal;

use super::args::RecoverArgs;
use crate::capture::output::DEFAULT_MODE;
use crate::capture::recover::{Recovered, recover};
use crate::message::say;

/// Seals what can be sealed; 1 if a file could not be.
///
/// # Errors
/// None of its own: failures are printed and counted.
pub fn run(args: &RecoverArgs) -> anyhow::Result<u8> {
    let mut code = 0;
    for file in &args.files {
        match recover(file, args.force, DEFAULT_MODE) {
            Ok(recovered) => tell(&format!("[ record: {} ]", describe(&recovered))),
            Err(error) => {
                tell(&format!("record: {error:#}"));
                code = 1;
            }
        }
    }
    Ok(code)
}

fn describe(recovered: &Recovered) -> String {
    match recovered {
        Recovered::Sealed { capture, rows, damaged } => {
            let tail = if *damaged { "; the end of the journal was damaged" } else { "" };
            format!("recovered {rows} connects; wrote {}{tail}", capture.display())
        }
        Recovered::Empty(journal) => {
            format!("{} held nothing and was removed", journal.display())
        }
        Recovered::AlreadySealed(capture) => {
            format!("{} is complete, nothing to recover", capture.display())
        }
    }
}

/// Prints a line. Names are what somebody called a file, and errors may quote
/// what is in one: neither acts on the terminal or begins a line of its own.
fn tell(line: &str) {
    say!("{}", terminal(line));
}
