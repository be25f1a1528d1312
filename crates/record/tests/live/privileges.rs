//! What the recorder keeps of its power, and what hostile names reach.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Command, Stdio};

use test_support::{
    Capture, Process, Recording, bpf_available, connect, has_program, nobody, record, recorder,
    run, scratch, skip_on_this_kernel, wait_until,
};

const CAP_DAC_READ_SEARCH: u64 = 1 << 2;
const CAP_BPF: u64 = 1 << 39;
const NOBODY: u32 = 65_534;

fn status(task: &str, field: &str) -> String {
    let text = fs::read_to_string(format!("{task}/status")).expect("a task");
    let line = text.lines().find_map(|line| line.strip_prefix(field)).expect("the field");
    line.trim_start_matches(':').trim().to_owned()
}

#[test]
fn every_thread_gives_up_what_it_does_not_need() {
    if !bpf_available() {
        return;
    }
    let recording = Recording::start(&[]);
    let directory = format!("/proc/{}/task", recording.pid());
    let tasks = || -> Vec<String> {
        let tasks = fs::read_dir(&directory).expect("tasks").flatten();
        tasks.map(|task| task.path().to_string_lossy().into_owned()).collect()
    };
    wait_until("collector, messages, journal, sync and sealer", || tasks().len() == 5);
    let tasks = tasks();
    for task in &tasks {
        for set in ["CapEff", "CapPrm"] {
            let held = u64::from_str_radix(&status(task, set), 16).expect("hexadecimal");
            let bpf = if maps_need_a_capability() { CAP_BPF } else { 0 };
            assert_eq!(held, bpf | CAP_DAC_READ_SEARCH, "{set} of {task}");
        }
        for set in ["CapBnd", "CapInh", "CapAmb"] {
            assert_eq!(status(task, set).trim_start_matches('0'), "", "{set} of {task}");
        }
        assert_eq!(status(task, "NoNewPrivs"), "1");
        assert_eq!(status(task, "Seccomp"), "2", "a filter");
    }
    recording.finish();
}

/// Before Linux 5.19, and where everybody may use bpf(2), which can change.
fn maps_need_a_capability() -> bool {
    let setting = fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled");
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).filter_map(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version < (5, 19) || setting.is_ok_and(|setting| setting.trim() == "0")
}

#[test]
fn under_sudo_files_belong_to_the_caller() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    chown(directory.path(), Some(NOBODY), Some(NOBODY)).expect("root");
    let path = directory.path().join("c.parquet");
    let mut command = record(&["--duration", "100ms", "--mode", "0640", "-o"]);
    command.arg(&path).env("SUDO_UID", NOBODY.to_string()).env("SUDO_GID", NOBODY.to_string());
    let output = command.output().expect("record runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata = fs::metadata(&path).expect("the capture");
    assert_eq!((metadata.uid(), metadata.gid()), (NOBODY, NOBODY));
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
}

/// A user that nobody else is.
const USER: u32 = 60_918;

fn owner(path: &std::path::Path) -> (u32, u32) {
    let metadata = fs::symlink_metadata(path).expect("it is there");
    (metadata.uid(), metadata.gid())
}

#[test]
fn it_becomes_the_user_it_is_told_to() {
    if !bpf_available() {
        return;
    }
    let user = USER.to_string();
    let directory = scratch();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("own");
    let theirs = directory.path().join("theirs");
    fs::create_dir(&theirs).expect("a directory");
    chown(&theirs, Some(USER), Some(USER)).expect("root");
    let capture = theirs.join("c.parquet");
    let mut recording = Recording::start_into(&capture, &["--user", &user]);
    for task in fs::read_dir(format!("/proc/{}/task", recording.pid())).expect("tasks").flatten() {
        let task = task.path().to_string_lossy().into_owned();
        let ids: Vec<String> = status(&task, "Uid").split_whitespace().map(str::to_owned).collect();
        assert_eq!(ids, vec![user.clone(); 4]);
        assert_eq!(status(&task, "Groups"), user);
    }
    recording.stop();
    assert_eq!(owner(&capture), (USER, USER));
}

#[test]
fn a_tree_of_root_is_handed_over_where_it_is_new() {
    if !bpf_available() {
        return;
    }
    let user = USER.to_string();
    let tree = scratch();
    fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o755)).expect("own");
    let arguments = ["--user", &user, "--rotate", "100ms", "--retain-size", "1"];
    let mut recording = Recording::start_tree(tree.path(), &arguments);
    wait_until("retention", || {
        let captures = test_support::captures_below(tree.path());
        captures.len() == 1 && !captures[0].to_string_lossy().ends_with("Z.parquet")
    });
    let ended = recording.stop();
    assert_eq!(ended.stderr.matches("record: cannot").count(), 0, "{ended:?}");
    assert_ne!(owner(tree.path()).0, USER);
    let captures = test_support::captures_below(tree.path());
    for path in captures[0].ancestors().take(3) {
        assert_eq!(owner(path), (USER, USER), "{}", path.display());
    }
}

#[test]
fn a_user_who_may_not_write_is_refused() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let output = run(&["--user", &USER.to_string(), "-o", path.to_str().expect("UTF-8")]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("may not write") && said.lines().count() == 1, "{said}");
    assert_eq!(run(&["--user", "no such user"]).status.code(), Some(2));
}

#[test]
fn what_writes_no_file_is_nobody() {
    if !bpf_available() {
        return;
    }
    let mut live = Process::spawn(record(&["live", "--duration", "5s"]).stdout(Stdio::piped()));
    let task = format!("/proc/{}", live.id());
    wait_until("the filter", || status(&task, "Seccomp") == "2");
    assert!(status(&task, "Uid").starts_with(&NOBODY.to_string()));
    assert!(live.is_running());
}

#[test]
fn two_capabilities_are_enough() {
    if !bpf_available() || !has_program("setpriv", &["--version"]) {
        return;
    }
    let directory = scratch();
    chown(directory.path(), Some(NOBODY), Some(NOBODY)).expect("root");
    let binary = directory.path().join("record");
    fs::copy(recorder(), &binary).expect("a copy");
    let path = directory.path().join("c.parquet");
    let (_taken, closed) = nobody("127.0.0.1:0");
    let script = format!("(exec 3<>/dev/tcp/127.0.0.1/{}) 2>/dev/null; true", closed.port());
    // Before Linux 5.11 maps count as locked memory.
    let output = Command::new("bash")
        .args(["-c", "ulimit -l unlimited 2>/dev/null; exec setpriv \"$@\"", "bash"])
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["--inh-caps=-all,+bpf,+perfmon", "--ambient-caps=-all,+bpf,+perfmon"])
        .args(["--bounding-set=-all,+bpf,+perfmon"])
        .arg(&binary)
        .args(["-o"])
        .arg(&path)
        .args(["--", "bash", "-c", &script])
        .output()
        .expect("setpriv runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let capture = Capture::read(&path);
    let port = i32::from(closed.port());
    assert_eq!(capture.rows.iter().filter(|row| row.dst_port == port).count(), 1);
}

#[test]
fn the_sandbox_holds() {
    if !bpf_available() {
        return;
    }
    let landlock = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    if !landlock.is_empty() && !landlock.contains("landlock") {
        skip_on_this_kernel("Landlock");
        return;
    }
    // A recorder can be made to write elsewhere only through its own files:
    // the journal of a tree whose day is moved outside is out of its reach.
    let directory = scratch();
    let outside = scratch();
    let mut recording = Recording::start_tree(directory.path(), &["--rotate", "300ms"]);
    let host = || fs::read_dir(directory.path()).ok()?.next()?.ok().map(|entry| entry.path());
    let host = host().expect("a directory");
    fs::rename(&host, outside.path().join("taken")).expect("moved");
    std::os::unix::fs::symlink(outside.path(), &host).expect("a link in its place");
    assert_eq!(recording.wait().status.code(), Some(1), "links are refused");
    let stray = fs::read_dir(outside.path()).expect("a directory").count();
    assert_eq!(stray, 1, "nothing but what was moved there");
}

#[test]
fn a_hostile_thread_name_reaches_no_terminal() {
    if !bpf_available() {
        return;
    }
    let (_taken, closed) = nobody("127.0.0.1:0");
    let port = closed.port().to_string();
    let mut recording = Recording::start(&["--dst-port", &port]);
    let thread = std::thread::Builder::new().name("\u{1b}]0;x\u{7}=1+1|<b>".to_owned());
    let client = thread.spawn(move || {
        connect("127.0.0.1:0".parse().expect("an address"), closed);
    });
    client.expect("a thread").join().expect("a client");
    recording.stop();
    let rows = Capture::read(recording.capture()).rows;
    assert_eq!(rows[0].comm, "\u{1b}]0;x\u{7}=1+1|<b>", "the capture has it as it was");
    let path = recording.capture().to_str().expect("UTF-8").to_owned();
    for arguments in [vec!["recover", &path], vec!["-o", &path]] {
        let output = run(&arguments);
        assert!(!output.stderr.contains(&0x1b) && output.stdout.is_empty());
    }
}
