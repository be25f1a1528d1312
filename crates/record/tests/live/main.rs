//! The real recorder on the live kernel: needs root and BPF.
//!
//! Without them each test says why it is skipped; under `CI=true` it fails.

mod confined;
mod connects;
mod filters;
mod inside;
mod lifecycle;
mod live_screen;
mod manual;
mod peer;
mod privileges;
mod refusals;
