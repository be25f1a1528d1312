//! From the socket's state at the end of a connect to an outcome.
//!
//! Shared by the probe, which decides while the socket is at hand, and by the
//! tests, which need no kernel. The order of the rules matters and follows
//! `docs/kernels.md`.

use crate::outcome::Outcome;

/// TCP states as the kernel numbers them (`include/net/tcp_states.h`).
pub mod tcp_state {
    /// Handshake complete.
    pub const ESTABLISHED: i32 = 1;
    /// SYN sent.
    pub const SYN_SENT: i32 = 2;
    /// SYN received (simultaneous open on an active socket).
    pub const SYN_RECV: i32 = 3;
    /// Closed.
    pub const CLOSE: i32 = 7;
}

/// Linux errno values the rules name (`asm-generic/errno.h`).
pub mod errno {
    /// Software caused connection abort (`ss -K`).
    pub const ECONNABORTED: i32 = 103;
    /// Connection reset by peer: RST in SYN_RECV, after a simultaneous open.
    pub const ECONNRESET: i32 = 104;
    /// Connection timed out.
    pub const ETIMEDOUT: i32 = 110;
    /// Connection refused.
    pub const ECONNREFUSED: i32 = 111;
}

/// `RCV_SHUTDOWN | SEND_SHUTDOWN` (`include/net/sock.h`).
pub const SHUTDOWN_MASK: u8 = 3;

/// What is known of the socket when it leaves SYN_SENT or SYN_RECV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndState {
    /// New TCP state.
    pub new_state: i32,
    /// `tcp_sock.segs_out` (RFC 4898): 0 means no segment ever left.
    pub segs_out: u32,
    /// `sock.sk_shutdown`.
    pub sk_shutdown: u8,
    /// `sock.sk_err`, a positive errno or 0.
    pub sk_err: i32,
}

impl EndState {
    /// The attempt's outcome.
    #[inline(always)]
    pub const fn outcome(&self) -> Outcome {
        if self.new_state == tcp_state::ESTABLISHED {
            return Outcome::Established;
        }
        if self.new_state != tcp_state::CLOSE {
            return Outcome::Aborted;
        }
        let shut_down = self.sk_shutdown & SHUTDOWN_MASK == SHUTDOWN_MASK;
        if self.segs_out == 0 {
            return if shut_down { Outcome::Aborted } else { Outcome::LocalError };
        }
        if shut_down || self.sk_err == 0 {
            return Outcome::Aborted;
        }
        match self.sk_err {
            errno::ECONNREFUSED | errno::ECONNRESET => Outcome::Refused,
            errno::ETIMEDOUT => Outcome::TimedOut,
            errno::ECONNABORTED => Outcome::Aborted,
            _ => Outcome::Unreachable,
        }
    }

    /// The errno that goes with [`EndState::outcome`], 0 where none is known.
    ///
    /// `sk_err` is only trusted where the rules above looked at it: on a reused
    /// socket it can be left over from an earlier attempt.
    #[inline(always)]
    pub const fn errno(&self) -> i32 {
        match self.outcome() {
            Outcome::Refused | Outcome::TimedOut | Outcome::Unreachable => self.sk_err,
            Outcome::Aborted
                if self.sk_err == errno::ECONNABORTED
                    && self.segs_out != 0
                    && self.new_state == tcp_state::CLOSE
                    && self.sk_shutdown & SHUTDOWN_MASK != SHUTDOWN_MASK =>
            {
                self.sk_err
            }
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(new_state: i32, segs_out: u32, sk_shutdown: u8, sk_err: i32) -> (Outcome, i32) {
        let state = EndState { new_state, segs_out, sk_shutdown, sk_err };
        (state.outcome(), state.errno())
    }

    #[test]
    fn every_rule_in_order() {
        use tcp_state::{CLOSE, ESTABLISHED};
        assert_eq!(end(ESTABLISHED, 2, 0, 0), (Outcome::Established, 0));
        // Repair sockets are established without a segment; a flag tells them apart.
        assert_eq!(end(ESTABLISHED, 0, 0, 0), (Outcome::Established, 0));
        // Closed by the application from SYN_RECV goes to FIN_WAIT1 (4).
        assert_eq!(end(4, 2, 0, 0), (Outcome::Aborted, 0));
        assert_eq!(end(CLOSE, 0, 3, 0), (Outcome::Aborted, 0));
        assert_eq!(end(CLOSE, 0, 0, 0), (Outcome::LocalError, 0));
        assert_eq!(end(CLOSE, 1, 3, 0), (Outcome::Aborted, 0));
        assert_eq!(end(CLOSE, 1, 3, 110), (Outcome::Aborted, 0));
        assert_eq!(end(CLOSE, 1, 0, 0), (Outcome::Aborted, 0));
        assert_eq!(end(CLOSE, 1, 0, 111), (Outcome::Refused, 111));
        assert_eq!(end(CLOSE, 2, 0, 104), (Outcome::Refused, 104));
        assert_eq!(end(CLOSE, 7, 0, 110), (Outcome::TimedOut, 110));
        assert_eq!(end(CLOSE, 1, 0, 103), (Outcome::Aborted, 103));
        for unreachable in [113, 101, 92] {
            assert_eq!(end(CLOSE, 1, 0, unreachable), (Outcome::Unreachable, unreachable));
        }
    }

    #[test]
    fn stale_error_of_an_earlier_attempt_is_not_reported() {
        let (outcome, errno) = end(tcp_state::CLOSE, 0, 0, 111);
        assert_eq!((outcome, errno), (Outcome::LocalError, 0));
    }
}
