//! Steps of time that people can read.

use arachne_store::{Buckets, TimeRange};

use crate::error::QueryError;
use crate::limits::{BUCKETS, BUCKETS_MAX};
use crate::time::Span;

const MILLI: i64 = 1_000_000;
const SECOND: i64 = 1000 * MILLI;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// All steps, 100 ms to a day; each but the first divides or is divided by the minute, hour or day.
pub(crate) const LADDER: [i64; 21] = [
    100 * MILLI,
    200 * MILLI,
    500 * MILLI,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
];

/// Buckets that cover `range`: of the step given, else of the smallest step of the ladder that needs at most `target`.
/// Bucket borders are multiples of the step since the epoch, so the same bucket is the same in every range.
///
/// # Errors
/// [`QueryError::TooMany`] beyond the limit of buckets.
pub(crate) fn buckets(range: TimeRange, step: Option<Span>, target: Option<u32>) -> Result<Buckets, QueryError> {
    let target = target.unwrap_or(BUCKETS).max(1);
    let too_many = |asked: i128, part| QueryError::TooMany {
        part,
        what: "buckets",
        asked: u64::try_from(asked).unwrap_or(u64::MAX),
        max: BUCKETS_MAX.into(),
        advice: ": take a shorter range or a larger step",
    };
    if target > BUCKETS_MAX {
        return Err(too_many(target.into(), "buckets"));
    }
    let fits = |step: &i64| count(range, *step) <= target.into();
    let step = step.map_or_else(|| LADDER.into_iter().find(fits).unwrap_or(24 * HOUR), |step| step.0);
    let needed = count(range, step);
    let origin = range.from.checked_sub(range.from.rem_euclid(step));
    match (u32::try_from(needed), origin) {
        (Ok(count), Some(origin)) if count <= BUCKETS_MAX => Ok(Buckets { origin, step, count }),
        _ => Err(too_many(needed, "step")),
    }
}

/// Buckets of `step` that `range` meets.
fn count(range: TimeRange, step: i64) -> i128 {
    let bucket = |at: i64| i128::from(at.div_euclid(step));
    bucket(range.to.saturating_sub(1)) - bucket(range.from) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_fit_the_range() {
        let day = 24 * HOUR;
        for (from, to, step, target, expected) in [
            (0, HOUR, None, Some(60), (0, MINUTE, 60)),
            (0, HOUR, None, Some(59), (0, 2 * MINUTE, 30)),
            (0, HOUR, None, None, (0, 30 * SECOND, 120)),
            (30, HOUR + 30, None, Some(60), (0, 2 * MINUTE, 31)),
            (-30, 30, Some(60), None, (-60, 60, 2)),
            (61, 119, Some(60), None, (60, 60, 1)),
            (0, 1, None, None, (0, 100 * MILLI, 1)),
            (0, 1000 * day, None, Some(10), (0, day, 1000)),
        ] {
            let found = buckets(TimeRange { from, to }, step.map(Span), target);
            let found = found.map(|b| (b.origin, b.step, b.count)).expect("it fits the limit");
            assert_eq!(found, expected, "{from}..{to} {step:?} {target:?}");
        }
    }

    #[test]
    fn too_many_are_refused_with_the_limit() {
        let refused = |range, step: Option<i64>, target| {
            buckets(range, step.map(Span), target).expect_err("too many").to_string()
        };
        let hour = TimeRange { from: 0, to: HOUR };
        let message = "36000 buckets were asked for, at most 10000 are answered: take a shorter range or a larger step";
        assert_eq!(refused(hour, Some(100 * MILLI), None), message);
        assert!(refused(hour, None, Some(10_001)).contains("10001"));
        assert!(refused(TimeRange::ALL, None, None).contains("at most 10000"));
        assert!(refused(TimeRange { from: i64::MIN, to: i64::MIN + 9 }, None, None).contains("at most 10000"));
    }
}
