//! Which machine this is: names, kernel, boot.

use std::fs;

use connlat_schema::decode::escape_invalid_utf8;
use sha2::{Digest, Sha256};

use super::kernel::KernelRelease;

/// Prefix hashed with the machine id, as machine-id(5) asks: the id itself is
/// confidential, its hash under an application's key is not.
const MACHINE_ID_KEY: &[u8] = b"connlat capture\0";

/// The machine and its current boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Host name.
    pub host: String,
    /// As `uname -r` says without UNAME26.
    pub kernel_release: String,
    /// `uname -m`.
    pub arch: String,
    /// `/proc/sys/kernel/random/boot_id`, empty if it cannot be read.
    pub boot_id: String,
    /// SHA-256 of the machine id under [`MACHINE_ID_KEY`], hex.
    pub machine_id_hash: Option<String>,
}

impl Identity {
    /// Reads it from the running system.
    pub fn read() -> Self {
        let uname = rustix::system::uname();
        let text = |name: &std::ffi::CStr| escape_invalid_utf8(name.to_bytes());
        Self {
            host: text(uname.nodename()),
            kernel_release: KernelRelease::read().text,
            arch: text(uname.machine()),
            boot_id: fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|id| id.trim().to_owned())
                .unwrap_or_default(),
            machine_id_hash: fs::read("/etc/machine-id").ok().and_then(|id| hash(&id)),
        }
    }
}

fn hash(machine_id: &[u8]) -> Option<String> {
    let id = machine_id.trim_ascii();
    if id.is_empty() {
        return None;
    }
    let digest = Sha256::new().chain_update(MACHINE_ID_KEY).chain_update(id).finalize();
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_id_itself_is_not_kept() {
        let hashed = hash(b"0123456789abcdef0123456789abcdef\n").expect("an id");
        assert_eq!(hashed.len(), 64);
        assert!(!hashed.contains("0123456789abcdef"));
        assert_eq!(hash(b"0123456789abcdef0123456789abcdef"), Some(hashed));
        assert_eq!(hash(b"\n"), None);
    }

    #[test]
    fn this_machine_has_a_name_and_a_boot() {
        let identity = Identity::read();
        assert!(!identity.host.is_empty());
        assert!(!identity.kernel_release.is_empty());
        assert_eq!(identity.boot_id.len(), 36);
    }
}
