//! Instants: nanoseconds since the Unix epoch, UTC.

use std::fmt;

/// An instant in nanoseconds since 1970-01-01T00:00:00Z. Covers the years 1677 to 2262; what lies outside is clamped by
/// whoever reads it and flagged [`crate::Anomaly::BadTimestamp`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// Nanoseconds from `earlier` to `self`, never negative: captured clocks step back.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0).max(0).unsigned_abs()
    }

    /// The instant `nanos` later, clamped at the end of the range.
    #[must_use]
    pub fn plus(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }

    /// An instant from whole `seconds` and `nanos`; `None` when it does not fit.
    #[must_use]
    pub fn from_parts(seconds: i64, nanos: i64) -> Option<Self> {
        seconds.checked_mul(1_000_000_000)?.checked_add(nanos).map(Self)
    }
}

impl fmt::Debug for UnixNanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ns", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::UnixNanos;

    #[test]
    fn differences_never_go_negative() {
        assert_eq!(UnixNanos(5).since(UnixNanos(9)), 0);
        assert_eq!(UnixNanos(9).since(UnixNanos(5)), 4);
        assert_eq!(UnixNanos(i64::MAX).since(UnixNanos(i64::MIN)), i64::MAX.unsigned_abs());
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        assert_eq!(UnixNanos::from_parts(1, 5), Some(UnixNanos(1_000_000_005)));
        assert_eq!(UnixNanos::from_parts(i64::MAX, 0), None);
    }
}
