//! `analyze`: answers questions about captures of TCP connect latency.
//!
//! The way through the program: [`cli`] (as typed) → [`options`] (checked) →
//! [`source`] (captures opened and validated) → [`question`] (typed answers) →
//! [`report`] → [`render`] (one module per output format).
#![forbid(unsafe_code)]

mod answer;
mod cli;
mod escape;
mod guard;
mod options;
mod question;
mod render;
mod report;
mod run;
mod source;
mod trust;
mod units;

fn main() -> std::process::ExitCode {
    guard::silence_panics();
    run::main()
}
