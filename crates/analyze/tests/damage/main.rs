//! Files damaged by chance and by design, answered in this process: the seeds
//! of the fuzz target, every input it once failed on, and mutations of both.
//! A binary of its own, for what panics say is kept quiet meanwhile.

#[path = "../../fuzz/checks.rs"]
mod checks;
mod mutation;
mod seeds;

use std::fs;
use std::path::{Path, PathBuf};

/// Mutations that are tried; some take a tenth of a second.
const MUTATIONS: usize = 250;
/// Memory all of them may take, kB.
#[cfg(target_os = "linux")]
const MOST_KB: u64 = 1_500_000;

#[test]
fn any_file_is_answered_or_refused_in_one_line() {
    let crate_dir = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let crate_dir = Path::new(&crate_dir);
    let fuzz = crate_dir.join("fuzz");
    if std::env::var_os("CONNLAT_BLESS").is_some() {
        let capture = crate_dir.join("../../fixtures/restarted-server.parquet");
        seeds::make(&capture, &fuzz.join("seeds/capture"));
    }
    let seeds = inputs(&fuzz.join("seeds/capture"));
    assert!(seeds.len() >= 8, "seeds are missing");
    let regressions = inputs(&fuzz.join("regressions/capture"));
    for (path, bytes) in seeds.iter().chain(&regressions) {
        // The name first: a failure inside says nothing about its input.
        eprintln!("{}", path.display());
        checks::capture(bytes);
    }
    let count = std::env::var("CONNLAT_MUTATIONS").ok().and_then(|count| count.parse().ok());
    let mut random = fastrand::Rng::with_seed(20_261_124);
    let place = std::env::temp_dir().join("connlat-damaged");
    for number in 0..count.unwrap_or(MUTATIONS) {
        let (path, bytes) = &seeds[random.usize(..seeds.len())];
        let damaged = mutation::of(bytes, &seeds, &mut random);
        let what = format!("mutation {number} of {}", path.display());
        let kept = Kept { place: &place, bytes: &damaged, what: &what, discarded: false };
        checks::capture(&damaged);
        kept.discard();
    }
    let _ = fs::remove_file(checks::PATH.as_path());
    #[cfg(target_os = "linux")]
    {
        let peak = peak_kb();
        assert!(peak < MOST_KB, "{peak} kB");
    }
}

fn inputs(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("readable");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

/// The input of the moment, left on disk if it is the one that fails.
struct Kept<'a> {
    place: &'a Path,
    bytes: &'a [u8],
    what: &'a str,
    discarded: bool,
}

impl Kept<'_> {
    fn discard(mut self) {
        self.discarded = true;
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        if !self.discarded {
            let _ = fs::write(self.place, self.bytes);
            eprintln!("{} failed; it is in {}", self.what, self.place.display());
        }
    }
}

/// The most memory this process has had.
#[cfg(target_os = "linux")]
fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").trim().parse().expect("a number")
}
