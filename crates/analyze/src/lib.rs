//! `analyze`: answers questions about captures of TCP connect latency.
//!
//! The way through the program: `cli` (as typed) → `options` (checked) →
//! `source` (captures opened and validated) → `selection` → `question` (typed
//! answers) and `finding` → `report` → `render` (one module per output format).
//!
//! This is a library only so that tests and fuzz targets can run the program
//! in their own process, with [`answer`]. Its interface to users is the
//! command line.
#![forbid(unsafe_code)]

mod answer;
mod change;
mod cli;
mod condition;
mod escape;
mod finding;
mod guard;
mod manual;
mod options;
mod progress;
mod question;
mod render;
mod report;
mod run;
mod selection;
mod source;
mod trust;
mod units;

pub use run::{Answer, answer, main};
