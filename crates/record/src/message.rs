//! Lines for the person at the terminal.

use std::fmt;
use std::io::{self, Write};

/// Prints a line on stderr. A stderr that is closed or fails is no reason to
/// lose a recording, as `eprintln!` would by panicking.
pub fn print(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints a line on stderr; formats like `println!`, fails like nothing.
macro_rules! say {
    ($($format:tt)*) => { $crate::message::print(format_args!($($format)*)) };
}
pub(crate) use say;
