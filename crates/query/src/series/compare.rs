//! The range that a range is compared with.

use arachne_store::{Buckets, TimeRange};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::error::QueryError;

/// What a range is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Compare {
    /// As long a range, right before.
    Previous,
    /// The same time of the day before, by the clock of the zone.
    Yesterday,
    /// The same time and weekday of the week before, by the clock of the zone.
    Week,
}

/// Moves instants back.
#[derive(Clone, Debug)]
pub(crate) struct Shift {
    compare: Compare,
    zone: TimeZone,
    /// What [`Compare::Previous`] goes back, in nanoseconds.
    length: i64,
}

impl Shift {
    /// For a range in buckets of `step`; `zone` is a name such as `Europe/Berlin`, empty for UTC.
    pub fn new(compare: Compare, zone: &str, range: TimeRange, step: i64) -> Result<Self, QueryError> {
        let zone = if zone.is_empty() { Ok(TimeZone::UTC) } else { TimeZone::get(zone) };
        let zone = zone.map_err(|error| QueryError::BadZone { reason: error.to_string() })?;
        let length = range.to.saturating_sub(range.from).max(1);
        // Whole buckets, so that the borders of both ranges fall together.
        let length = length.checked_add(step - 1).map_or(length, |length| length - length.rem_euclid(step));
        Ok(Self { compare, zone, length })
    }

    /// Where an instant lies in the other range. What no calendar has stays where it is.
    pub fn back(&self, at: i64) -> i64 {
        let by: Span = match self.compare {
            Compare::Previous => return at.saturating_sub(self.length),
            Compare::Yesterday => 1.day(),
            Compare::Week => 1.week(),
        };
        let moved = Timestamp::from_nanosecond(at.into()).ok().and_then(|instant| {
            let moved = instant.to_zoned(self.zone.clone()).checked_sub(by).ok()?;
            i64::try_from(moved.timestamp().as_nanosecond()).ok()
        });
        moved.unwrap_or(at)
    }

    /// The other range.
    pub fn range(&self, range: TimeRange) -> TimeRange {
        let from = self.back(range.from);
        TimeRange { from, to: self.back(range.to).max(from.saturating_add(1)) }
    }

    /// Buckets of the same width over the other range.
    pub fn buckets(&self, buckets: Buckets) -> Buckets {
        let origin = self.back(buckets.origin);
        let end = buckets.origin.saturating_add(buckets.step.saturating_mul(buckets.count.into()));
        let needed = self.back(end).saturating_sub(origin).max(1).div_euclid(buckets.step) + 1;
        Buckets { origin, step: buckets.step, count: u32::try_from(needed).unwrap_or(u32::MAX) }
    }

    /// For each bucket the number of that of the other range which has its time on the clock.
    pub fn places(&self, buckets: Buckets) -> Vec<usize> {
        let other = self.buckets(buckets);
        let place = |n: u32| {
            let start = buckets.origin.saturating_add(buckets.step.saturating_mul(n.into()));
            usize::try_from(self.back(start).saturating_sub(other.origin).div_euclid(other.step)).unwrap_or(usize::MAX)
        };
        (0..buckets.count).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn at(text: &str) -> i64 {
        let instant: Timestamp = text.parse().expect("an instant");
        i64::try_from(instant.as_nanosecond()).expect("it is near")
    }

    #[test]
    fn days_and_weeks_follow_the_clock_of_the_zone() {
        let range = TimeRange { from: 0, to: HOUR };
        for (compare, zone, from, expected) in [
            (Compare::Previous, "", "2026-03-29T12:00:00Z", "2026-03-29T11:00:00Z"),
            (Compare::Yesterday, "", "2026-03-29T12:00:00Z", "2026-03-28T12:00:00Z"),
            // Summer time began in the night.
            (Compare::Yesterday, "Europe/Berlin", "2026-03-29T10:00:00Z", "2026-03-28T11:00:00Z"),
            (Compare::Week, "Europe/Berlin", "2026-04-01T10:00:00Z", "2026-03-25T11:00:00Z"),
            (Compare::Week, "Europe/Berlin", "2026-10-28T10:00:00Z", "2026-10-21T09:00:00Z"),
            (Compare::Week, "Asia/Tokyo", "2026-10-28T10:00:00Z", "2026-10-21T10:00:00Z"),
        ] {
            let shift = Shift::new(compare, zone, range, HOUR).expect("a zone");
            assert_eq!(shift.back(at(from)), at(expected), "{compare:?} {zone} {from}");
        }
        assert!(matches!(Shift::new(Compare::Week, "Mars/Base", range, HOUR), Err(QueryError::BadZone { .. })));
        let shift = Shift::new(Compare::Week, "", range, HOUR).expect("a zone");
        assert_eq!(shift.back(i64::MAX), i64::MAX - 7 * 24 * HOUR);
        assert_eq!(shift.back(i64::MIN), i64::MIN, "before the calendar of 64 bits");
    }

    #[test]
    fn buckets_of_a_short_day_are_found_by_the_clock() {
        // A day of 23 hours beside one of 24.
        let (from, to) = (at("2026-03-28T23:00:00Z"), at("2026-03-29T22:00:00Z"));
        let range = TimeRange { from, to };
        let shift = Shift::new(Compare::Yesterday, "Europe/Berlin", range, HOUR).expect("a zone");
        let buckets = Buckets { origin: from, step: HOUR, count: 23 };
        assert_eq!(shift.range(range), TimeRange { from: at("2026-03-27T23:00:00Z"), to: at("2026-03-28T23:00:00Z") });
        // From three in the morning on the hour of yesterday is one further behind.
        let places = shift.places(buckets);
        assert_eq!((places[0], places[1], places[2], places[22]), (0, 1, 3, 23));
        assert!(shift.buckets(buckets).count >= 24);
    }
}
