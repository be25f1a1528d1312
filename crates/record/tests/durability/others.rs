//! Directories that others own: they swap them, fill them with files that lie,
//! hold locks, and give files names that act on a terminal. Nobody's files but
//! the recorder's own are read, made or removed, and the recording goes on.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::process::Signal;
use test_support::{
    Capture, Load, Peers, Recording, bpf_available, captures_below, files_below, is_root,
    journal_of, journals_below, names, record, recover, run_to_end, scratch, wait_until,
};

use crate::journals::{BATCH_ROWS, assert_first, bytes};

/// Nobody's user id.
const OTHER: u32 = 60_001;
/// How long directories are swapped, and how often what is swapped is used.
const SWAPPING: Duration = Duration::from_secs(3);

/// Exchanges two names as fast as possible while `work` runs.
fn while_swapping<T>(one: &Path, two: &Path, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Fails when one of them is away for a moment.
                let _ = renameat_with(CWD, one, CWD, two, RenameFlags::EXCHANGE);
            }
        });
        let result = work();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

/// A directory of another user with journals in it, a link of theirs to a
/// directory of ours, and files of ours that the journals' captures would hit.
struct Victims {
    directory: tempfile::TempDir,
    ours: PathBuf,
    theirs: PathBuf,
    link: PathBuf,
    count: usize,
}

impl Victims {
    fn new(count: usize) -> Self {
        let directory = scratch();
        let at = |name: &str| directory.path().join(name);
        let (ours, theirs, link) = (at("ours"), at("theirs"), at("link"));
        fs::create_dir(&ours).expect("a directory");
        fs::create_dir(&theirs).expect("a directory");
        symlink(&ours, &link).expect("a link");
        lchown(&link, Some(OTHER), Some(OTHER)).expect("chown");
        let journal = bytes(1, true);
        for number in 0..count {
            let name = format!("c{number}.parquet");
            fs::write(journal_of(&theirs.join(&name)), &journal).expect("write");
            // An empty one would be removed, a capture replaced.
            fs::write(journal_of(&ours.join(&name)), "").expect("write");
            if number % 2 == 0 {
                fs::write(ours.join(&name), "ours").expect("write");
            }
        }
        Self { directory, ours, theirs, link, count }
    }

    fn assert_untouched(&self) {
        let journals = journals_below(&self.ours).len();
        assert_eq!(journals, self.count, "none of our journals is removed");
        assert_eq!(files_below(&self.ours).len(), self.count + self.count.div_ceil(2));
        for capture in captures_below(&self.ours) {
            assert_eq!(fs::read(&capture).expect("ours"), b"ours", "{}", capture.display());
        }
    }
}

#[test]
fn a_recovery_does_not_leave_the_directory_it_began_in() {
    if !is_root() {
        return;
    }
    for arguments in [&["recover"][..], &["recover", "--force"]] {
        let victims = Victims::new(200);
        let journals = journals_below(&victims.theirs);
        // The directory is opened once a recovery.
        let ended = while_swapping(&victims.theirs, &victims.link, || {
            let recover = |some: &[PathBuf]| run_to_end(record(arguments).args(some));
            journals.chunks(5).map(recover).collect::<Vec<_>>()
        });
        let said: String = ended.into_iter().map(|ended| ended.stderr).collect();
        assert!(!said.contains("panicked"), "{said}");
        victims.assert_untouched();
        let sealed = said.matches("recovered").count();
        eprintln!("{arguments:?}: {sealed} of {} journals sealed", victims.count);
        assert_eq!(captures_below(victims.directory.path()).len(), 100 + sealed);
    }
}

#[test]
fn retention_does_not_delete_through_a_swapped_day() {
    if !bpf_available() {
        return;
    }
    // A segment of this machine, which is somebody else's to keep.
    let kept = scratch();
    Recording::start_tree(kept.path(), &["--rotate", "1h"]).stop();
    let segment = captures_below(kept.path()).remove(0);
    let (day, host) = (segment.parent().expect("a day"), segment.ancestors().nth(2));
    let host = host.and_then(Path::file_name).expect("a host").to_owned();

    let tree = scratch();
    let theirs = tree.path().join(host);
    fs::create_dir_all(theirs.join("date=2020-01-01")).expect("directories");
    symlink(day, theirs.join("link")).expect("a link");
    lchown(theirs.join("link"), Some(OTHER), Some(OTHER)).expect("chown");
    while_swapping(&theirs.join("date=2020-01-01"), &theirs.join("link"), || {
        let arguments = ["--rotate", "20ms", "--retain", "1ms"];
        let mut recorder = Recording::start_tree(tree.path(), &arguments);
        thread::sleep(SWAPPING);
        let ended = recorder.stop();
        let segments = ended.stderr.lines().filter(|line| line.contains("wrote")).count();
        assert!(segments > 10, "only {segments} looks at the swapped day");
    });
    assert!(segment.exists(), "it was not ours to delete");
}

#[test]
fn an_output_directory_that_became_a_link_is_not_followed() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let (output, ours) = (directory.path().join("out"), directory.path().join("ours"));
    fs::create_dir(&output).expect("a directory");
    fs::create_dir(&ours).expect("a directory");
    fs::write(ours.join("c.parquet"), "ours").expect("write");
    let mut recorder = Recording::start_into(&output.join("c.parquet"), &["--force"]);
    fs::remove_dir_all(&output).expect("removed");
    symlink(&ours, &output).expect("a link");
    let ended = recorder.end_by(Signal::TERM);
    ended.assert_failed();
    assert!(ended.stderr.contains("cannot be made again"), "{ended:?}");
    assert_eq!(fs::read(ours.join("c.parquet")).expect("ours"), b"ours");
    assert_eq!(names(&ours), ["c.parquet"]);
}

/// A file that takes no room, with a footer that claims `length` bytes.
fn lie(path: &Path, footer: &[u8], length: u32) {
    let file = File::create(path).expect("a file");
    file.write_all_at(b"PAR1", 0).expect("write");
    file.write_all_at(footer, 4).expect("write");
    let tail = [&length.to_le_bytes()[..], b"PAR1"].concat();
    file.write_all_at(&tail, 4 + u64::from(length)).expect("write");
}

/// The start of a footer whose list has 300 million elements.
const LONG_LIST: [u8; 9] = [0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0x8f, 1];

#[test]
fn files_that_lie_do_not_end_a_flight_recorder() {
    if !bpf_available() {
        return;
    }
    let tree = scratch();
    Recording::start_tree(tree.path(), &["--rotate", "1h"]).stop();
    let segment = captures_below(tree.path()).remove(0);
    let beside = |number: u32| {
        let name = segment.file_stem().expect("a name").to_string_lossy().into_owned();
        segment.with_file_name(format!("{name}-9{number}.parquet"))
    };
    lie(&beside(1), &[], 0x7fff_ff00);
    lie(&beside(2), &LONG_LIST, 300_000_000);
    lie(&beside(3), &LONG_LIST, 16 << 20);
    let mut recorder = Recording::start_tree(tree.path(), &["--rotate", "100ms", "--retain", "1h"]);
    let before = recorder.rss_kb().expect("it runs");
    wait_until("rotations", || captures_below(tree.path()).len() > 6);
    let grown = recorder.rss_kb().expect("it runs").saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} kB");
    recorder.stop();
    assert!((1..=3).all(|number| beside(number).exists()), "they are not ours to delete");
}

#[test]
fn a_capture_that_lies_beside_a_journal_is_not_read_whole() {
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    for (footer, length) in [(&[][..], 0x7fff_ff00), (&LONG_LIST[..], 300_000_000)] {
        fs::write(journal_of(&capture), bytes(1, true)).expect("write");
        lie(&capture, footer, length);
        let mut command = std::process::Command::new("sh");
        let script = "ulimit -v 524288; exec timeout 20 \"$0\" recover \"$1\"";
        command.args(["-c", script]).arg(test_support::recorder()).arg(&capture);
        run_to_end(&mut command).assert_refused();
        fs::remove_file(journal_of(&capture)).expect("it was kept");
        run_to_end(&mut command).assert_refused();
    }
}

#[test]
fn a_lock_of_a_reader_does_not_keep_a_recovery_away() {
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    fs::write(journal_of(&capture), bytes(1, true)).expect("write");
    fs::set_permissions(journal_of(&capture), fs::Permissions::from_mode(0o644)).expect("chmod");
    let reader = File::open(journal_of(&capture)).expect("it is readable");
    flock(&reader, FlockOperation::LockExclusive).expect("locked");
    assert!(connlat_record::files::lock::for_reading(&reader).expect("locked"));
    let ended = recover(&[&capture]);
    assert!(ended.status.success(), "{ended:?}");
    assert_first(&Capture::read(&capture).rows, BATCH_ROWS);
}

#[test]
fn two_recorders_in_one_tree_go_on_to_the_end() {
    if !bpf_available() {
        return;
    }
    let tree = scratch();
    let arguments = ["--rotate", "50ms", "--duration", "4s"];
    let start = || Recording::start_tree(tree.path(), &arguments);
    let (mut first, mut second) = (start(), start());
    for recorder in [&mut first, &mut second] {
        let ended = recorder.wait();
        assert!(ended.status.success(), "{ended:?}");
    }
    let captures = captures_below(tree.path());
    assert_eq!(files_below(tree.path()), captures, "no journal is left");
    assert!(captures.len() > 20, "{}", captures.len());
    // Names of one second are numbered: they were wanted by both.
    assert!(captures.iter().any(|path| path.to_string_lossy().ends_with("Z-2.parquet")));
}

#[test]
fn recorders_that_nobody_gave_a_name_take_different_ones() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let start = || {
        let mut command = record(&["--duration", "1s"]);
        command.current_dir(directory.path()).stderr(std::process::Stdio::piped());
        command.spawn().expect("record runs")
    };
    // However long each takes to start, some of so many share a second.
    let recorders: Vec<_> = (0..6).map(|_| start()).collect();
    for recorder in recorders {
        let output = recorder.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let captures = captures_below(directory.path());
    assert_eq!(captures.len(), 6, "{captures:?}");
    assert!(captures.iter().any(|path| path.to_string_lossy().ends_with("Z-2.parquet")));
}

#[test]
fn the_largest_size_holds_while_sealing() {
    if !bpf_available() {
        return;
    }
    const LIMIT: u64 = 1_000_000;
    for in_tree in [false, true] {
        let directory = scratch();
        let limit = LIMIT.to_string();
        let mut recorder = match in_tree {
            true => {
                let arguments = ["--max-size", &limit, "--rotate", "300ms"];
                Recording::start_tree(directory.path(), &arguments)
            }
            false => {
                let path = directory.path().join("c.parquet");
                Recording::start_into(&path, &["--max-size", &limit])
            }
        };
        let peers = Peers::new();
        let load = Load::start(&peers, 2, Duration::from_micros(200));
        let (began, mut peak) = (Instant::now(), 0);
        while recorder.is_running() && began.elapsed() < Duration::from_secs(60) {
            let files = files_below(directory.path());
            let sizes = files.iter().filter_map(|path| fs::metadata(path).ok());
            peak = peak.max(sizes.map(|file| file.len()).sum());
        }
        let ended = recorder.wait();
        load.finish();
        assert!(ended.stderr.contains("--max-size"), "{ended:?}");
        eprintln!("in a tree {in_tree}: {peak} bytes at most of {LIMIT}");
        // What one look at the kernel's buffer brought is kept.
        assert!((LIMIT / 4..LIMIT + LIMIT / 4).contains(&peak), "{peak}");
    }
}
