//! Roll-ups: the points of a series in a minute, or in an hour, as one row.
//!
//! The tables `points_1m` and `points_1h` have the columns of `points`. What is added up exactly is one row: counts and sums, the
//! smallest, the largest and the newest reading, sketches. `start` of a row is that of its newest point, so that it lies inside
//! the window and "the newest" stays exact. A series may have several rows in a window: each part of points is rolled up
//! once, in the edit that says so of it ([`crate::part::PartMeta::rolled`]), and merging makes one row of several. So
//! points that come late count, and a crash counts none twice.
//!
//! A question is answered by the coarsest rows that give the same answer ([`grain`]): those inside whole windows, finer ones
//! at the ends of the range, and points that were not rolled up ([`view`]).

mod combine;

use arachne_filter::{Field, Predicate};
use arachne_model::table::{PointRow, ROLLED, ROLLED_STEPS, Row as _};
use arachne_store::{CountMode, GroupRequest, Key, Means, Measure, Number, TimeRange};

pub(crate) use combine::Combiner;

use crate::part::Part;
use crate::snapshot::TableSnapshot;

/// Columns that all points of a row share.
const SHARED: [&str; 5] = ["name", "kind", "unit", "labels", "agent"];

/// The widest windows that answer a question exactly, where there are such, as a place in [`ROLLED`].
pub(crate) fn grain(request: &GroupRequest) -> Option<usize> {
    let table = PointRow::TABLE;
    let selection = &request.selection;
    let shared = |column: &usize| SHARED.iter().any(|name| table.column(name) == Some(*column));
    let is = |number: &Number, names: &[&str]| match number {
        Number::Column(column) => names.iter().any(|name| table.column(name) == Some(*column)),
        Number::Computed(_) => false,
    };
    let measured = |measure: &Measure| match measure {
        Measure::Sum(number) => is(number, &["sum", "count"]),
        Measure::Min(number) => is(number, &["min"]),
        Measure::Max(number) => is(number, &["max", "start"]),
        Measure::Last(number) => is(number, &["last"]),
        Measure::Sketch(column) => table.column("sketch") == Some(*column),
        Measure::Means(Means { sum, count, of }) => {
            let added = |column: &usize| is(&Number::Column(*column), &["sum", "count"]);
            added(sum) && added(count) && of.iter().all(shared)
        }
        Measure::Count | Measure::Outcomes | Measure::Histogram(_) => false,
    };
    let keyed = |key: &Key| match key {
        Key::Column(column) => shared(column),
        Key::Header(..) | Key::Bucket(_) => true,
        Key::Class(_) | Key::Caller(_) | Key::Buckets(_) => false,
    };
    let exact = selection.table.name == table.name
        && selection.mode == CountMode::Start
        && request.keys.iter().all(keyed)
        && request.measures.iter().all(measured)
        && about(&selection.predicate, &shared);
    let whole = |step: i64| {
        request.keys.iter().all(|key| match key {
            Key::Bucket(buckets) => buckets.step % step == 0 && buckets.origin.rem_euclid(step) == 0,
            _ => true,
        })
    };
    exact.then(|| ROLLED_STEPS.iter().rposition(|step| whole(*step))).flatten()
}

/// Whether a predicate looks at nothing but `columns` and labels.
fn about(predicate: &Predicate, columns: &dyn Fn(&usize) -> bool) -> bool {
    match predicate {
        Predicate::All => true,
        Predicate::And(parts) | Predicate::Or(parts) => parts.iter().all(|part| about(part, columns)),
        Predicate::Not(part) => about(part, columns),
        Predicate::Is(Field::Column(column), _) => columns(column),
        Predicate::Is(Field::Header(..), _) => true,
        Predicate::Is(Field::Computed(_) | Field::AnyText, _) => false,
    }
}

/// Rows of one width: the place in [`ROLLED`], the width of its windows, and when the oldest of them begins.
#[derive(Clone, Copy, Debug)]
struct Level {
    place: usize,
    step: i64,
    oldest: i64,
}

/// Where the rows of a range are taken from, each from one level; `None` is the points themselves.
type Cover = Vec<(Option<usize>, TimeRange)>;

/// What answers a question over `range` with windows of at most [`ROLLED_STEPS`]`[grain]`, and the width of the widest that were
/// used, in nanoseconds; 0 for points alone. `rolled` is in the order of [`ROLLED`].
pub(crate) fn view(
    points: &TableSnapshot,
    rolled: [&TableSnapshot; ROLLED.len()],
    range: TimeRange,
    grain: usize,
) -> (TableSnapshot, i64) {
    let of_rolled = points.parts.iter().filter(|part| part.meta.rolled);
    let levels: Vec<Level> = (0..=grain)
        .rev()
        .map(|place| Level { place, step: ROLLED_STEPS[place], oldest: oldest(rolled[place].parts.iter()) })
        .collect();
    let cover = cover(range, &levels, oldest(of_rolled.clone()));
    let mut parts: Vec<Part> = points.parts.iter().filter(|part| !part.meta.rolled).cloned().collect();
    let mut lost = points.lost.clone();
    let mut widest = 0;
    for (level, range) in cover {
        match level {
            None => parts.extend(of_rolled.clone().filter_map(|part| part.cut(range))),
            Some(place) => {
                let before = parts.len();
                parts.extend(rolled[place].parts.iter().filter_map(|part| part.cut(range)));
                if parts.len() > before {
                    widest = widest.max(ROLLED_STEPS[place]);
                }
                let also =
                    rolled[place].lost.iter().filter(|one| one.start_min < range.to && one.end_max >= range.from);
                lost.extend(also.cloned());
            }
        }
    }
    (TableSnapshot { table: points.table, parts, memory: points.memory.clone(), lost }, widest)
}

fn oldest<'a>(parts: impl Iterator<Item = &'a Part>) -> i64 {
    parts.map(|part| part.meta.start_min).min().unwrap_or(i64::MAX)
}

/// Covers a range: `levels` the widest first, then points, of which the oldest that were rolled up begin at `points`.
fn cover(range: TimeRange, levels: &[Level], points: i64) -> Cover {
    if range.from >= range.to {
        return Vec::new();
    }
    let Some((level, finer)) = levels.split_first() else { return vec![(None, range)] };
    let Level { place, step, oldest } = *level;
    let window = |at: i64| at.div_euclid(step);
    // Retention may have taken what is finer, never what is not there to be taken.
    let finer_oldest = finer.iter().map(|level| level.oldest).chain([points]).min().unwrap_or(i64::MAX);
    let gone = |at: i64| window(finer_oldest) > window(at) && window(oldest) < window(finer_oldest);
    let begin = |window: i64| window.saturating_mul(step);
    let mut from = begin(window(range.from.saturating_sub(1)).saturating_add(1));
    if window(oldest) > window(finer_oldest) {
        // A quota took it from this level before it took what is finer.
        from = from.max(begin(window(oldest.saturating_sub(1)).saturating_add(1)));
    }
    let to = begin(window(range.to));
    if from >= to {
        return cover(range, finer, points);
    }
    let mut all = vec![(Some(place), TimeRange { from, to })];
    let first = TimeRange { from: range.from, to: from };
    let last = TimeRange { from: to, to: range.to };
    for (end, at) in [(first, first.from), (last, last.from)] {
        if end.from < end.to && gone(at) {
            all.push((Some(place), end));
        } else {
            all.extend(cover(end, finer, points));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: i64 = 60;
    const H: i64 = 3600;

    /// What covers `[from, to)`: the width of the windows, 0 for points, with the range; by time.
    fn covered(range: (i64, i64), oldest: [i64; 2], points: i64) -> Vec<(i64, i64, i64)> {
        let levels = [Level { place: 1, step: H, oldest: oldest[1] }, Level { place: 0, step: M, oldest: oldest[0] }];
        let cover = cover(TimeRange { from: range.0, to: range.1 }, &levels, points);
        let width = |place: Option<usize>| place.map_or(0, |place| [M, H][place]);
        let mut all: Vec<_> = cover.into_iter().map(|(level, range)| (range.from, range.to, width(level))).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn whole_windows_are_taken_where_they_are_and_finer_ones_at_the_ends() {
        let all = covered((H - 90, 3 * H + 70), [5, 5], 5);
        assert_eq!(
            all,
            [(H - 90, H - M, 0), (H - M, H, M), (H, 3 * H, H), (3 * H, 3 * H + M, M), (3 * H + M, 3 * H + 70, 0)]
        );
        assert_eq!(covered((10, 50), [5, 5], 5), [(10, 50, 0)], "no window is whole");
        assert_eq!(covered((M, 2 * M), [5, 5], 5), [(M, 2 * M, M)]);
        assert_eq!(covered((10, 10), [5, 5], 5), []);
        let everything = covered((i64::MIN, i64::MAX), [5, 5], 5);
        assert_eq!((everything.first().map(|c| c.0), everything.last().map(|c| c.1)), (Some(i64::MIN), Some(i64::MAX)));
        assert!(everything.windows(2).all(|pair| pair[0].1 == pair[1].0), "no gap, nothing twice: {everything:?}");
    }

    #[test]
    fn what_retention_took_comes_from_wider_windows() {
        let (day, now) = (24 * H, 100 * H);
        // Points of the last day, minutes of the last two, hours of all.
        let kept = ([now - 2 * day, 5], now - day);
        let old = covered((90, 2 * H + 90), kept.0, kept.1);
        assert_eq!(old, [(90, H, H), (H, 2 * H, H), (2 * H, 2 * H + 90, H)]);
        let middle = covered((now - 30 * H - 90, now - 29 * H), kept.0, kept.1);
        assert_eq!(
            middle,
            [
                (now - 30 * H - 90, now - 30 * H - M, M),
                (now - 30 * H - M, now - 30 * H, M),
                (now - 30 * H, now - 29 * H, H)
            ]
        );
        let young = covered((now - 90, now), kept.0, kept.1);
        assert_eq!(young, [(now - 90, now - M, 0), (now - M, now, M)]);
        let quota = covered((H, 3 * H), [5, 2 * H + 5], 5);
        assert_eq!(quota, [(H, 3 * H, M)], "hours that are not there are made of minutes");
        assert_eq!(covered((H, 4 * H), [5, 2 * H + 5], 5), [(H, 3 * H, M), (3 * H, 4 * H, H)]);
    }
}
