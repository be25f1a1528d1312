//! Programs and maps of the loaded object, by name.

use aya::programs::BtfTracePoint;
use aya::{Btf, Ebpf};

use super::error::AttachError;

/// Loads a program and attaches it to a tracepoint by its type.
///
/// # Errors
/// Any [`AttachError`].
pub fn attach(
    ebpf: &mut Ebpf,
    name: &str,
    tracepoint: &'static str,
    btf: &Btf,
) -> Result<(), AttachError> {
    let program: &mut BtfTracePoint = program(ebpf, name)?;
    program.load(tracepoint, btf).map_err(|error| match error {
        aya::programs::ProgramError::Btf(_) => AttachError::NoTracepoint(tracepoint),
        other => AttachError::from_aya(other),
    })?;
    program.attach().map_err(AttachError::from_aya)?;
    Ok(())
}

/// Takes a map out of the object.
///
/// # Errors
/// [`AttachError::Rejected`] when there is none of this kind.
pub fn take_map<M>(ebpf: &mut Ebpf, name: &str) -> Result<M, AttachError>
where
    M: TryFrom<aya::maps::Map, Error = aya::maps::MapError>,
{
    let map = ebpf
        .take_map(name)
        .ok_or_else(|| AttachError::Rejected(format!("the BPF object has no map {name}")))?;
    M::try_from(map).map_err(AttachError::from_aya)
}

/// A program of the object.
///
/// # Errors
/// [`AttachError::Rejected`] when there is none of this kind.
pub fn program<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut P, AttachError>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = aya::programs::ProgramError>,
{
    let program = ebpf
        .program_mut(name)
        .ok_or_else(|| AttachError::Rejected(format!("the BPF object has no program {name}")))?;
    program.try_into().map_err(AttachError::from_aya)
}
