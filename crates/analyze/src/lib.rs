//! `analyze`: answers questions about captures of TCP connect latency.
//!
//! The way through the program: `cli` (as typed) → `capture` (opened and
//! checked) → `select` (which rows) → one of `commands`, which feeds its
//! accumulators from a `scan` and makes typed tables (`answer`) of what they
//! found, with `stats` and `findings` → `output` (one module per format).
//! `quality` says how far the captures can be believed. `merge` makes one
//! capture of many.
//!
//! This is a library only so that tests, benchmarks and fuzz targets can run
//! the program in their own process, with [`answer`]. Its interface to users
//! is the command line.
#![forbid(unsafe_code)]

mod answer;
mod capture;
mod cli;
mod columns;
mod commands;
mod errno;
mod escape;
mod findings;
mod guard;
mod manual;
mod memory;
mod merge;
mod names;
mod new_file;
mod output;
mod progress;
mod quality;
mod quantity;
mod redact;
mod report;
mod run;
mod scan;
mod select;
mod stats;
mod units;

pub use run::{Answer, answer, answer_within, main};
pub use scan::Budget;
