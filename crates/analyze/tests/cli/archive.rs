//! Makes archives: as `record snapshot --bundle` does, and as nobody should.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tar::{Builder, EntryType, Header};

/// An archive that is being made.
pub struct Archive(Builder<Vec<u8>>);

impl Archive {
    pub fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    /// Adds a file.
    pub fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        let mut header = header(EntryType::Regular, bytes.len() as u64);
        self.0.append_data(&mut header, name, bytes).expect("a member");
        self
    }

    /// Adds a header with any name, claiming any size, with these bytes after it.
    pub fn raw(mut self, kind: EntryType, name: &[u8], size: u64, bytes: &[u8]) -> Self {
        let mut header = header(kind, size);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        if kind == EntryType::Symlink || kind == EntryType::Link {
            header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
        }
        header.set_cksum();
        let out = self.0.get_mut();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
        self
    }

    /// The archive, not compressed.
    pub fn tar(self) -> Vec<u8> {
        self.0.into_inner().expect("an archive")
    }

    /// Writes it as a bundle.
    pub fn write(self, path: impl AsRef<Path>) -> PathBuf {
        write(path, &self.tar())
    }
}

fn header(kind: EntryType, bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o600);
    header.set_size(bytes);
    header
}

/// Compresses with zstd, and writes.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
    let path = path.as_ref();
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("zstd");
    encoder.include_checksum(true).expect("zstd");
    encoder.write_all(bytes).expect("zstd");
    fs::write(path, encoder.finish().expect("zstd")).expect("a file");
    path.to_owned()
}
