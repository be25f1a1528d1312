//! Short texts that the system keeps about itself.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// What follows a text that was cut.
const CUT: &str = "…";

/// The beginning of a regular file, at most so many bytes; bytes that are not
/// UTF-8 are replaced. `None` if it cannot be read. Whatever else has the name, it
/// is not waited for.
pub fn read_text(path: &Path, most: usize) -> Option<String> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).ok()?;
    let cut = bytes.len() > most;
    bytes.truncate(most);
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if cut {
        text.push_str(CUT);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read_and_no_more_than_asked_for() {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("text");
        std::fs::write(&path, b"abc\xffdef").expect("written");
        assert_eq!(read_text(&path, 100).as_deref(), Some("abc\u{fffd}def"));
        assert_eq!(read_text(&path, 7).as_deref(), Some("abc\u{fffd}def"));
        assert_eq!(read_text(&path, 2).as_deref(), Some("ab…"));
        assert_eq!(read_text(scratch.path(), 2), None);
        assert_eq!(read_text(&scratch.path().join("none"), 2), None);
        assert_eq!(read_text(Path::new("/dev/zero"), 2), None);
    }
}
