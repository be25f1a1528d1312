//! `analyze` as its users run it: the binary against synthetic captures.

mod archive;
mod bad_files;
mod blocks;
mod bombs;
mod budget;
mod bundle;
mod bundle_hostile;
mod capture;
mod conditions;
mod directories;
mod duckdb;
mod findings;
mod golden;
mod hostile;
mod hostile_sizes;
#[cfg(unix)]
mod interrupt;
mod journal;
mod large;
#[cfg(unix)]
mod listings;
mod merge;
mod merged;
mod names;
mod oracle;
mod output;
mod picture;
mod program;
mod questions;
mod readers;
mod redact;
mod report;
mod said_first;
mod several;
