//! How a connect attempt ended: the one list of outcomes and their names.

/// Outcome of one connect attempt.
///
/// The discriminants travel in [`crate::wire::ConnectRecord`]; the words of
/// [`Outcome::as_str`] are stored in the capture's `outcome` column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// The handshake completed.
    Established = 0,
    /// The peer answered with RST, or ICMP port unreachable.
    Refused = 1,
    /// No usable answer until the kernel gave up (`ETIMEDOUT`).
    TimedOut = 2,
    /// An ICMP error or a routing failure ended the attempt.
    Unreachable = 3,
    /// The local side gave up: close, kill, shutdown, disconnect, `ss -K`.
    Aborted = 4,
    /// The attempt failed before a SYN left the socket, such as port exhaustion.
    LocalError = 5,
    /// Not decided when the recording stopped.
    InFlight = 6,
}

impl Outcome {
    /// Number of outcomes; every discriminant is below it.
    pub const COUNT: usize = 7;

    /// All outcomes in the order of their discriminants.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Established,
        Self::Refused,
        Self::TimedOut,
        Self::Unreachable,
        Self::Aborted,
        Self::LocalError,
        Self::InFlight,
    ];

    /// The word stored in the capture.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Aborted => "aborted",
            Self::LocalError => "local_error",
            Self::InFlight => "in_flight",
        }
    }

    /// The outcome with this discriminant, if there is one.
    pub const fn from_u8(value: u8) -> Option<Self> {
        if (value as usize) < Self::COUNT { Some(Self::ALL[value as usize]) } else { None }
    }

    /// Whether the attempt came to an end other than `established`.
    ///
    /// `in_flight` is neither: it may yet succeed.
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::Established | Self::InFlight)
    }

    /// The outcome of a word stored in a capture, if this version knows it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discriminants_index_the_list() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
            assert_eq!(Outcome::from_u8(index as u8), Some(outcome));
            assert_eq!(Outcome::from_word(outcome.as_str()), Some(outcome));
        }
        assert_eq!(Outcome::from_u8(Outcome::COUNT as u8), None);
        assert_eq!(Outcome::from_u8(u8::MAX), None);
        assert_eq!(Outcome::from_word("Established"), None);
    }
}
