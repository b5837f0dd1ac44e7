//! What the column `sketch` of points holds: histograms and distinct counters as bytes, and what adds them up.
//!
//! No bytes are nothing. Otherwise the first byte says what follows; equal contents have equal bytes.
//!
//! | first byte | what it is | what follows |
//! |---|---|---|
//! | 1 | a histogram | numbers as LEB128: see [`Histogram::to_bytes`] |
//! | 2 | a distinct counter with at most 512 registers in use | for each of them, ascending, its number (2 bytes, lowest first) and its rank (1 byte) |
//! | 3 | a distinct counter with more | the rank of each of the 4 096 registers (1 byte) |
//!
//! Bytes come from agents and from disks: whatever they are, adding them gives a sum or counts them as unread.

use crate::distinct::{Distinct, LISTED_MAX, REGISTERS};
use crate::histogram::Histogram;

/// Registers one by one.
const LISTED: u8 = 2;
/// All registers.
const PLAIN: u8 = 3;

impl Distinct {
    /// As bytes; none of an empty counter.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let used = self.registers().count();
        if used == 0 {
            return Vec::new();
        }
        if used <= LISTED_MAX {
            let registers = self.registers().flat_map(|(number, rank)| {
                let [low, high] = number.to_le_bytes();
                [low, high, rank]
            });
            return std::iter::once(LISTED).chain(registers).collect();
        }
        let mut bytes = vec![0; REGISTERS + 1];
        bytes[0] = PLAIN;
        self.registers().for_each(|(number, rank)| bytes[usize::from(number) + 1] = rank);
        bytes
    }

    /// What [`Self::to_bytes`] wrote; `None` when these bytes are no distinct counter.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let Some((format, rest)) = bytes.split_first() else { return Some(Self::new()) };
        match *format {
            LISTED if rest.len().is_multiple_of(3) && rest.len() <= 3 * LISTED_MAX => {
                let (triples, _) = rest.as_chunks::<3>();
                Self::from_registers(triples.iter().map(|&[low, high, rank]| (u16::from_le_bytes([low, high]), rank)))
                    .ok()
            }
            PLAIN if rest.len() == REGISTERS => {
                let used = (0..).zip(rest.iter().copied()).filter(|&(_, rank)| rank != 0);
                Self::from_registers(used).ok()
            }
            _ => None,
        }
    }
}

/// The sum of any number of sketches, of either kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Of all histograms.
    pub histogram: Histogram,
    /// Of all distinct counters.
    pub distinct: Distinct,
    /// How many could not be read: a newer program wrote them, or they are damaged. They are missing in the sum.
    pub unread: u64,
}

impl Sketch {
    /// Adds what the bytes hold.
    pub fn add(&mut self, bytes: &[u8]) {
        match bytes.first() {
            None => {}
            Some(&(LISTED | PLAIN)) => match Distinct::from_bytes(bytes) {
                Some(distinct) => self.distinct.merge(&distinct),
                None => self.unread += 1,
            },
            Some(_) => self.unread += u64::from(self.histogram.merge_bytes(bytes).is_err()),
        }
    }

    /// Adds another sum: exact, in any order and grouping.
    pub fn merge(&mut self, other: &Self) {
        self.histogram.merge(&other.histogram);
        self.distinct.merge(&other.distinct);
        self.unread += other.unread;
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn distinct(hashes: &[u64]) -> Distinct {
        let mut counter = Distinct::new();
        // Well mixed, as the counter asks for.
        hashes.iter().for_each(|hash| counter.insert(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        counter
    }

    #[test]
    fn what_is_no_counter_is_counted_as_unread() {
        let full = [&[PLAIN][..], &[1; REGISTERS]].concat();
        assert!(Distinct::from_bytes(&full).is_some());
        for bad in [
            &[LISTED, 0][..],
            &[LISTED, 0, 0, 0],
            &[LISTED, 0, 0, 54],
            &[LISTED, 0, 16, 1],
            &[PLAIN],
            &[PLAIN; REGISTERS + 1][..REGISTERS],
            &[255; REGISTERS + 1],
            &[4],
            &[1],
        ] {
            assert_eq!(Distinct::from_bytes(bad), None, "{bad:?}");
            let mut sum = Sketch::default();
            sum.add(bad);
            assert_eq!(sum, Sketch { unread: 1, ..Sketch::default() }, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn bytes_give_the_counter_back(hashes in vec(any::<u64>(), 0..1500)) {
            let counter = distinct(&hashes);
            prop_assert_eq!(Distinct::from_bytes(&counter.to_bytes()), Some(counter));
        }

        #[test]
        fn any_bytes_are_a_counter_or_none(format in 0_u8..5, bytes in vec(any::<u8>(), 0..40)) {
            let bytes = [&[format][..], &bytes].concat();
            let mut sum = Sketch::default();
            sum.add(&bytes);
            if let Some(counter) = Distinct::from_bytes(&bytes) {
                prop_assert_eq!(Distinct::from_bytes(&counter.to_bytes()), Some(counter));
            }
        }

        #[test]
        fn sums_do_not_depend_on_grouping(values in vec((any::<u64>(), any::<bool>()), 0..40), at in any::<prop::sample::Index>()) {
            let bytes: Vec<Vec<u8>> = values.iter().map(|&(value, counted)| {
                let mut histogram = Histogram::new();
                histogram.record(value);
                if counted { distinct(&[value]).to_bytes() } else { histogram.to_bytes() }
            }).collect();
            let sum = |all: &[Vec<u8>]| {
                let mut sum = Sketch::default();
                all.iter().for_each(|bytes| sum.add(bytes));
                sum
            };
            let (one, other) = bytes.split_at(at.index(bytes.len() + 1));
            let mut merged = sum(other);
            merged.merge(&sum(one));
            prop_assert_eq!(merged, sum(&bytes));
        }
    }
}
