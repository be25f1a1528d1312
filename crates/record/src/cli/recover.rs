//! `record recover`: each file on its own, a line for each.

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
            Ok(Recovered::Sealed { capture, rows, damaged }) => {
                let tail = if damaged { "; the end of the journal was damaged" } else { "" };
                say!("[ record: recovered {rows} connects; wrote {}{tail} ]", capture.display());
            }
            Ok(Recovered::Empty(journal)) => {
                say!("[ record: {} held nothing and was removed ]", journal.display());
            }
            Ok(Recovered::AlreadySealed(capture)) => {
                say!("[ record: {} is complete, nothing to recover ]", capture.display());
            }
            Err(error) => {
                say!("record: {error:#}");
                code = 1;
            }
        }
    }
    Ok(code)
}
