//! Several keys of a row as one small number.

use super::intern::IntegerInterner;
use super::keys::DIRECT_MAX;

/// How the numbers of keys become one: those whose numbers are known beforehand by multiplying, the others, which stay the same for
/// many rows in a table that is sorted, by a number for each pair that occurs, then both together.
#[derive(Debug, Default)]
pub(super) struct Folds {
    /// By a number for each pair: the first keys but one.
    pairs: Vec<IntegerInterner>,
    /// Keys that are folded so.
    paired: usize,
    /// `folded * radix + code`: further keys but one.
    direct: Vec<u32>,
    /// Keys that are folded so.
    multiplied: usize,
    /// Of both.
    both: IntegerInterner,
}

/// What is folded, by row.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// What became of all keys; until then, of the first ones.
    pub rows: Vec<u32>,
    multiplied: Vec<u32>,
}

impl Folded {
    /// Makes room for rows.
    pub(super) fn clear(&mut self, rows: usize) {
        self.rows.clear();
        self.rows.resize(rows, 0);
    }
}

impl Folds {
    /// For keys with so many numbers, where known: those where it is not come first.
    pub(super) fn new(radixes: &[Option<u32>]) -> Self {
        let mut all = Some(1_u32);
        let fits = |radix: &&Option<u32>| {
            all = all.zip(**radix).and_then(|(all, radix)| all.checked_mul(radix));
            all = all.filter(|all| u64::from(*all) <= DIRECT_MAX);
            all.is_some()
        };
        let multiplied = radixes.iter().rev().take_while(fits).count();
        let paired = radixes.len() - multiplied;
        let pairs = (1..paired).map(|_| IntegerInterner::default()).collect();
        let direct = radixes.iter().skip(paired + 1).copied().map(Option::unwrap_or_default).collect();
        Self { pairs, paired, direct, multiplied, both: IntegerInterner::default() }
    }

    /// Folds the next key, that at place `at`, into each row's number.
    pub(super) fn fold(&mut self, at: usize, folded: &mut Folded, codes: &[u32]) {
        let Folded { rows, multiplied } = folded;
        match (at.checked_sub(self.paired), at) {
            (None, 0) => rows.copy_from_slice(codes),
            (None, at) => {
                let pairs = &mut self.pairs[at - 1];
                rows.iter_mut().zip(codes).for_each(|(row, code)| *row = pairs.number(pair(*row, *code)));
            }
            (Some(0), _) => {
                multiplied.clear();
                multiplied.extend_from_slice(codes);
            }
            (Some(step), _) => {
                let radix = self.direct[step - 1];
                multiplied.iter_mut().zip(codes).for_each(|(row, code)| *row = *row * radix + code);
            }
        }
        if at + 1 < self.paired + self.multiplied || self.multiplied == 0 {
            return;
        }
        if self.paired == 0 {
            std::mem::swap(rows, multiplied);
        } else {
            rows.iter_mut().zip(&*multiplied).for_each(|(row, code)| *row = self.both.number(pair(*row, *code)));
        }
    }

    /// The number of each key, in order.
    pub(super) fn unfolded(&self, folded: u32) -> Vec<u32> {
        let (mut first, mut last) = match (self.paired, self.multiplied) {
            (0, _) => (0, folded),
            (_, 0) => (folded, 0),
            _ => unpaired(self.both.value(folded)),
        };
        let mut codes = Vec::with_capacity(self.paired + self.multiplied);
        if self.multiplied > 0 {
            for radix in self.direct.iter().rev() {
                codes.push(last % radix);
                last /= radix;
            }
            codes.push(last);
        }
        if self.paired > 0 {
            for pairs in self.pairs.iter().rev() {
                let (before, code) = unpaired(pairs.value(first));
                codes.push(code);
                first = before;
            }
            codes.push(first);
        }
        codes.reverse();
        codes
    }

    /// Pairs remembered.
    pub(super) fn remembered(&self) -> usize {
        self.pairs.iter().chain([&self.both]).map(IntegerInterner::len).sum()
    }
}

/// Two small numbers as one.
pub(super) fn pair(one: u32, other: u32) -> u64 {
    u64::from(one) << 32 | u64::from(other)
}

/// What [`pair`] made one.
pub(super) fn unpaired(both: u64) -> (u32, u32) {
    ((both >> 32) as u32, (both & 0xffff_ffff) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_folded_comes_back() {
        let known = [Some(3), Some(7), Some(2)];
        let far = [None, Some(1 << 19), Some(1 << 19)];
        for radixes in [known, [None, Some(7), Some(2)], [None, None, Some(2)], [None; 3], far] {
            let mut folds = Folds::new(&radixes);
            let keys = [[0, 1, 2, 2], [6, 0, 1, 0], [1, 1, 0, 1]];
            let mut folded = Folded::default();
            // Twice: what was folded before does not matter.
            for _ in 0..2 {
                folded.clear(4);
                keys.iter().enumerate().for_each(|(at, codes)| folds.fold(at, &mut folded, codes));
                for row in 0..4 {
                    assert_eq!(folds.unfolded(folded.rows[row]), keys.map(|key| key[row]), "{radixes:?}");
                }
            }
            let same = |one: usize, other: usize| folded.rows[one] == folded.rows[other];
            assert!(!same(0, 1) && !same(1, 2) && !same(2, 3), "{radixes:?}");
        }
        assert_eq!(Folds::new(&[]).unfolded(0), [0; 0]);
    }
}
