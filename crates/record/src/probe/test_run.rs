//! Programs that are never attached: the recorder runs them itself
//! (BPF_PROG_TEST_RUN of raw tracepoints, Linux 5.10).

use aya::Ebpf;
use aya::programs::{RawTracePoint, RawTracePointRunOptions, TestRun};

use super::error::AttachError;
use super::object::program;

/// Loads a program, so that it can be run.
///
/// # Errors
/// Any [`AttachError`].
pub fn load(ebpf: &mut Ebpf, name: &str) -> Result<(), AttachError> {
    let program: &mut RawTracePoint = program(ebpf, name)?;
    program.load().map_err(AttachError::from_aya)
}

/// Runs a loaded program in this thread. What it finds out it leaves in a map:
/// aya's programs return nothing.
///
/// # Errors
/// Any [`AttachError`].
pub fn run(ebpf: &mut Ebpf, name: &str, argument: u64) -> Result<(), AttachError> {
    let program: &mut RawTracePoint = program(ebpf, name)?;
    let mut options = RawTracePointRunOptions::new();
    options.args[0] = argument;
    program.test_run(options).map_err(AttachError::from_aya)?;
    Ok(())
}
