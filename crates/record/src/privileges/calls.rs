//! The system calls of a recorder after the attach, and why each is there.
//!
//! Names that only x86-64 has are what C libraries call there (musl: open,
//! where glibc calls openat).

use libc::c_long;

/// For every part of the program.
pub const ALWAYS: &[c_long] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Threads: each has locks, a signal stack and an end.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sigaltstack,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    // Whether a link or a directory is the own user's.
    libc::SYS_geteuid,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Answered with ENOSYS, see filter.rs.
    libc::SYS_clone3,
    // Signals are handled.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    // Time, where the vDSO does not tell it, and waiting.
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    // Hash tables are seeded.
    libc::SYS_getrandom,
    // What is open is read, written and closed.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_fstat,
    // Files are found; which ones, Landlock decides. A link of procfs is told
    // by its file system.
    libc::SYS_fstatfs,
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
];

/// For captures: they are made, renamed, forced to the disk and removed.
pub const CAPTURES: &[c_long] = &[
    // A journal is locked, cut where a write failed, and durable.
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    // A capture gets its name, old ones go, days are directories.
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat2,
];

/// For a session.
pub const SESSION: &[c_long] = &[
    // How far the clock is off; setting it needs a capability that is gone.
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    // Cgroup ids to paths.
    libc::SYS_open_by_handle_at,
    // The command's exit status.
    libc::SYS_wait4,
    libc::SYS_waitid,
];

/// To and from the process that makes a directory again, through the one socket
/// between them.
pub const MESSAGES: &[c_long] = &[libc::SYS_sendmsg, libc::SYS_recvmsg];

/// For `snapshot`: the recorder is signalled by a descriptor that cannot come
/// to mean another process.
pub const SNAPSHOT: &[c_long] = &[
    // A process is held on to, and signalled.
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
];

/// For `snapshot --bundle`: the archive gets its name once it is on the disk, and
/// is removed if it cannot be finished.
pub const BUNDLE: &[c_long] = &[libc::SYS_fsync, libc::SYS_renameat2, libc::SYS_unlinkat];

/// Commands of bpf(2) on maps and programs that are open (linux/bpf.h).
pub const BPF_COMMANDS: &[(u64, &str)] = &[
    (1, "BPF_MAP_LOOKUP_ELEM: counters, connects in flight"),
    (4, "BPF_MAP_GET_NEXT_KEY: connects in flight"),
    (10, "BPF_PROG_TEST_RUN: those still in flight at the end, settings of a namespace"),
];

/// Commands of fcntl(2) that make descriptors and look at them. Not F_SETOWN
/// and F_SETSIG, which send signals to others, and not F_SETFL.
pub const FCNTL_COMMANDS: &[i32] =
    &[libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL, libc::F_OFD_SETLK];
