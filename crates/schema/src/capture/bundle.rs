//! The archive of `record snapshot --bundle`: one file for a ticket.
//!
//! A tar archive compressed with zstd. Its members lie at the top, in this order:
//! [`README`], [`HOST`], [`NAMES`] if there are names, then the captures under the
//! names of their files. Readers tell captures by what they hold, and need none of
//! the others.

/// What names of bundles end with.
pub const SUFFIX: &str = ".tar.zst";
/// First bytes: those of a zstd frame (RFC 8878, 3.1.1).
pub const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// For people: what this is, and how to ask.
pub const README: &str = "README.txt";
/// Facts about the host, a JSON object; what could not be read is null.
pub const HOST: &str = "host.json";
/// Names of addresses and pods, as `analyze --names` reads them.
pub const NAMES: &str = "names";

/// Version of [`HOST`]. What it says may grow; a change of meaning counts up.
pub const HOST_VERSION: u32 = 1;

/// Longest [`HOST`], bytes.
pub const HOST_LIMIT: u64 = 256 << 10;
/// Longest [`NAMES`], bytes.
pub const NAMES_LIMIT: u64 = 16 << 20;

/// Whether a member with this name is no capture, whatever it holds.
pub fn is_reserved(name: &str) -> bool {
    [README, HOST, NAMES].contains(&name)
}
