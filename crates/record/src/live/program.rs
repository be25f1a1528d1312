//! `-v` and `--ebpf`: the BPF program as text.

use std::io::{self, Write};

use anyhow::Context;
use aya_obj::Object;
use rbpf::disassembler::to_insn_vec;

use crate::probe::OBJECT;

/// Prints the disassembly of every program in the embedded object.
///
/// # Errors
/// When the object cannot be parsed or stdout not be written.
pub fn print_program() -> anyhow::Result<()> {
    let text = disassembly()?;
    match io::stdout().write_all(text.as_bytes()) {
        // A reader that has seen enough, such as `head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to stdout"),
    }
}

/// The programs and the functions they share, as built: map references,
/// kernel offsets and calls of functions are filled in at load time.
///
/// # Errors
/// When the object cannot be parsed.
pub fn disassembly() -> anyhow::Result<String> {
    let object = Object::parse(OBJECT).context("cannot parse the BPF object")?;
    let mut functions: Vec<_> = object.functions.values().collect();
    functions.sort_by_key(|function| (function.section_index.0, function.address));
    let mut text = String::new();
    for function in functions {
        let count = function.instructions.len();
        text.push_str(&format!("; {}, {count} instructions\n", function.name));
        let bytes: Vec<u8> = function.instructions.iter().flat_map(instruction_bytes).collect();
        for (number, instruction) in to_insn_vec(&bytes).iter().enumerate() {
            text.push_str(&format!("{number:5}: {}\n", instruction.desc));
        }
        text.push('\n');
    }
    Ok(text)
}

/// One instruction as it lies in memory (`struct bpf_insn`, uapi/linux/bpf.h).
fn instruction_bytes(instruction: &aya_obj::generated::bpf_insn) -> [u8; 8] {
    let [off_low, off_high] = instruction.off.to_ne_bytes();
    let [a, b, c, d] = instruction.imm.to_ne_bytes();
    let registers = instruction.dst_reg() | instruction.src_reg() << 4;
    [instruction.code, registers, off_low, off_high, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_shown() {
        let text = disassembly().expect("the object of this build");
        for name in [
            "connlat_state",
            "connlat_state_last",
            "connlat_in_flight",
            "connlat_fork",
            "connlat_enter",
        ] {
            assert!(text.contains(&format!("; {name}, ")), "{name}");
        }
        assert!(text.contains("exit"));
        assert!(text.contains("call 0x89"), "bpf_skc_to_tcp_sock is helper 137");
    }
}
