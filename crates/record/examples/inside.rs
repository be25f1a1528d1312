//! What somebody can do who got into a running recorder: gives up what the
//! recorder gives up, by the same functions, then tries this and that.
//!
//! `inside DIRECTORY PID`: as root; captures would be written to DIRECTORY, PID
//! is a process of root. Prints `NAME ERRNO` for each try, 0 for one that
//! worked. `tests/live/inside.rs` says what each has to be.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use connlat_record::privileges::{Needs, drop_all_but};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(pid)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: inside DIRECTORY PID");
        std::process::exit(2);
    };
    let pid: libc::c_long = pid.parse().expect("a process number");
    let opened = File::open(&directory).expect("a directory");
    drop_all_but(&mut Needs {
        directory: Some(opened.as_fd()),
        cgroups: None,
        resolves_cgroups: &mut || false,
        reads_probe: &mut || false,
        user: None,
        helper: None,
        command: None,
        nice: 0,
    })
    .expect("privileges are given up");
    let beside = Path::new(&directory).parent().expect("not the root");
    try_files(&directory, beside, opened.as_raw_fd().into());
    try_processes(pid);
    try_kernel();
    // Threads go on as before.
    let thread = std::thread::Builder::new().spawn(|| ());
    say("a thread", thread.map_or_else(|error| error.raw_os_error().unwrap_or(-1), |_| 0));
}

fn say(name: &str, errno: i32) {
    println!("{name}\t{errno}");
}

/// Calls the kernel, and nothing else, with these arguments.
fn call<const N: usize>(name: &str, number: libc::c_long, arguments: [libc::c_long; N]) {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    let [a, b, c, d, e, f] = all;
    // SAFETY: pointers among the arguments are to strings and zeroed buffers
    // that outlive the call; what succeeds changes nothing this process uses.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    let errno = io::Error::last_os_error().raw_os_error().unwrap_or(-1);
    say(name, if result < 0 { errno } else { 0 });
}

fn at(text: &CStr) -> libc::c_long {
    text.as_ptr() as libc::c_long
}

fn try_files(directory: &str, beside: &Path, opened: libc::c_long) {
    let path = |name: &str| CString::new(format!("{directory}/{name}")).expect("no NUL");
    let cwd = libc::c_long::from(libc::AT_FDCWD);
    let create = libc::c_long::from(libc::O_CREAT | libc::O_WRONLY);
    let own = path("own.parquet");
    call("write a capture", libc::SYS_openat, [cwd, at(&own), create, 0o600]);
    call("chmod the capture", libc::SYS_fchmodat, [cwd, at(&own), 0o4755]);
    call("chown the capture", libc::SYS_fchownat, [cwd, at(&own), 1, 1, 0]);
    call("chmod /etc/passwd", libc::SYS_fchmodat, [cwd, at(c"/etc/passwd"), 0o666]);
    call("read /etc/shadow", libc::SYS_openat, [cwd, at(c"/etc/shadow"), 0, 0]);
    call("write /etc/passwd", libc::SYS_openat, [cwd, at(c"/etc/passwd"), 1, 0]);
    call("create /etc/x", libc::SYS_openat, [cwd, at(c"/etc/connlat-inside"), create, 0o600]);
    let next_to = beside.join("connlat-inside");
    let next_to = CString::new(next_to.to_str().expect("UTF-8")).expect("no NUL");
    call("create beside", libc::SYS_openat, [cwd, at(&next_to), create, 0o600]);
    let above = beside.parent().unwrap_or(beside).join("connlat-inside");
    let above = CString::new(above.to_str().expect("UTF-8")).expect("no NUL");
    call("create two above", libc::SYS_openat, [cwd, at(&above), create, 0o600]);
    let (link, pipe) = (path("link"), path("pipe"));
    call("symlink", libc::SYS_symlinkat, [at(c"/etc/passwd"), cwd, at(&link)]);
    call("hard link", libc::SYS_linkat, [cwd, at(&own), cwd, at(&link), 0]);
    call("pipe", libc::SYS_mknodat, [cwd, at(&pipe), libc::S_IFIFO.into(), 0]);
    call("xattr", libc::SYS_setxattr, [at(&own), at(c"user.x"), at(c"x"), 1, 0]);
    call("chroot", libc::SYS_chroot, [at(c"/")]);
    call("ioctl", libc::SYS_ioctl, [opened, 0x5401]);
    call("F_SETOWN", libc::SYS_fcntl, [opened, libc::F_SETOWN.into(), 1]);
}

fn try_processes(pid: libc::c_long) {
    call("kill", libc::SYS_kill, [pid, 0]);
    call("tgkill", libc::SYS_tgkill, [pid, pid, 0]);
    call("pidfd_open", libc::SYS_pidfd_open, [pid, 0]);
    call("ptrace", libc::SYS_ptrace, [libc::PTRACE_ATTACH.into(), pid]);
    call("process_vm_readv", libc::SYS_process_vm_readv, [pid]);
    call("set a limit", libc::SYS_prlimit64, [pid, 0, 0, 0]);
    call("execve", libc::SYS_execve, [at(c"/bin/true"), 0, 0]);
    call("fork", libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0]);
    call("setuid", libc::SYS_setresuid, [0, 0, 0]);
    call("unshare", libc::SYS_unshare, [libc::CLONE_NEWUSER.into()]);
    call("setns", libc::SYS_setns, [0, 0]);
    call("capset", libc::SYS_capset, [0, 0]);
}

fn try_kernel() {
    let (inet, unix) = (libc::AF_INET.into(), libc::AF_UNIX.into());
    let (stream, datagram) = (libc::SOCK_STREAM.into(), libc::SOCK_DGRAM.into());
    call("TCP", libc::SYS_socket, [inet, stream, 0]);
    call("UDP", libc::SYS_socket, [inet, datagram, 0]);
    call("unix socket", libc::SYS_socket, [unix, stream, 0]);
    call("netlink", libc::SYS_socket, [libc::AF_NETLINK.into(), libc::SOCK_RAW.into(), 0]);
    // There is a socket to the process that makes directories again, if any.
    call("a message", libc::SYS_sendmsg, [0, 0, 0]);
    call("a message in", libc::SYS_recvmsg, [0, 0, 0]);
    let buffer = [0_u8; 256];
    let buffer = buffer.as_ptr() as libc::c_long;
    call("io_uring", libc::SYS_io_uring_setup, [1, buffer]);
    // linux/bpf.h: 0 MAP_CREATE, 5 PROG_LOAD, 2 MAP_UPDATE_ELEM, 13 PROG_GET_FD_BY_ID.
    for (name, command) in
        [("a BPF map", 0), ("a BPF program", 5), ("a map's value", 2), ("another's program", 13)]
    {
        call(name, libc::SYS_bpf, [command, buffer, 128]);
    }
    call("mount", libc::SYS_mount, [at(c"none"), at(c"/mnt"), at(c"tmpfs"), 0, 0]);
    call("perf", libc::SYS_perf_event_open, [buffer, 0, -1, -1, 0]);
    call("set the clock", libc::SYS_clock_settime, [0, buffer]);
    call("a module", libc::SYS_init_module, [buffer, 1, at(c"")]);
    call("keyring", libc::SYS_keyctl, [0, 0]);
    let (rwx, map) = (7, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    call("code in memory", libc::SYS_mmap, [0, 4096, rwx, map.into(), -1, 0]);
}
