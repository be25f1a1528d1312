//! The program; everything it does is in the library, where it can be tested
//! and fuzzed without starting processes.
#![forbid(unsafe_code)]

// musl's own makes threads wait for each other.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    connlat_analyze::main()
}
