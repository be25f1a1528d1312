//! What is generated from the command line: completions and manual pages.

use std::io;
use std::path::Path;

use clap::CommandFactory;

use crate::cli::Cli;

/// The completions of a shell.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "analyze", &mut out);
    out
}

/// A page for the program and one for each question.
///
/// # Errors
/// When a page cannot be written.
pub fn write(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}
