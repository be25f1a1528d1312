//! Replays the fuzz targets' seeds and every input they once failed on.

#[path = "../fuzz/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

/// Runs `check` over the files of a target; returns how many there were.
fn replay(target: &str, check: fn(&[u8])) -> usize {
    // As it is run, not as it was compiled: clones may share a target directory.
    let fuzz = Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("fuzz");
    let mut inputs = 0;
    for directory in ["seeds", "regressions"] {
        let Ok(entries) = fs::read_dir(fuzz.join(directory).join(target)) else { continue };
        for entry in entries {
            let path = entry.expect("an entry").path();
            let bytes = fs::read(&path).expect("readable");
            // The name first: a failure inside says nothing about its input.
            eprintln!("{}", path.display());
            check(&bytes);
            inputs += 1;
        }
    }
    inputs
}

#[test]
fn wire_records() {
    assert!(replay("wire", checks::wire) > 0, "seeds are missing");
}

#[test]
fn journals() {
    assert!(replay("journal", checks::journal) > 0, "seeds are missing");
}

#[test]
fn metadata_documents() {
    assert!(replay("metadata", checks::metadata) > 0, "seeds are missing");
}
