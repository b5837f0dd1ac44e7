//! Exit codes: one documented constant each, listed in `--help`.
//!
//! Source: the table of the project's command line contract; a broken pipe is success, as for every filter.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done, also when nothing was found and when the reader of our output went away.
    Done = 0,
    /// Something that should not happen.
    Unexpected = 1,
    /// A wrong command line, or a file that does not exist.
    Usage = 2,
    /// A bad configuration.
    BadConfiguration = 3,
    /// The system does not permit it.
    NotPermitted = 4,
    /// The other side cannot be reached.
    PeerUnreachable = 5,
    /// The input is damaged or refused; what came before the fault was printed.
    Damaged = 6,
}

impl ExitStatus {
    /// All codes, by number.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::Unexpected,
        Self::Usage,
        Self::BadConfiguration,
        Self::NotPermitted,
        Self::PeerUnreachable,
        Self::Damaged,
    ];

    /// The number that the parent process sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The status with this number; unexpected where there is none.
    #[must_use]
    pub fn of(code: u8) -> Self {
        Self::ALL.into_iter().find(|status| status.code() == code).unwrap_or(Self::Unexpected)
    }

    /// What it means, for `--help`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Done => "done, also when nothing was found and on a broken pipe",
            Self::Unexpected => "an unexpected error",
            Self::Usage => "wrong usage, or a file that does not exist",
            Self::BadConfiguration => "a bad configuration",
            Self::NotPermitted => "not permitted",
            Self::PeerUnreachable => "the other side cannot be reached",
            Self::Damaged => "damaged or refused input; what came before the fault was printed",
        }
    }

    /// The status of a run of which one part ended with `self` and another with `other`.
    ///
    /// What the user must know most wins: unexpected, damaged, not permitted, then the rest by number; done is last.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        if self.weight() >= other.weight() { self } else { other }
    }

    const fn weight(self) -> u8 {
        match self {
            Self::Unexpected => 6,
            Self::Damaged => 5,
            Self::NotPermitted => 4,
            Self::PeerUnreachable => 3,
            Self::BadConfiguration => 2,
            Self::Usage => 1,
            Self::Done => 0,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitStatus;

    #[test]
    fn the_numbers_are_the_contract() {
        let codes = ExitStatus::ALL.map(ExitStatus::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(ExitStatus::Damaged.code(), 6);
        assert_eq!((ExitStatus::of(4), ExitStatus::of(99)), (ExitStatus::NotPermitted, ExitStatus::Unexpected));
        assert_eq!(ExitStatus::Usage.code(), 2);
    }

    #[test]
    fn one_bad_file_among_many_is_told() {
        use ExitStatus::{Damaged, Done, Unexpected, Usage};
        assert_eq!(Done.and(Damaged), Damaged);
        assert_eq!(Damaged.and(Done), Damaged);
        assert_eq!(Usage.and(Damaged), Damaged);
        assert_eq!(Damaged.and(Unexpected), Unexpected);
        assert_eq!(Done.and(Done), Done);
    }
}
