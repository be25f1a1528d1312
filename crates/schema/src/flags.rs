//! Bits of the capture's `flags` column.

/// TCP Fast Open carried data in the SYN, so start → established includes the
/// application's think time (`tcp_sock.data_segs_out`); left out of latency figures.
pub const FAST_OPEN: u16 = 1;
/// The socket was restored with `TCP_REPAIR`: no SYN was sent; left out of latency figures.
pub const REPAIR: u16 = 2;
/// The handshake went through SYN_RECV: simultaneous open or self-connect (RFC 9293, 3.5).
pub const SIMULTANEOUS: u16 = 4;
/// The kernel itself opened the socket (`sk_kern_sock`), NFS or SMB for example.
pub const KERNEL_SOCKET: u16 = 8;
/// The socket is a subflow of an MPTCP connection (`tcp_sock.is_mptcp`).
pub const MPTCP_SUBFLOW: u16 = 16;
/// The attempt failed before the socket reached SYN_SENT (`--trace-local-errors`).
pub const PRE_SYN: u16 = 32;

/// Every bit this version knows.
pub const KNOWN: u16 = FAST_OPEN | REPAIR | SIMULTANEOUS | KERNEL_SOCKET | MPTCP_SUBFLOW | PRE_SYN;

/// Rows with one of these are left out of latency percentiles.
pub const NO_LATENCY: u16 = FAST_OPEN | REPAIR;
