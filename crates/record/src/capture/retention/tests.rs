//! What is deleted when, also when somebody sets the clock.

use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

use connlat_schema::capture::journal::JournalWriter;
use connlat_schema::capture::metadata::Instant;

use super::*;
use crate::capture::Output;
use crate::capture::seal::seal;
use crate::capture::seal::tests::info;

const HOUR: i64 = 3_600_000_000_000;
/// 2026-01-01, ns.
const NEW_YEAR: i64 = 1_767_225_600_000_000_000;

fn at(monotonic_ns: i64, realtime_ns: i64) -> ClockReading {
    ClockReading { monotonic_ns, realtime_ns, bracket_ns: 0 }
}

fn owner() -> Owner {
    let started = at(100 * HOUR, NEW_YEAR);
    Owner { host: "h".into(), machine_id_hash: None, boot_id: "this".into(), started }
}

struct Tree(tempfile::TempDir);

impl Tree {
    /// A segment that ended at these times; the wall clock's is the file's too.
    fn segment(&self, name: &str, boot: &str, ended: ClockReading) {
        let directory = self.0.path().join("date=2026-01-01");
        fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join(format!("connlat-h-{name}.parquet"));
        let stop = Instant { time_us: ended.realtime_ns / 1_000, monotonic_ns: ended.monotonic_ns };
        let (boot_id, segment) = (boot.to_owned(), Some(1));
        let info = CaptureInfo { boot_id, stop, segment, ..info() };
        let output = Output::at(&path, false, 0o600).expect("an output");
        let journal = output.create_journal().expect("a journal");
        let journal = JournalWriter::create(journal, &info).expect("a head").finish().expect("it");
        seal(&journal, &output, |_| info.clone()).expect("sealed");
        let written =
            SystemTime::UNIX_EPOCH + Duration::from_nanos(ended.realtime_ns.cast_unsigned());
        File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_modified(written))
            .expect("a time");
    }

    /// Names of what is deleted.
    fn deleted(&self, retention: Retention, now: ClockReading) -> Vec<String> {
        let directory = Directory::open(self.0.path()).expect("a directory");
        let deleted = apply(retention, &[&directory], &owner(), now, &mut Foreign::default())
            .expect("applied");
        assert!(deleted.failed.is_none(), "{deleted:?}");
        let name = |segment: Segment| {
            let name = segment.path();
            let name = name.file_stem().expect("a name").to_string_lossy().into_owned();
            name.trim_start_matches("connlat-h-").to_owned()
        };
        deleted.segments.into_iter().map(name).collect()
    }
}

fn tree() -> Tree {
    let tree = Tree(tempfile::tempdir().expect("a directory"));
    tree.segment("before", "earlier", at(5 * HOUR, NEW_YEAR - 10 * HOUR));
    tree.segment("first", "this", at(101 * HOUR, NEW_YEAR + HOUR));
    tree.segment("second", "this", at(102 * HOUR, NEW_YEAR + 2 * HOUR));
    tree
}

const DAY: Retention = Retention { age: Some(Duration::from_secs(24 * 3_600)), bytes: None };

#[test]
fn what_is_too_old_goes() {
    let tree = tree();
    let later = |hours: i64| at((100 + hours) * HOUR, NEW_YEAR + hours * HOUR);
    assert_eq!(tree.deleted(DAY, later(13)), [""; 0]);
    assert_eq!(tree.deleted(DAY, later(15)), ["before"]);
    assert_eq!(tree.deleted(DAY, later(26)), ["first"]);
    assert_eq!(tree.deleted(DAY, later(27)), ["second"]);
    assert_eq!(tree.deleted(Retention::default(), later(10_000)), [""; 0]);
}

#[test]
fn a_clock_set_forward_makes_nothing_old() {
    let tree = tree();
    assert_eq!(tree.deleted(DAY, at(103 * HOUR, NEW_YEAR + 90 * 24 * HOUR)), [""; 0]);
}

#[test]
fn a_clock_set_back_does_not_make_the_newest_the_oldest() {
    let tree = tree();
    // After the second segment the clock went back by 30 hours.
    tree.segment("third", "this", at(103 * HOUR, NEW_YEAR - 27 * HOUR));
    let bytes = fs::metadata(tree.0.path().join("date=2026-01-01/connlat-h-third.parquet"));
    let two = Retention { age: None, bytes: Some(2 * bytes.expect("it").len() + 100) };
    let now = at(104 * HOUR, NEW_YEAR - 26 * HOUR);
    assert_eq!(tree.deleted(two, now), ["before", "first"]);
    assert_eq!(tree.deleted(DAY, now), [""; 0]);
}

#[test]
fn what_others_put_there_is_neither_read_whole_nor_deleted() {
    let tree = tree();
    let other = tempfile::tempdir().expect("a directory");
    let name = "connlat-h-first.parquet";
    let day = tree.0.path().join("date=2026-01-01");
    // The same segment elsewhere, reached through links of a day and of a file.
    fs::copy(day.join(name), other.path().join(name)).expect("a copy");
    std::os::unix::fs::symlink(other.path(), tree.0.path().join("date=2020-01-01")).expect("it");
    std::os::unix::fs::symlink(other.path().join(name), day.join("connlat-h-link.parquet"))
        .expect("a link");
    // A footer of 2 GiB in a file that takes no room.
    let lie = File::create(day.join("connlat-h-lie.parquet")).expect("a file");
    let length: u32 = 0x7fff_ff00;
    let tail = [&length.to_le_bytes()[..], b"PAR1"].concat();
    std::os::unix::fs::FileExt::write_all_at(&lie, &tail, u64::from(length) + 4).expect("a tail");

    let much_later = at(10_000 * HOUR, NEW_YEAR + 9_900 * HOUR);
    assert_eq!(tree.deleted(DAY, much_later), ["before", "first", "second"]);
    assert!(other.path().join(name).exists(), "not through a link");
    let mut left: Vec<_> = fs::read_dir(day).expect("the day").flatten().collect();
    left.sort_by_key(fs::DirEntry::file_name);
    let left: Vec<_> = left.iter().map(fs::DirEntry::file_name).collect();
    assert_eq!(left, ["connlat-h-lie.parquet", "connlat-h-link.parquet"]);
}

#[test]
fn a_day_that_is_swapped_after_the_look_loses_nothing() {
    let tree = tree();
    let directory = Directory::open(tree.0.path()).expect("a directory");
    let found = Found::look(&[&directory], &owner(), &mut Foreign::default(), MOST_REMEMBERED)
        .expect("segments");
    let segments = found.oldest.into_sorted_vec();
    assert_eq!(segments.len(), 3);
    let (day, aside) = (tree.0.path().join("date=2026-01-01"), tree.0.path().join("aside"));
    // Another directory with files of the same names has taken its place.
    fs::rename(&day, &aside).expect("aside");
    fs::create_dir(&day).expect("a directory");
    for segment in &segments {
        fs::write(tree.0.path().join(segment.path()), "somebody else's").expect("write");
        segment.delete(&[&directory]).expect_err("another file");
        assert!(tree.0.path().join(segment.path()).exists());
    }
    fs::remove_dir_all(&day).expect("removed");
    std::os::unix::fs::symlink(&aside, &day).expect("a link");
    for segment in &segments {
        segment.delete(&[&directory]).expect_err("through a link");
    }
    assert_eq!(fs::read_dir(&aside).expect("aside").count(), 3);
}

#[test]
fn segments_of_the_former_layout_are_kept_and_deleted_with_the_others() {
    let (tree, former) = (tree(), tree());
    let open = |tree: &Tree| Directory::open(tree.0.path()).expect("a directory");
    let (now, host, before) = (at(115 * HOUR, NEW_YEAR + 15 * HOUR), open(&tree), open(&former));
    let deleted =
        apply(DAY, &[&host, &before], &owner(), now, &mut Foreign::default()).expect("applied");
    assert_eq!(deleted.segments.len(), 2, "{deleted:?}");
    // Two segments of each are left; the newest two of all of them fit.
    let bytes = fs::metadata(tree.0.path().join("date=2026-01-01/connlat-h-first.parquet"));
    let two = Retention { age: None, bytes: Some(2 * bytes.expect("it").len() + 100) };
    let deleted =
        apply(two, &[&host, &before], &owner(), now, &mut Foreign::default()).expect("applied");
    let names: Vec<_> = deleted.segments.iter().map(Segment::path).collect();
    assert_eq!(names, [Path::new("date=2026-01-01/connlat-h-first.parquet"); 2]);

    // Nothing comes to the former directory, so its last day goes, too.
    let later = at(1_000 * HOUR, NEW_YEAR + 900 * HOUR);
    assert_eq!(
        apply(DAY, &[&host, &before], &owner(), later, &mut Foreign::default())
            .expect("it")
            .segments
            .len(),
        2
    );
    assert!(tree.0.path().join("date=2026-01-01").exists());
    assert!(!former.0.path().join("date=2026-01-01").exists());
}

#[test]
fn however_many_there_are_only_the_oldest_are_remembered() {
    let tree = tree();
    let directory = Directory::open(tree.0.path()).expect("a directory");
    let all = Found::look(&[&directory], &owner(), &mut Foreign::default(), MOST_REMEMBERED)
        .expect("segments");
    let found = Found::look(&[&directory], &owner(), &mut Foreign::default(), 2).expect("segments");
    assert_eq!((found.count, found.bytes), (3, all.bytes));
    let names = found.oldest.into_sorted_vec().into_iter().map(|segment| segment.name);
    let names: Vec<_> = names.collect();
    assert_eq!(names, ["connlat-h-before.parquet", "connlat-h-first.parquet"]);
}

#[test]
fn what_is_not_ours_is_read_once_and_again_when_it_changes() {
    let tree = tree();
    let directory = Directory::open(tree.0.path()).expect("a directory");
    let day = tree.0.path().join("date=2026-01-01");
    let path = day.join("connlat-h-foreign.parquet");
    fs::write(&path, "no capture").expect("write");
    let mut foreign = Foreign::default();
    for _ in 0..3 {
        let found = Found::look(&[&directory], &owner(), &mut foreign, 9).expect("a look");
        assert_eq!((found.count, foreign.len()), (3, 1));
    }
    let file = directory
        .subdirectory("date=2026-01-01")
        .and_then(|day| day.open_file("connlat-h-foreign.parquet"));
    let file = file.expect("it opens");
    assert_eq!(foreign.look_once(&file, || -> Option<()> { panic!("it is read again") }), None);
    // It becomes a segment, in place.
    fs::write(&path, fs::read(day.join("connlat-h-first.parquet")).expect("it")).expect("write");
    let found = Found::look(&[&directory], &owner(), &mut foreign, 9).expect("a look");
    assert_eq!(found.count, 4);
}
