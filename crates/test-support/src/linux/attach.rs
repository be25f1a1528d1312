//! Whether this machine can record.

use std::sync::OnceLock;

use crate::{run, scratch, skip};

/// Whether BPF can be attached here; skips the calling test otherwise.
#[track_caller]
pub fn bpf_available() -> bool {
    let why_not = why_no_bpf();
    if let Some(why) = why_not {
        skip(why);
    }
    why_not.is_none()
}

/// Why BPF cannot be attached here. Tried once in each test process.
pub fn why_no_bpf() -> Option<&'static str> {
    static WHY_NOT: OnceLock<Option<String>> = OnceLock::new();
    let why_not = WHY_NOT.get_or_init(|| {
        let directory = scratch();
        let path = directory.path().join("probe.parquet");
        let tried = run(&["--duration", "1ms", "-o", path.to_str().expect("UTF-8")]);
        let why = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
        (!tried.status.success()).then_some(why)
    });
    why_not.as_deref()
}
