//! What is no capture by what it is: pipes, devices, files that wait or change, and
//! more files than can be open.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::super::capture::{Capture, Connect, S};
use super::super::program::{Dir, command};
use super::{LONGEST, MOST_KB, watched};

#[test]
fn pipes_devices_and_what_the_kernel_makes_up() {
    let dir = Dir::new();
    Command::new("mkfifo").arg(dir.path("pipe.parquet")).status().expect("mkfifo");
    let _socket = UnixListener::bind(dir.path("socket.parquet")).expect("a socket");
    for (name, target) in [
        ("zero", "/dev/zero"),
        ("null", "/dev/null"),
        ("tty", "/dev/tty"),
        ("random", "/dev/random"),
        ("maps", "/proc/self/maps"),
        ("core", "/proc/kcore"),
        ("mem", "/proc/self/mem"),
        ("log", "/proc/kmsg"),
        ("pages", "/proc/self/pagemap"),
        ("fd", "/proc/self/fd/0"),
        ("trace", "/sys/kernel/tracing/trace_pipe"),
        ("loop", "loop.parquet"),
    ] {
        symlink(target, dir.path(&format!("{name}.parquet"))).expect("a link");
    }
    let mut names: Vec<String> = fs::read_dir(dir.path("."))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    for name in &names {
        let run = watched(command(&dir.path(".")).args(["summary", name.as_str()]));
        println!("{name}: {} kB, {:?}: {}", run.peak_kb, run.took, run.stderr.trim());
        assert_eq!(run.code, Some(1), "{name}");
        assert!(run.peak_kb < MOST_KB && run.took < LONGEST, "{name}");
        assert!(run.stderr.starts_with(&format!("analyze: {name}: ")), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
    // A search passes over what is no file, and names what it cannot read.
    Capture::of(vec![Connect::at(0, 5)]).write(dir.path("good.parquet"));
    let run = watched(command(&dir.path(".")).args(["summary", "."]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

/// Names that would act on a terminal, or are no text.
#[test]
fn names_of_files_that_are_no_text() {
    let dir = Dir::new();
    let names: [&[u8]; 6] = [
        b"new\nline.parquet",
        b"\xff\xfe.parquet",
        "a\u{202e}teuqrap.parquet".as_bytes(),
        b"\x1b[31mred.parquet",
        b"-top.parquet",
        b" .parquet",
    ];
    for (number, name) in names.into_iter().enumerate() {
        let path = dir.path(".").join(OsStr::from_bytes(name));
        Capture::of(vec![Connect::at(number as i64 * S, 5 + number as i64)]).write(&path);
        let damaged = [OsStr::from_bytes(name).as_bytes(), b".damaged.parquet"].concat();
        fs::write(dir.path(".").join(OsStr::from_bytes(&damaged)), b"PAR1").expect("written");
    }
    for format in ["table", "json", "csv", "markdown"] {
        let run = dir.analyze(&["summary", "--format", format, "."]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        for c in run.stdout.chars().chain(run.stderr.chars()) {
            let acts = c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c) || c == '\u{fffd}';
            assert!(c == '\n' || !acts || (format == "json" && c == '\u{fffd}'), "{format}: {c:?}");
        }
    }
    for name in names {
        let path = dir.path(".").join(OsStr::from_bytes(name));
        let run = watched(command(&dir.path(".")).arg("summary").arg("--").arg(&path));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(!run.stderr.contains(['\u{1b}', '\u{202e}']), "{:?}", run.stderr);
    }
}

/// A capture that is written over, cut or made longer while it is read: the answer is
/// that of the file as it was, or there is none.
#[test]
fn a_file_that_changes_while_it_is_read() {
    let dir = Dir::new();
    let rows = |more: i64| {
        let rows = (0..120_000).map(|n| Connect::at(n * 400, 50_000 + (n * n + more) % 9_973));
        let mut capture = Capture::of(rows.collect());
        capture.row_group = 2_000;
        capture
    };
    let good = fs::read(rows(0).write(dir.path("good.parquet"))).expect("a file");
    let other = fs::read(rows(1).write(dir.path("other.parquet"))).expect("a file");
    let question = ["percentiles", "--by", "dst", "--format", "csv", "changing.parquet"];
    let ask = || dir.analyze(&question);
    let answers = [&good, &other].map(|bytes| {
        fs::write(dir.path("changing.parquet"), bytes).expect("written");
        ask().text()
    });
    let (mut refused, mut answered) = (0, 0);
    for number in 0..24_u64 {
        fs::write(dir.path("changing.parquet"), &good).expect("written");
        let mut child = command(&dir.path("."))
            .args(question)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        std::thread::sleep(Duration::from_millis(15 * (number / 4)));
        let path = dir.path("changing.parquet");
        match number % 4 {
            0 => fs::write(&path, &other).expect("written"),
            1 => {
                File::options().write(true).open(&path).and_then(|f| f.set_len(3_000)).expect("cut")
            }
            2 => {
                let mut file = File::options().append(true).open(&path).expect("a file");
                file.write_all(&other).expect("written");
            }
            _ => {
                fs::write(dir.path("next"), &other).expect("written");
                fs::rename(dir.path("next"), &path).expect("renamed");
            }
        }
        let _ = child.wait().expect("a child");
        let output = child.wait_with_output().expect("its output");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => {
                answered += 1;
                assert!(answers.iter().any(|answer| *answer == stdout), "{number}: {stdout}");
            }
            Some(1) => {
                refused += 1;
                assert!(stderr.starts_with("analyze: changing.parquet: "), "{stderr}");
                assert_eq!(stderr.lines().count(), 1, "{stderr}");
            }
            other => panic!("{number}: {other:?}: {stderr}"),
        }
    }
    println!("{answered} answered, {refused} refused");
    assert!(answered > 0 && refused > 0, "{answered} answered, {refused} refused");
}

/// More captures than a process may have open, each of a few rows.
#[test]
fn thousands_of_captures() {
    const FILES: usize = 2_000;
    /// Each takes some ms of the processors, and no more however many there are.
    const EACH: Duration = Duration::from_millis(if cfg!(debug_assertions) { 30 } else { 5 });
    let dir = Dir::new();
    fs::create_dir(dir.path("many")).expect("a directory");
    let mut capture = Capture::of((0..3).map(|n| Connect::at(n, 1_000 + n)).collect());
    capture.info.boot_id = "boot-00000".into();
    let good = fs::read(capture.write(dir.path("one"))).expect("a file");
    let places: Vec<usize> = good
        .windows(10)
        .enumerate()
        .filter(|(_, w)| w == b"boot-00000")
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    for number in 0..FILES {
        let mut bytes = good.clone();
        for at in &places {
            bytes[*at..*at + 10].copy_from_slice(format!("boot-{number:05}").as_bytes());
        }
        fs::write(dir.path(&format!("many/{number}.parquet")), bytes).expect("written");
    }
    for question in ["summary", "destinations", "info"] {
        let mut shell = Command::new("sh");
        shell.current_dir(dir.path(".")).args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]);
        shell.arg(command(&dir.path(".")).get_program()).args([question, "many"]);
        let run = watched(&mut shell);
        println!("{question}: {} kB, {:?}", run.peak_kb, run.took);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(run.peak_kb < MOST_KB, "{question}: {} kB", run.peak_kb);
        assert!(run.took < EACH * FILES as u32, "{question}: {:?}", run.took);
    }
}
