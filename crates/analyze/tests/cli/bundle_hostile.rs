//! Archives that somebody made to do harm: refused in one line, in bounded memory
//! and room, and nothing is written under a name of theirs.

use std::fs;
use std::io::Write;

use tar::EntryType;

use super::archive::{Archive, write};
use super::capture::{Capture, Connect, S};
use super::program::{Dir, Run};

fn good(dir: &Dir) -> Vec<u8> {
    let rows = (0..300).map(|n| Connect::at(n * S / 50, 100_000 + n)).collect();
    fs::read(Capture::of(rows).write(dir.path("c.parquet"))).expect("a file")
}

/// The line of a refusal, which names the file.
fn refused(dir: &Dir, name: &str) -> String {
    let line = dir.analyze(&["percentiles", name]).failure();
    assert!(line.starts_with(&format!("analyze: {name}: ")), "{line}");
    line
}

fn rows(run: Run) -> serde_json::Value {
    run.json()["capture"]["rows"].clone()
}

#[test]
fn an_archive_that_ends_anywhere_is_refused_or_read_as_far_as_it_is_whole() {
    let dir = Dir::new();
    let capture = good(&dir);
    Archive::new().file("README.txt", b"x").file("c.parquet", &capture).write(dir.path("whole"));
    let whole = fs::read(dir.path("whole")).expect("a file");
    for length in (4..whole.len()).step_by(whole.len() / 40) {
        fs::write(dir.path("cut"), &whole[..length]).expect("a file");
        let line = refused(&dir, "cut");
        assert!(line.contains("ends in the middle; copy it again"), "{length}: {line}");
    }
    // The last block of an archive that is not compressed ends nowhere.
    let tar = Archive::new().file("c.parquet", &capture).tar();
    for length in [0, 100, 512, 600, 512 + capture.len() / 2, 512 + capture.len() - 1] {
        write(dir.path("short"), &tar[..length]);
        let line = refused(&dir, "short");
        let said = ["ends in the middle", "damaged archive", "no archive of captures"];
        assert!(said.iter().any(|said| line.contains(said)), "{length}: {line}");
    }
    // Any bit behind the frame's header that is wrong is found by the checksum, at the latest.
    for at in (10..whole.len()).step_by(whole.len() / 30) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(dir.path("bits"), damaged).expect("a file");
        let run = dir.analyze(&["percentiles", "--strict", "bits"]);
        assert_ne!(run.code, Some(0), "{at}");
        run.failure();
    }
}

#[test]
fn what_unpacks_to_far_more_than_captures_do_is_given_up() {
    let dir = Dir::new();
    // 2 GB of zeros in some 64 kB: behind the magic of a capture, as a file that is
    // passed over, as names, and as an extension of another member.
    for (kind, name) in [
        (EntryType::Regular, &b"c.parquet"[..]),
        (EntryType::Regular, b"x.parquet/zeros"),
        (EntryType::GNULongLink, b"link"),
    ] {
        let size = 2_000_000_000_u64;
        let head = Archive::new().raw(kind, name, size, b"").tar();
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("zstd");
        encoder.write_all(&head[..512]).expect("zstd");
        encoder.write_all(b"PAR1").expect("zstd");
        let zeros = vec![0; 1 << 20];
        for _ in 0..size >> 20 {
            encoder.write_all(&zeros).expect("zstd");
        }
        let bomb = encoder.finish().expect("zstd");
        assert!(bomb.len() < 300_000, "{}", bomb.len());
        fs::write(dir.path("bomb"), bomb).expect("a file");
        let line = refused(&dir, "bomb");
        assert!(line.contains("unpacks to far more than captures do"), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn little_memory_and_no_room_are_enough_for_a_refusal() {
    let dir = Dir::new();
    let capture = good(&dir);
    // A window of 128 MB.
    let tar = Archive::new().file("c.parquet", &capture).tar();
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("zstd");
    encoder.window_log(27).expect("zstd");
    encoder.write_all(&tar).expect("zstd");
    encoder.flush().expect("zstd");
    fs::write(dir.path("wide"), encoder.finish().expect("zstd")).expect("a file");
    let line = refused(&dir, "wide");
    assert!(line.contains("too much memory to unpack"), "{line}");

    Archive::new().file("c.parquet", &capture).write(dir.path("b.tar.zst"));
    let output = super::program::command(&dir.path("."))
        .args(["percentiles", "b.tar.zst"])
        .env("TMPDIR", dir.path("nowhere"))
        .output()
        .expect("the program runs");
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(line.contains("cannot be put into a temporary file") && line.contains("TMPDIR"));
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[test]
fn sizes_and_numbers_that_are_claimed_are_not_believed() {
    let dir = Dir::new();
    let capture = good(&dir);
    for (kind, said) in [
        (EntryType::Regular, "ends in the middle"),
        (EntryType::GNULongName, "a name of too many bytes"),
        (EntryType::XHeader, "a name of too many bytes"),
        (EntryType::GNUSparse, "a member with holes"),
    ] {
        // 8 GB less a byte, as much as the field has room for.
        Archive::new().raw(kind, b"c.parquet", 0o77_777_777_777, &capture).write(dir.path("b"));
        let line = refused(&dir, "b");
        assert!(line.contains(said), "{kind:?}: {line}");
    }
    let many = (0..10_001).fold(Archive::new(), |archive, _| archive.file("names", b""));
    many.file("c.parquet", &capture).write(dir.path("many"));
    let line = refused(&dir, "many");
    assert!(line.contains("more than 10,000 members"), "{line}");
    // Two sizes: readers differ in which they believe.
    let size = b"20 size=1000000000\n".as_slice();
    let pax = Archive::new().raw(EntryType::XHeader, b"x", size.len() as u64, size);
    pax.file("c.parquet", &capture).write(dir.path("pax"));
    refused(&dir, "pax");
}

#[test]
fn members_are_never_files() {
    let dir = Dir::new();
    let capture = good(&dir);
    let inside = dir.path("inside");
    fs::create_dir(&inside).expect("made");
    let long = format!("{}.parquet", "n".repeat(300));
    let pax = "23 path=../pax.parquet\n";
    assert_eq!(pax.len(), 23);
    let archive = Archive::new()
        .raw(EntryType::Regular, b"../up.parquet", capture.len() as u64, &capture)
        .raw(EntryType::Regular, b"/abs.parquet", capture.len() as u64, &capture)
        .raw(EntryType::Regular, b"\x1b[2J\nx.parquet", capture.len() as u64, &capture)
        .raw(EntryType::Regular, b"\xff.parquet", capture.len() as u64, &capture)
        .raw(EntryType::Link, b"hard.parquet", 0, b"")
        .raw(EntryType::Symlink, b"soft.parquet", 0, b"")
        .raw(EntryType::Char, b"char.parquet", 0, b"")
        .raw(EntryType::Fifo, b"fifo.parquet", 0, b"")
        .raw(EntryType::Directory, b"dir.parquet/", 0, b"")
        .raw(EntryType::XHeader, b"x", pax.len() as u64, pax.as_bytes())
        .raw(EntryType::Regular, b"short", capture.len() as u64, &capture)
        .file(&long, &capture);
    archive.write(inside.join("b.tar.zst"));
    // They are all the same capture.
    let run = dir.analyze(&["percentiles", "--format", "json", "inside/b.tar.zst"]);
    assert!(!run.stdout.contains('\u{1b}'));
    let text = run.stdout.clone();
    assert_eq!(rows(run), 300);
    let copies =
        ["inside/b.tar.zst//abs.parquet", "inside/b.tar.zst/../pax.parquet", long.as_str()];
    for copy in copies {
        assert!(text.contains(copy), "{copy}: {text}");
    }
    let table = dir.analyze(&["percentiles", "inside/b.tar.zst"]);
    assert!(!table.stdout.contains('\u{1b}') && !table.stderr.contains('\u{1b}'));
    let mut left: Vec<_> = [".", "inside"]
        .iter()
        .flat_map(|name| fs::read_dir(dir.path(name)).expect("a directory"))
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["b.tar.zst", "c.parquet", "inside"]);
}

#[test]
fn what_is_compressed_and_no_bundle_is_called_that() {
    let dir = Dir::new();
    let capture = good(&dir);
    Archive::new().file("c.parquet", &capture).write(dir.path("b.tar.zst"));
    let bundle = fs::read(dir.path("b.tar.zst")).expect("a file");
    for (name, bytes) in [
        ("c.parquet.zst", capture.clone()),
        ("empty.zst", Vec::new()),
        ("text.zst", b"text".repeat(1_000)),
        ("zeros.zst", vec![0; 10_000]),
        ("twice.zst", bundle.clone()),
        ("nested.zst", Archive::new().file("b.tar.zst", &bundle).tar()),
    ] {
        write(dir.path(name), &bytes);
        let line = refused(&dir, name);
        assert!(line.contains("no archive of captures"), "{name}: {line}");
    }
}
