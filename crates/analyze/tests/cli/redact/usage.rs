//! Keys, options, and what is said of a redacted capture.

use std::fs;
use std::path::PathBuf;

use connlat_schema::Outcome;

use super::{captures, content, pairs, redact};
use crate::capture::{Capture, Connect, S};
use crate::program::Dir;

fn write(dir: &Dir, name: &str, seed: u64) -> PathBuf {
    let mut random = fastrand::Rng::with_seed(seed);
    let row = |n: i64| {
        let mut row = Connect::at(n * S / 20, random.i64(50_000..900_000));
        row.dst_addr = format!("10.7.{}.{}", n % 3, n % 50);
        row.comm = ["nginx", "cart"][n as usize % 2].into();
        row.src_port = 40_000 + n as i32;
        if n % 40 == 0 { row.failed(Outcome::Refused, Some(111)) } else { row }
    };
    let mut capture = Capture::of((0..400).map(row).collect());
    capture.info.start.time_us += seed as i64 * S;
    capture.write(dir.path(name))
}

fn only(dir: &Dir) -> PathBuf {
    let [one] = &captures(&dir.path("out"))[..] else { panic!("one capture") };
    one.clone()
}

#[test]
fn a_key_makes_captures_agree_and_its_absence_does_not() {
    let dir = Dir::new();
    write(&dir, "a.parquet", 1);
    write(&dir, "b.parquet", 2);
    let outputs = [("1", "a.parquet"), ("2", "b.parquet")].map(|(out, file)| {
        let run = dir.analyze(&["redact", file, "-o", out, "--key", "key"]);
        assert_eq!(run.stderr.contains("key is a new key"), out == "1", "{}", run.stderr);
        run.text();
        captures(&dir.path(out)).remove(0)
    });
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(dir.path("key")).expect("a key").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let [(a, of_a), (b, of_b)] = [content(&outputs[0]), content(&outputs[1])];
    assert_eq!((&a.host, &a.boot_id), (&b.host, &b.boot_id));
    assert_eq!(a.redacted, b.redacted);
    let names = |rows: &[connlat_schema::capture::rows::Row<'_>]| {
        let names = rows.iter().map(|row| (row.comm.to_string(), row.dst_addr.to_string()));
        names.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(&of_a), names(&of_b));

    let both = dir.analyze(&["info", "1", "2"]).text();
    assert!(!both.contains("keys"), "{both}");
    dir.analyze(&["redact", "b.parquet", "-o", "3"]).text();
    let apart = dir.analyze(&["info", "1", "3"]).text();
    assert!(apart.contains("redacted with 2 keys"), "{apart}");
    assert_ne!(content(&captures(&dir.path("3"))[0]).0.host, a.host);
}

#[test]
fn a_key_that_is_no_secret_is_refused() {
    let dir = Dir::new();
    write(&dir, "a.parquet", 1);
    fs::write(dir.path("key"), "short").expect("a file");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let said = redact(&dir, &["--key", "key"], &["a.parquet"]).failure();
        assert!(said.contains("key: can be read by everybody"), "{said}");
        let only_owner = fs::Permissions::from_mode(0o600);
        fs::set_permissions(dir.path("key"), only_owner).expect("permissions");
    }
    let said = redact(&dir, &["--key", "key"], &["a.parquet"]).failure();
    assert!(said.contains("key: has 5 bytes, a key at least 32"), "{said}");
    assert!(!dir.path("out").exists());
}

#[test]
fn every_answer_says_that_the_capture_is_redacted() {
    let dir = Dir::new();
    write(&dir, "a.parquet", 1);
    redact(&dir, &[], &["a.parquet"]).text();
    let path = only(&dir);
    let file = path.to_str().expect("a name");
    let words = "names, addresses and source ports are not the original ones";
    for command in ["summary", "destinations", "events", "info"] {
        for format in ["table", "markdown", "csv"] {
            let run = dir.analyze(&[command, "--format", format, file]);
            let said = if format == "csv" { &run.stderr } else { &run.stdout };
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains(words), "{command} {format}: {said}");
        }
        let json = dir.analyze(&[command, "--format", "json", file]).json();
        let redacted = &json["capture"]["files"][0]["redacted"];
        assert_eq!(redacted["kept"], serde_json::json!([]), "{command}");
        assert_eq!(redacted["times_moved"], false);
    }
}

#[test]
fn what_is_kept_is_kept() {
    let dir = Dir::new();
    let original = write(&dir, "a.parquet", 1);
    redact(&dir, &["--keep-names", "--keep-ports"], &["a.parquet"]).text();
    let path = only(&dir);
    let mut addresses = 0;
    for (row, new) in pairs(&original, &path) {
        assert_eq!((&row.host, &row.comm, &row.cgroup), (&new.host, &new.comm, &new.cgroup));
        assert_eq!(row.src_port, new.src_port);
        addresses += usize::from(row.dst_addr != new.dst_addr);
    }
    assert_eq!(addresses, 400);
    let (info, rows) = content(&path);
    assert_eq!(info.redacted.expect("it is").kept, ["names", "ports"]);
    assert_eq!(info.command_line, ["withheld"]);
    assert!(path.to_string_lossy().contains("redacted-web-1-2026"), "{path:?}");
    assert!(rows.iter().all(|row| row.boot_id != "6b2c7b9e-0000-4000-8000-000000000001"));
}

#[test]
fn times_move_together_and_the_clock_since_boot_stays() {
    let dir = Dir::new();
    let original = write(&dir, "a.parquet", 1);
    redact(&dir, &["--shift-time", "-40d"], &["a.parquet"]).text();
    let path = only(&dir);
    let by = -40 * 86_400 * S;
    for (row, new) in pairs(&original, &path) {
        assert_eq!((row.time.0 + by, row.start_ns), (new.time.0, new.start_ns));
    }
    let (before, after) = (content(&original).0, content(&path).0);
    assert_eq!(after.start.time_us, before.start.time_us + by);
    assert_eq!(after.stop.monotonic_ns, before.stop.monotonic_ns);
    assert_eq!(after.clock[1].realtime_ns, before.clock[1].realtime_ns + by * 1_000);
    assert!(after.redacted.expect("it is").times_moved);
    assert!(!path.to_string_lossy().contains("2026"), "{path:?}");
    let shown = dir.analyze(&["events", "--top", "1", path.to_str().expect("a name")]).text();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("times are moved") && shown.contains("2025-11-22"), "{shown}");
    let said = dir.analyze(&["redact", "a.parquet", "-o", "x", "--shift-time", "290000y"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert_eq!(dir.analyze(&["redact", "a.parquet", "-o", "x", "--shift-time", "1"]).code, Some(2));
}

#[test]
fn nothing_is_overwritten_and_all_or_nothing_is_written() {
    let dir = Dir::new();
    write(&dir, "a.parquet", 1);
    write(&dir, "b.parquet", 2);
    redact(&dir, &["--key", "key"], &["b.parquet"]).text();
    let before = fs::read(only(&dir)).expect("a file");
    // The first would be new, the second is there.
    let said = redact(&dir, &["--key", "key"], &["a.parquet", "b.parquet"]).failure();
    assert!(said.contains("exists; name another directory"), "{said}");
    assert_eq!(fs::read(only(&dir)).expect("a file"), before);
}

#[test]
fn segments_of_one_second_and_journals_are_redacted_too() {
    let dir = Dir::new();
    write(&dir, "a.parquet", 1);
    let rows = (0..50).map(|n| Connect::at(n * S, 100_000)).collect();
    let mut other = Capture::of(rows);
    other.info.start.time_us += S;
    fs::write(dir.path("b.parquet.journal"), other.journal(20)).expect("a journal");
    let text = redact(&dir, &[], &["a.parquet", "b.parquet.journal"]).text();
    assert!(text.contains("-2.parquet: 50 rows of b.parquet.journal"), "{text}");
    let all = captures(&dir.path("out"));
    assert_eq!(all.len(), 2);
    let info = content(&all[0]).0;
    assert!(!info.clean && content(&all[1]).0.clean, "{:?}", info.stop_reason);
}

#[test]
fn a_second_redaction_is_one_too() {
    let dir = Dir::new();
    write(&dir, "a.parquet", 1);
    redact(&dir, &[], &["a.parquet"]).text();
    let first = only(&dir);
    let again = first.to_str().expect("a name");
    dir.analyze(&["redact", again, "-o", "again"]).text();
    let second = captures(&dir.path("again")).remove(0);
    let (before, after) = (content(&first).0, content(&second).0);
    assert_ne!(before.host, after.host);
    assert_ne!(before.redacted, after.redacted);
}

#[test]
fn a_file_that_was_changed_still_says_so() {
    let dir = Dir::new();
    let mut capture = Capture::of((0..50).map(|n| Connect::at(n * S, 100_000)).collect());
    capture.info.counters.written = 70;
    capture.write(dir.path("a.parquet"));
    redact(&dir, &[], &["a.parquet"]).text();
    let problem = content(&only(&dir)).0.account_problem;
    assert_eq!(problem.as_deref(), Some("the recorder wrote 70 rows, the file held 50"));
}
