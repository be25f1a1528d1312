//! Files given to `analyze`: captures, journals, and captures put together
//! from data and a footer.
#![no_main]

#[path = "../checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::capture(bytes));
