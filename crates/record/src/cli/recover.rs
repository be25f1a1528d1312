//! `record recover`: each file on its own, a line for each.

use super::args::RecoverArgs;
use crate::capture::output::DEFAULT_MODE;
use crate::capture::recover::{Directories, Recovered, recover};
use crate::message::say;
use crate::{files, privileges};

/// Seals what can be sealed; 1 if a file could not be.
///
/// # Errors
/// When privileges cannot be given up; other failures are printed and counted.
pub fn run(args: &RecoverArgs) -> anyhow::Result<u8> {
    // A directory of each day, perhaps.
    files::allow_many_open();
    let mut directories = Directories::default();
    let open = |file| directories.output(file, args.force, DEFAULT_MODE);
    let outputs: Vec<_> = args.files.iter().map(AsRef::as_ref).map(open).collect();
    privileges::keep_for_recovery(directories.opened())?;
    let mut code = 0;
    for output in outputs {
        match output.and_then(|output| recover(&output)) {
            Ok(recovered) => say!("[ record: {} ]", describe(&recovered)),
            Err(error) => {
                say!("record: {error:#}");
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
