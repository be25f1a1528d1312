//! `record`: captures every active TCP connect on this host.
//!
//! Everything is in the library so that tests and fuzzers reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    connlat_record::cli::main()
}
