//! What the status and the time of a request say of it, the same wherever it was seen: on the wire or in a log.

/// Bounds between requests by their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thresholds {
    /// Below is fast, in nanoseconds.
    pub fast_ns: i64,
    /// From here on it is slow, in nanoseconds.
    pub slow_ns: i64,
}

impl Default for Thresholds {
    /// 500 ms and 1 s.
    fn default() -> Self {
        Self { fast_ns: 500_000_000, slow_ns: 1_000_000_000 }
    }
}

/// How long a request took, beside the thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// Below the first.
    Fast,
    /// Between them.
    Medium,
    /// At or above the second.
    Slow,
}

impl Thresholds {
    /// The speed of a request that took so many nanoseconds.
    #[inline]
    #[must_use]
    pub const fn of_time(self, nanos: i64) -> Speed {
        if nanos < self.fast_ns {
            Speed::Fast
        } else if nanos < self.slow_ns {
            Speed::Medium
        } else {
            Speed::Slow
        }
    }
}

/// Whether a request failed: its status is 500 or above, or it has none since there was no answer, and none will come.
#[inline]
#[must_use]
pub const fn is_error(status: Option<i64>) -> bool {
    matches!(status, None | Some(500..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_slower_side() {
        let thresholds = Thresholds { fast_ns: 5, slow_ns: 9 };
        let speeds = [i64::MIN, 4, 5, 8, 9, i64::MAX].map(|nanos| thresholds.of_time(nanos));
        assert_eq!(speeds, [Speed::Fast, Speed::Fast, Speed::Medium, Speed::Medium, Speed::Slow, Speed::Slow]);
        let failed = [Some(200), Some(429), Some(499), Some(500), Some(600), Some(999), None].map(is_error);
        assert_eq!(failed, [false, false, false, true, true, true, true]);
    }
}
