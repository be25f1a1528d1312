//! Who connects: threads, processes, users, cgroups, namespaces, and signals
//! that interrupt them.

use std::ffi::CStr;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use rustix::thread::gettid;

use super::answers::responder;
use crate::child::{self, join_cgroup};
use crate::client::{Client, Who, listen, raw_address};
use crate::namespace;
use crate::responder::{Behaviour, OWN_V4};
use crate::stage::{Report, Skip, Stage};

const NOBODY: u32 = 65_534;
const LOOPBACK: &str = "127.0.0.1:0";

/// A signal ends the call with EINTR; the attempt goes on.
pub fn interrupted(_: &Stage) -> Report {
    with_signal(libc::SIGUSR1, 0, libc::EINTR)
}

/// With SA_RESTART the call begins again; the attempt does not.
pub fn restarted(_: &Stage) -> Report {
    with_signal(libc::SIGUSR2, libc::SA_RESTART, 0)
}

fn with_signal(signal: i32, flags: i32, errno: i32) -> Report {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: zeroes are a valid sigaction, and the handler does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        (action.sa_sigaction, action.sa_flags) = (nothing as *const () as usize, flags);
        assert_eq!(libc::sigaction(signal, &raw const action, std::ptr::null_mut()), 0);
    }
    let peer = responder(&[Behaviour::Accept { after: Duration::from_millis(300), lost: 0 }])?;
    let to = peer.v4(0, 80);
    let client = Client::v4();
    let target = gettid().as_raw_nonzero().get();
    let attempt = thread::scope(|scope| {
        scope.spawn(|| {
            peer.wait_for_syns(to, 1);
            // SAFETY: the thread lives at least until this one is joined.
            unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), target, signal) };
        });
        client.connect(to).returned(errno)
    });
    let (error, known) = client.wait();
    assert_eq!(error, 0);
    let heard = peer.wait_for_answers(to, 1);
    Ok(vec![attempt.expect("established").ended_by(known).answered(&heard, 0)])
}

/// A name with a space, a control character and bytes that are not UTF-8.
pub fn named_thread(_: &Stage) -> Report {
    const NAME: &CStr = c"n\xc3\xa4 m\xffe\x1b";
    let (_listener, to) = listen(LOOPBACK);
    thread::scope(|scope| {
        let connecting = scope.spawn(|| {
            // SAFETY: the name outlives the call.
            unsafe { libc::prctl(libc::PR_SET_NAME, NAME.as_ptr()) };
            let client = Client::v4();
            let mut attempt = client.connect(to).returned(0);
            attempt.who.comm = "nä m\\xffe\u{1b}".to_owned();
            Ok(vec![attempt.expect("established")])
        });
        connecting.join().expect("connected")
    })
}

pub fn other_user(stage: &Stage) -> Report {
    forked(stage, c"rig-user", Some(NOBODY), None)
}

/// The process is gone before its row is written.
pub fn exits_at_once(stage: &Stage) -> Report {
    forked(stage, c"rig-brief", None, None)
}

/// A child with this user or cgroup connects and exits.
fn forked(stage: &Stage, comm: &'static CStr, uid: Option<u32>, cgroup: Option<&Cgroup>) -> Report {
    let (_listener, to) = listen(LOOPBACK);
    let (socket, address) = (Client::v4().socket, raw_address(to));
    let procs = cgroup.map(|cgroup| cgroup.procs());
    let mut child = child::fork(comm, |report| {
        if let Some(procs) = &procs {
            join_cgroup(procs);
        }
        if let Some(uid) = uid {
            // SAFETY: changes the user of this process, which has one thread.
            unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) };
        }
        report.connect(&socket, &address);
    });
    let attempt = child.begun(stage.netns, to, to);
    let mut attempt = child.returned(attempt).returned(0);
    child.wait();
    attempt.who.uid = uid.map_or(attempt.who.uid, i64::from);
    if let Some(cgroup) = cgroup {
        attempt.who.cgroup.clone_from(&cgroup.path);
    }
    Ok(vec![attempt.expect("established")])
}

/// The thread moves to another namespace and back, and connects in each.
pub fn other_namespace(stage: &Stage) -> Report {
    let (own, other) = namespaces()?;
    namespace::enter(&other).expect("entered");
    let (_listener, to) = listen(LOOPBACK);
    let there = Client::v4().connect(to).returned(0).expect("established");
    namespace::enter(&own).expect("returned");
    let (_listener, to) = listen(LOOPBACK);
    let here = Client::v4().connect(to).returned(0).expect("established");
    assert_ne!(there.netns, here.netns);
    stage.until_stopped();
    Ok(vec![there.label("there"), here.label("back here")])
}

/// A socket stays in the namespace it was made in, wherever its user goes.
pub fn socket_of_other_namespace(stage: &Stage) -> Report {
    let (own, other) = namespaces()?;
    namespace::enter(&other).expect("entered");
    let (_listener, to) = listen(LOOPBACK);
    let client = Client::v4();
    namespace::enter(&own).expect("returned");
    let expected = client.connect(to).returned(0).expect("established");
    assert_ne!(expected.netns, stage.netns);
    stage.until_stopped();
    Ok(vec![expected])
}

fn namespaces() -> Result<(std::os::fd::OwnedFd, std::os::fd::OwnedFd), Skip> {
    let own = namespace::current().expect("/proc");
    let other = namespace::another().expect("a second namespace");
    Ok((own, other))
}

pub fn own_cgroup(stage: &Stage) -> Report {
    let cgroup = Cgroup::make("own")?;
    let report = forked(stage, c"rig-cgroup", None, Some(&cgroup));
    stage.until_stopped();
    report
}

/// The cgroup goes while the attempt is under way, and another one takes its
/// name: no path is right then, and a wrong one must not be given.
pub fn deleted_cgroup(stage: &Stage) -> Report {
    let cgroup = Cgroup::make("deleted")?;
    let peer = responder(&[Behaviour::Accept { after: Duration::from_millis(500), lost: 0 }])?;
    let to = peer.v4(0, 80);
    let (socket, address) = (Client::v4().socket, raw_address(to));
    let procs = cgroup.procs();
    let mut child = child::fork(c"rig-deleted", |report| {
        join_cgroup(&procs);
        report.connect(&socket, &address);
    });
    let attempt = child.begun(stage.netns, (OWN_V4, 0).into(), to);
    peer.wait_for_syns(to, 1);
    cgroup.replace(child.who.pid);
    let mut attempt = child.returned(attempt).returned(0);
    child.wait();
    let heard = peer.wait_for_answers(to, 1);
    attempt.who.cgroup = String::new();
    stage.until_stopped();
    Ok(vec![attempt.expect("established").answered(&heard, 0)])
}

/// A cgroup below the rig's own; removed when dropped.
struct Cgroup {
    directory: PathBuf,
    parent: PathBuf,
    path: String,
}

impl Cgroup {
    fn make(name: &str) -> Result<Self, Skip> {
        let missing = |why: &str| Skip::Kernel(format!("cgroup v2: {why}"));
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc");
        let mount = mounts.lines().find_map(|line| {
            let (mount, filesystem) = line.split_once(" - ")?;
            let mount_point = mount.split(' ').nth(4)?;
            filesystem.starts_with("cgroup2 ").then(|| PathBuf::from(mount_point))
        });
        let mount = mount.ok_or_else(|| missing("not mounted"))?;
        let own = Who::me().cgroup;
        let path =
            format!("{}/connlat-rig-{}-{name}", own.trim_end_matches('/'), std::process::id());
        let below = |path: &str| mount.join(path.trim_start_matches('/'));
        let cgroup = Self { directory: below(&path), parent: below(&own), path };
        fs::create_dir(&cgroup.directory).map_err(|error| missing(&error.to_string()))?;
        Ok(cgroup)
    }

    fn procs(&self) -> File {
        let procs = OpenOptions::new().write(true).open(self.directory.join("cgroup.procs"));
        procs.expect("cgroup.procs")
    }

    /// Moves its only process out, removes it, and makes another of that name.
    fn replace(&self, pid: i32) {
        let mut parent = OpenOptions::new()
            .write(true)
            .open(self.parent.join("cgroup.procs"))
            .expect("the parent's cgroup.procs");
        parent.write_all(pid.to_string().as_bytes()).expect("moved out");
        fs::remove_dir(&self.directory).expect("removed");
        fs::create_dir(&self.directory).expect("made again");
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.directory);
    }
}
