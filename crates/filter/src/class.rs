//! The response class of an exchange, computed at query time.

use arachne_model::class::{Speed, Thresholds, is_error};
use arachne_model::table::{ExchangeRow, Row as _, Value};

/// How an exchange went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Answered below the first threshold.
    Fast,
    /// Answered between the thresholds.
    Medium,
    /// Answered, but late.
    Slow,
    /// Status 500 or above, or no answer.
    Error,
    /// Still open: no answer yet.
    Open,
    /// The connection became another protocol (status 101): how long it lasts says nothing.
    Upgrade,
}

impl Class {
    /// All, in the order in which bars are stacked.
    pub const ALL: [Self; 6] = [Self::Fast, Self::Medium, Self::Slow, Self::Error, Self::Open, Self::Upgrade];

    /// The stable name, as in filters and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Error => "error",
            Self::Open => "open",
            Self::Upgrade => "upgrade",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The class of an exchange from its columns `status`, `start`, `end` and `provisional`.
    #[inline]
    #[must_use]
    pub fn of(status: Option<i64>, start: i64, end: Option<i64>, provisional: bool, thresholds: Thresholds) -> Self {
        match status {
            None if provisional => Self::Open,
            status if is_error(status) => Self::Error,
            Some(101) => Self::Upgrade,
            _ => match thresholds.of_time(end.map_or(0, |end| end.saturating_sub(start))) {
                Speed::Fast => Self::Fast,
                Speed::Medium => Self::Medium,
                Speed::Slow => Self::Slow,
            },
        }
    }

    /// The columns that [`Self::of`] needs: status, start, end, provisional.
    #[must_use]
    pub fn columns() -> [usize; 4] {
        let table = ExchangeRow::TABLE;
        ["http.response.status_code", "start", "end", "provisional"].map(|n| table.column(n).unwrap_or_default())
    }

    /// [`Self::of`] on values as a row gives them.
    #[must_use]
    pub fn of_values(
        status: Value<'_>,
        start: Value<'_>,
        end: Value<'_>,
        open: Value<'_>,
        thresholds: Thresholds,
    ) -> Self {
        let int = |value| if let Value::Int(number) = value { Some(number) } else { None };
        Self::of(int(status), int(start).unwrap_or_default(), int(end), open == Value::Bool(true), thresholds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let thresholds = Thresholds::default();
        let (half, second) = (500_000_000, 1_000_000_000);
        for (status, end, open, class) in [
            (Some(200), Some(half - 1), false, Class::Fast),
            (Some(404), Some(half), false, Class::Medium),
            (Some(200), Some(second), false, Class::Slow),
            (Some(200), None, false, Class::Fast),
            (Some(500), Some(0), false, Class::Error),
            (Some(600), Some(0), false, Class::Error),
            (Some(499), Some(0), false, Class::Fast),
            (None, Some(0), false, Class::Error),
            (None, None, true, Class::Open),
            (Some(101), Some(9 * second), false, Class::Upgrade),
            (Some(200), Some(i64::MIN), false, Class::Fast),
        ] {
            assert_eq!(Class::of(status, 0, end, open, thresholds), class, "{status:?} {end:?} {open}");
        }
        assert!(Class::ALL.into_iter().all(|class| Class::from_name(class.name()) == Some(class)));
        assert_eq!(Class::from_name("Fast"), None);
    }
}
