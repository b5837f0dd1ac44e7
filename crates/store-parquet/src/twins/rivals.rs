//! Who beats whom among the rows of one wire key.

use std::collections::{BTreeMap, HashMap};

use arachne_store::TWINS_APART_MAX;

/// Smaller beats larger: the vantage nearest to the server, then the smaller source.
pub(crate) type Rank<'a> = (u8, &'a str);

/// Rows of one wire key by who saw them. However many there are, a row is compared with the nearest of each other source only:
/// who repeats a key before several agents makes no more work and no more to keep than rows.
#[derive(Debug, Default)]
pub(crate) struct Rivals<'a>(BTreeMap<Rank<'a>, Vec<i64>>);

impl<'a> Rivals<'a> {
    /// Of ranks and starts.
    pub fn of(rows: impl IntoIterator<Item = (Rank<'a>, i64)>) -> Self {
        let mut all = Self::default();
        rows.into_iter().for_each(|(rank, start)| all.0.entry(rank).or_default().push(start));
        all.0.values_mut().for_each(|starts| starts.sort_unstable());
        all
    }

    /// Those that beat a row that starts at `start`: of each rank the start of the nearest.
    pub fn beating(&self, own: Rank<'a>, start: i64) -> impl Iterator<Item = (Rank<'a>, i64)> {
        let better = self.0.range(..own).filter(move |((_, source), _)| *source != own.1);
        better.filter_map(move |(rank, starts)| Some((*rank, nearest(starts, start)?)))
    }
}

/// The nearest of ascending starts that is near enough.
fn nearest(starts: &[i64], start: i64) -> Option<i64> {
    let after = starts.partition_point(|other| *other < start);
    let around = starts[after.saturating_sub(1)..].iter().take(2).copied();
    around.min_by_key(|other| other.abs_diff(start)).filter(|other| near(*other, start))
}

/// Whether rows that start then can be twins.
pub(crate) const fn near(a: i64, b: i64) -> bool {
    a.abs_diff(b) <= TWINS_APART_MAX.unsigned_abs()
}

/// Numbers of ranks: there are few of them.
#[derive(Debug, Default)]
pub(crate) struct Ranks {
    numbers: BTreeMap<u8, HashMap<String, u32>>,
    all: Vec<(u8, String)>,
}

impl Ranks {
    /// The number of a rank.
    pub fn number(&mut self, (vantage, source): Rank<'_>) -> u32 {
        let numbers = self.numbers.entry(vantage).or_default();
        if let Some(known) = numbers.get(source) {
            return *known;
        }
        // There are no more of them than rows of parts.
        let new = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        numbers.insert(source.to_owned(), new);
        self.all.push((vantage, source.to_owned()));
        new
    }

    /// The rank with this number.
    pub fn rank(&self, number: u32) -> Rank<'_> {
        self.all.get(number as usize).map_or((u8::MAX, ""), |(vantage, source)| (*vantage, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_of_each_better_source_beats() {
        let rivals = Rivals::of([((0, "s"), 50), ((0, "s"), 10), ((1, "b"), 12), ((2, "c"), 11), ((0, "c"), 11)]);
        let beating = |rank, start| rivals.beating(rank, start).collect::<Vec<_>>();
        assert_eq!(beating((2, "c"), 31), [((0, "s"), 50), ((1, "b"), 12)], "a source does not beat itself");
        assert_eq!(beating((0, "a"), 31), []);
        assert_eq!(beating((3, "z"), i64::MAX), []);
        assert_eq!(beating((1, "b"), 50 + TWINS_APART_MAX), [((0, "s"), 50)]);
    }
}
