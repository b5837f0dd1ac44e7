//! Rows of points in their order, added up by series and window.

use arachne_aggregate::distinct::Distinct;
use arachne_aggregate::histogram::Histogram;
use arachne_model::table::PointRow;

/// What a sketch holds.
#[derive(Debug)]
enum Held {
    Nothing,
    Histogram(Box<Histogram>),
    Distinct(Box<Distinct>),
    /// Nobody can read it: it stays as it is, in a row of its own, and counts as unread.
    Unread,
}

impl Held {
    fn of(bytes: &[u8]) -> Self {
        match bytes.first() {
            None => Self::Nothing,
            // A histogram begins with 1, see `arachne_aggregate::sketch`.
            Some(1) => Histogram::from_bytes(bytes).map_or(Self::Unread, |read| Self::Histogram(Box::new(read))),
            Some(_) => Distinct::from_bytes(bytes).map_or(Self::Unread, |read| Self::Distinct(Box::new(read))),
        }
    }
}

/// A row under way.
#[derive(Debug)]
struct Sum {
    row: PointRow,
    held: Held,
    /// Whether more than one point is in it.
    several: bool,
}

impl Sum {
    /// Adds a point; gives it back where the sum would not be exact in one row.
    fn add(&mut self, row: PointRow, held: Held) -> Option<(PointRow, Held)> {
        let most = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
        let count = self.row.count.checked_add(row.count).filter(|count| *count <= most);
        let (Some(count), Some(sum)) = (count, self.row.sum.checked_add(row.sum)) else { return Some((row, held)) };
        match (&mut self.held, held) {
            (Held::Nothing, Held::Nothing) => {}
            (Held::Histogram(mine), Held::Histogram(theirs)) => mine.merge(&theirs),
            (Held::Distinct(mine), Held::Distinct(theirs)) => mine.merge(&theirs),
            (_, held) => return Some((row, held)),
        }
        let mine = &mut self.row;
        (mine.count, mine.sum) = (count, sum);
        mine.min = [mine.min, row.min].into_iter().flatten().min();
        mine.max = mine.max.max(row.max);
        // The newest reading keeps its instant; points without one have no say in that.
        let newest = |row: &PointRow| (row.last.is_some(), row.start, row.last);
        if newest(&row) > newest(mine) {
            (mine.start, mine.last) = (row.start, row.last);
        }
        self.several = true;
        None
    }

    fn done(self, width: i64) -> PointRow {
        let mut row = self.row;
        row.width = width;
        match self.held {
            Held::Histogram(histogram) if self.several => row.sketch = histogram.to_bytes(),
            Held::Distinct(distinct) if self.several => row.sketch = distinct.to_bytes(),
            _ => {}
        }
        row
    }
}

/// Adds up rows that come in the order of the table `points`, and gives rows in that order.
#[derive(Debug)]
pub(crate) struct Combiner {
    /// Width of the windows in nanoseconds.
    step: i64,
    /// Rows of one name, one set of labels and one window.
    sums: Vec<Sum>,
    /// Which of them had a point last: the next one is often that of the next point.
    last: usize,
}

impl Combiner {
    /// For windows of `step` nanoseconds, above 0.
    pub fn new(step: i64) -> Self {
        Self { step, sums: Vec::new(), last: 0 }
    }

    /// Adds a row; gives those that are complete to `out`.
    pub fn push(&mut self, row: PointRow, out: &mut dyn FnMut(PointRow)) {
        let same = |sum: &Sum| {
            sum.row.start.div_euclid(self.step) == row.start.div_euclid(self.step)
                && sum.row.labels == row.labels
                && sum.row.name == row.name
        };
        if self.sums.first().is_some_and(|sum| !same(sum)) {
            self.finish(out);
        }
        let mut held = Held::of(&row.sketch);
        let mut row = row;
        let (count, last) = (self.sums.len(), self.last);
        for at in (1..=count).map(|n| (last + n) % count) {
            let sum = &mut self.sums[at];
            if sum.row.agent != row.agent || sum.row.unit != row.unit || sum.row.kind != row.kind {
                continue;
            }
            match sum.add(row, held) {
                None => {
                    self.last = at;
                    return;
                }
                Some(back) => (row, held) = back,
            }
        }
        self.last = count;
        self.sums.push(Sum { row, held, several: false });
    }

    /// Gives what is left to `out`.
    pub fn finish(&mut self, out: &mut dyn FnMut(PointRow)) {
        let mut sums = std::mem::take(&mut self.sums);
        self.last = 0;
        sums.sort_by(|a, b| (a.row.start, &a.row.agent).cmp(&(b.row.start, &b.row.agent)));
        sums.into_iter().for_each(|sum| out(sum.done(self.step)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(start: i64, last: i64) -> PointRow {
        let some = Some(last);
        PointRow { start, count: 1, sum: last, min: some, max: some, last: some, ..PointRow::default() }
    }

    fn combined(rows: Vec<PointRow>) -> Vec<PointRow> {
        let (mut combiner, mut all) = (Combiner::new(60), Vec::new());
        rows.into_iter().for_each(|row| combiner.push(row, &mut |row| all.push(row)));
        combiner.finish(&mut |row| all.push(row));
        all
    }

    #[test]
    fn a_window_is_one_row_that_begins_with_its_newest_point() {
        let all = combined(vec![gauge(5, 9), gauge(10, 2), gauge(59, 4), gauge(60, 7)]);
        let first = PointRow { start: 59, count: 3, sum: 15, min: Some(2), max: Some(9), last: Some(4), ..gauge(0, 0) };
        assert_eq!(all, [PointRow { width: 60, ..first }, PointRow { width: 60, ..gauge(60, 7) }]);
        assert_eq!(combined(all.clone()), all, "again nothing changes");
    }

    #[test]
    fn what_cannot_be_one_row_stays_apart() {
        let of = |agent: &str| PointRow { agent: agent.to_owned(), ..gauge(1, 1) };
        assert_eq!(combined(vec![of("a"), of("b"), of("a"), of("b")]).len(), 2);
        let sketch = |sketch: &[u8]| PointRow { sketch: sketch.to_vec(), ..PointRow::default() };
        let unread = combined(vec![sketch(&[77, 1]), sketch(&[77, 1]), sketch(&[])]);
        assert_eq!(unread.iter().map(|row| row.sketch.len()).collect::<Vec<_>>(), [2, 2, 0]);
        let full = |sum: i64, count: u64| PointRow { sum, count, ..PointRow::default() };
        assert_eq!(combined(vec![full(i64::MAX, 1), full(1, 1), full(-1, 1)]).len(), 2, "no sum is cut");
        assert_eq!(combined(vec![full(0, u64::MAX), full(0, u64::MAX)]).len(), 2);
    }
}
