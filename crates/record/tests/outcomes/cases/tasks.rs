//! Who connects: threads, processes, users, cgroups, namespaces, and signals
//! that interrupt them.

use std::ffi::CStr;
use std::thread;
use std::time::Duration;

use rustix::thread::gettid;
use test_support::{Cgroup, Namespace};

use super::answers::responder;
use crate::child;
use crate::client::{Client, listen, raw_address};
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
            Cgroup::join(procs);
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
        attempt.who.cgroup = cgroup.path().to_owned();
    }
    Ok(vec![attempt.expect("established")])
}

/// The thread moves to another namespace and back, and connects in each.
pub fn other_namespace(stage: &Stage) -> Report {
    let (own, other) = namespaces();
    other.enter().expect("entered");
    let (_listener, to) = listen(LOOPBACK);
    let there = Client::v4().connect(to).returned(0).expect("established");
    own.enter().expect("returned");
    let (_listener, to) = listen(LOOPBACK);
    let here = Client::v4().connect(to).returned(0).expect("established");
    assert_ne!(there.netns, here.netns);
    stage.until_stopped();
    Ok(vec![there.label("there"), here.label("back here")])
}

/// A socket stays in the namespace it was made in, wherever its user goes.
pub fn socket_of_other_namespace(stage: &Stage) -> Report {
    let (own, other) = namespaces();
    other.enter().expect("entered");
    let (_listener, to) = listen(LOOPBACK);
    let client = Client::v4();
    own.enter().expect("returned");
    let expected = client.connect(to).returned(0).expect("established");
    assert_ne!(expected.netns, stage.netns);
    stage.until_stopped();
    Ok(vec![expected])
}

fn namespaces() -> (Namespace, Namespace) {
    (Namespace::current().expect("/proc"), Namespace::new().expect("a second namespace"))
}

fn cgroup(name: &str) -> Result<Cgroup, Skip> {
    Cgroup::new(name).map_err(Skip::Kernel)
}

pub fn own_cgroup(stage: &Stage) -> Report {
    let cgroup = cgroup("own")?;
    let report = forked(stage, c"rig-cgroup", None, Some(&cgroup));
    stage.until_stopped();
    report
}

/// The cgroup goes while the attempt is under way, and another one takes its
/// name: no path is right then, and a wrong one must not be given.
pub fn deleted_cgroup(stage: &Stage) -> Report {
    let cgroup = cgroup("deleted")?;
    let peer = responder(&[Behaviour::Accept { after: Duration::from_millis(500), lost: 0 }])?;
    let to = peer.v4(0, 80);
    let (socket, address) = (Client::v4().socket, raw_address(to));
    let procs = cgroup.procs();
    let mut child = child::fork(c"rig-deleted", |report| {
        Cgroup::join(&procs);
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
