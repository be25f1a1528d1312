//! The secret that redaction rests on: from a file that is kept, or thrown away.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

/// Bytes that a key file holds at least.
const SHORTEST: usize = 32;
/// Bytes that are looked at.
const LONGEST: u64 = 4_096;
/// What BLAKE3 derives keys for; another text makes other words.
const CONTEXT: &str = "connlat 2026-11-26 analyze redact";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot be read as a key: {0}; check its name")]
    Io(#[from] io::Error),
    #[error("is no regular file; name a file with the key")]
    NotAFile,
    #[error("has {0} bytes, a key at least {SHORTEST}; make one with `openssl rand -base64 48`")]
    Short(usize),
    #[error("is longer than a key of at most {LONGEST} bytes; name a file with nothing else")]
    Long,
    #[error("can be read by everybody; take that away with `chmod 600`")]
    Open,
    #[error("the system gives no random numbers ({0}); name a key with --key")]
    NoRandom(getrandom::Error),
}

/// A key; whoever has it can find out which name became which word by trying names.
pub struct Key {
    bytes: [u8; blake3::KEY_LEN],
    /// Whether it is in a file, so that other captures will agree with these.
    pub kept: bool,
}

impl Key {
    /// One that nobody ever sees.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn thrown_away() -> Result<Self, KeyError> {
        Ok(Self { bytes: random()?, kept: false })
    }

    /// The key in a file, which is made if there is none; also returns whether
    /// it was made.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn of_file(path: &Path) -> Result<(Self, bool), KeyError> {
        let made = match make(path) {
            Ok(()) => true,
            Err(KeyError::Io(error)) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        // Opening a named pipe would wait for a writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(KeyError::NotAFile);
        }
        let file = File::open(path)?;
        if readable_by_all(&file)? {
            return Err(KeyError::Open);
        }
        let mut content = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut content)?;
        if content.len() as u64 > LONGEST {
            return Err(KeyError::Long);
        }
        // An editor may have added the end of the line.
        let content = content.trim_ascii_end();
        if content.len() < SHORTEST {
            return Err(KeyError::Short(content.len()));
        }
        Ok((Self { bytes: blake3::derive_key(CONTEXT, content), kept: true }, made))
    }

    /// What only the holder of the key can compute of a text; another purpose
    /// gives another value.
    pub fn mac(&self, purpose: &str, text: &str) -> [u8; 32] {
        *self.hasher(purpose, text).finalize().as_bytes()
    }

    /// As many bytes of the same kind as are wanted.
    pub fn stream(&self, purpose: &str) -> blake3::OutputReader {
        self.hasher(purpose, "").finalize_xof()
    }

    fn hasher(&self, purpose: &str, text: &str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.bytes);
        // No purpose holds a zero, so that no two pairs give the same bytes.
        hasher.update(purpose.as_bytes()).update(&[0]).update(text.as_bytes());
        hasher
    }

    /// Tells keys apart and says nothing else about them.
    pub fn id(&self) -> String {
        hex(&self.mac("id", "")[..8])
    }
}

/// Bytes as two digits each.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn random() -> Result<[u8; 32], KeyError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(KeyError::NoRandom)?;
    Ok(bytes)
}

fn make(path: &Path) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let text = hex(&random()?) + "\n";
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}

fn readable_by_all(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        Ok(file.metadata()?.permissions().mode() & 0o007 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        let (first, made) = Key::of_file(&path).expect("a new key");
        assert!(made && first.kept);
        let (again, made) = Key::of_file(&path).expect("the same key");
        assert!(!made);
        assert_eq!(first.id(), again.id());
        assert_ne!(first.id(), Key::thrown_away().expect("a key").id());
        assert_ne!(first.mac("a", "b"), first.mac("ab", ""));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        let key_of = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("a file");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let only_owner = std::fs::Permissions::from_mode(0o600);
                std::fs::set_permissions(&path, only_owner).expect("permissions");
            }
            Key::of_file(&path).map(|_| ())
        };
        assert!(matches!(key_of(&[b'x'; 31]), Err(KeyError::Short(31))));
        assert!(matches!(
            key_of(b"  \n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"),
            Err(KeyError::Short(0))
        ));
        assert!(matches!(key_of(&[b'x'; 4_097]), Err(KeyError::Long)));
        assert!(key_of(&[b'x'; 32]).is_ok());
        assert!(matches!(Key::of_file(dir.path()), Err(KeyError::NotAFile)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let all = std::fs::Permissions::from_mode(0o644);
            std::fs::set_permissions(&path, all).expect("permissions");
            assert!(matches!(Key::of_file(&path), Err(KeyError::Open)));
        }
    }
}
