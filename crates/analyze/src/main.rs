//! The program; everything it does is in the library, where it can be tested
//! and fuzzed without starting processes.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    connlat_analyze::main()
}
