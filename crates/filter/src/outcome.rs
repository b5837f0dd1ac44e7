//! What came of an exchange, whatever its duration.

/// What came of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Outcome {
    /// A status below 400.
    Success,
    /// Status 4xx: the client was told that it is wrong.
    Refused,
    /// Status 500 or above.
    Failed,
    /// No answer, and none will come.
    Unanswered,
    /// No answer yet.
    Open,
}

impl Outcome {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// The outcome by the columns `status` and `provisional`. [`Self::Failed`] and [`Self::Unanswered`] together are
    /// [`crate::Class::Error`].
    #[inline]
    #[must_use]
    pub const fn of(status: Option<i64>, provisional: bool) -> Self {
        match status {
            None if provisional => Self::Open,
            None => Self::Unanswered,
            Some(500..) => Self::Failed,
            Some(400..) => Self::Refused,
            Some(_) => Self::Success,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, Thresholds};

    #[test]
    fn errors_are_those_of_the_class() {
        let statuses = [None, Some(0), Some(101), Some(200), Some(399), Some(400), Some(499), Some(500), Some(999)];
        for (status, open) in statuses.into_iter().flat_map(|status| [(status, false), (status, true)]) {
            let outcome = Outcome::of(status, open);
            let error = Class::of(status, 0, Some(1), open, Thresholds::default()) == Class::Error;
            assert_eq!(matches!(outcome, Outcome::Failed | Outcome::Unanswered), error, "{status:?} {open}");
            assert_eq!(outcome == Outcome::Refused, status.is_some_and(|s| (400..500).contains(&s)), "{status:?}");
        }
    }
}
