//! Histograms as bytes, as the column `sketch` of points holds them. Equal histograms have equal bytes.
//!
//! A byte that says the format, then numbers as LEB128: zeros, the sum, and of each bucket in use, ascending, how far its
//! index lies above the one before (of the first: above [`INDEX_MIN`]) and its count.

use thiserror::Error;

use super::{Histogram, INDEX_MAX, INDEX_MIN};

/// Base-2 exponential at scale 5, as above.
const FORMAT: u8 = 1;
/// Buckets that are kept between looking whether bytes are in order and adding them: of more the bytes are read twice.
const KEPT: usize = 64;

/// Bytes that are no histogram: another format, or damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadBytes {
    /// The first byte names another format.
    #[error("a histogram in format {0}, and this program knows format 1: it was written by a newer one")]
    Format(u8),
    /// They end too early, or a number or an index is too large.
    #[error("a damaged histogram, at byte {0}")]
    Damaged(usize),
}

impl Histogram {
    /// As bytes; none of an empty histogram.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.is_empty() {
            return bytes;
        }
        bytes.push(FORMAT);
        write(&mut bytes, self.zeros().into());
        write(&mut bytes, self.sum());
        let mut next = INDEX_MIN;
        for (index, count) in self.buckets() {
            write(&mut bytes, index.abs_diff(next).into());
            write(&mut bytes, count.into());
            next = index + 1;
        }
        bytes
    }

    /// What [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`BadBytes`]; memory stays within that of one histogram whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadBytes> {
        let mut histogram = Self::new();
        histogram.merge_bytes(bytes)?;
        Ok(histogram)
    }

    /// Adds the histogram that these bytes are, which is not made for that: panels add millions of them.
    ///
    /// # Errors
    /// [`BadBytes`], and then nothing was added; memory as for [`Self::from_bytes`].
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), BadBytes> {
        if bytes.is_empty() {
            return Ok(());
        }
        let (mut count, mut span) = (0_u64, None);
        let (mut kept, mut used) = ([(0_i16, 0_u64); KEPT], 0);
        let (zeros, sum) = read(bytes, |index, n| {
            count = count.saturating_add(n);
            span = Some((span.map_or(index, |(low, _)| low), index));
            if let Some(place) = kept.get_mut(used) {
                *place = (index, n);
            }
            used += 1;
        })?;
        count = count.saturating_add(zeros);
        if count == 0 {
            return Err(BadBytes::Damaged(bytes.len()));
        }
        if let Some((low, high)) = span {
            self.cover(low, high);
        }
        self.zeros = self.zeros.saturating_add(zeros);
        self.count = self.count.saturating_add(count);
        self.sum = self.sum.saturating_add(sum);
        match kept.get(..used) {
            Some(all) => all.iter().for_each(|(index, n)| self.add(*index, *n)),
            None => drop(read(bytes, |index, n| self.add(index, n))?),
        }
        Ok(())
    }
}

/// The zeros and the sum; `each` gets index and count of each bucket in use, ascending.
fn read(bytes: &[u8], mut each: impl FnMut(i16, u64)) -> Result<(u64, u128), BadBytes> {
    let mut reader = Reader { bytes, at: 1 };
    match bytes.first() {
        Some(&FORMAT) => {}
        other => return Err(BadBytes::Format(other.copied().unwrap_or_default())),
    }
    let (zeros, sum) = (reader.small()?, reader.number()?);
    let mut next = i64::from(INDEX_MIN);
    while reader.at < bytes.len() {
        let index = i64::try_from(reader.small()?).ok().and_then(|gap| next.checked_add(gap));
        let index = index.and_then(|index| i16::try_from(index).ok()).filter(|index| *index <= INDEX_MAX);
        let index = index.ok_or(BadBytes::Damaged(reader.at))?;
        next = i64::from(index) + 1;
        let count = reader.small()?;
        if count != 0 {
            each(index, count);
        }
    }
    Ok((zeros, sum))
}

fn write(bytes: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Result<u128, BadBytes> {
        let mut number = 0;
        for shift in (0..128).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(BadBytes::Damaged(self.at))?;
            let part = u128::from(byte & 0x7f);
            if part.leading_zeros() < shift {
                return Err(BadBytes::Damaged(self.at));
            }
            self.at += 1;
            number |= part << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(BadBytes::Damaged(self.at))
    }

    #[inline]
    fn small(&mut self) -> Result<u64, BadBytes> {
        if let Some(byte) = self.bytes.get(self.at).filter(|byte| **byte < 0x80) {
            self.at += 1;
            return Ok(u64::from(*byte));
        }
        u64::try_from(self.number()?).map_err(|_| BadBytes::Damaged(self.at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_histogram_of_a_few_values_takes_a_few_bytes() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.to_bytes(), []);
        [0, 1, 1_000_000, 1_000_001].into_iter().for_each(|value| histogram.record(value));
        assert_eq!(histogram.to_bytes().len(), 10);
    }

    #[test]
    fn what_is_no_histogram_says_why() {
        let check = |bytes: &[u8], expected| assert_eq!(Histogram::from_bytes(bytes), Err(expected), "{bytes:?}");
        check(&[2], BadBytes::Format(2));
        check(&[1], BadBytes::Damaged(1));
        check(&[1, 0, 5], BadBytes::Damaged(3));
        check(&[1, 0, 0x80], BadBytes::Damaged(3));
        check(&[1, 0, 0, 0xff, 0xff, 0x7f, 1], BadBytes::Damaged(6));
        check(&[&[1, 0][..], &[0xff; 19]].concat(), BadBytes::Damaged(20));
    }

    proptest! {
        #[test]
        fn bytes_give_the_histogram_back(values: Vec<(u64, u32)>) {
            let mut histogram = Histogram::new();
            values.into_iter().for_each(|(value, count)| histogram.record_n(value, count.into()));
            prop_assert_eq!(Histogram::from_bytes(&histogram.to_bytes()), Ok(histogram));
        }

        #[test]
        fn bytes_are_added_as_what_they_are(mine: Vec<u64>, others: Vec<u64>) {
            let of = |values: &[u64]| {
                let mut histogram = Histogram::new();
                values.iter().for_each(|value| histogram.record(*value));
                histogram
            };
            let (mut added, mut merged) = (of(&mine), of(&mine));
            prop_assert_eq!(added.merge_bytes(&of(&others).to_bytes()), Ok(()));
            merged.merge(&of(&others));
            prop_assert_eq!(&added, &merged);
            let mut bad = of(&others).to_bytes();
            bad.push(0x80);
            prop_assert!(added.merge_bytes(&bad).is_err());
            prop_assert_eq!(added, merged, "nothing of what is no histogram");
        }

        #[test]
        fn any_bytes_are_a_histogram_or_an_error(bytes: Vec<u8>) {
            let bytes = [&[FORMAT], &bytes[..]].concat();
            if let Ok(histogram) = Histogram::from_bytes(&bytes) {
                prop_assert_eq!(Histogram::from_bytes(&histogram.to_bytes()), Ok(histogram));
            }
        }
    }
}
