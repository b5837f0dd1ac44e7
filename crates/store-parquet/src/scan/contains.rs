//! Finding a text in all rows of a column at once.

use arachne_filter::TextTest;
use arrow::array::{Array as _, BooleanBufferBuilder, StringArray};
use arrow::buffer::BooleanBuffer;

/// Bytes of a column that are looked at to learn which bytes are rare in it.
const SAMPLE: usize = 4_096;

/// Which of the rows `asked` pass `test`, which all of them must contain `needle` for (lower case, not empty, ASCII letters
/// in either case).
///
/// Looks for the needle in the bytes of all rows together, and asks the test only where it stands.
pub(super) fn containing(column: &StringArray, test: &TextTest, needle: &str, asked: &BooleanBuffer) -> BooleanBuffer {
    let ends: Vec<usize> = column.value_offsets().iter().map(|end| usize::try_from(*end).unwrap_or_default()).collect();
    let mut found = BooleanBufferBuilder::new(column.len());
    found.append_n(column.len(), false);
    let (first, last) = (ends.first().copied().unwrap_or_default(), ends.last().copied().unwrap_or_default());
    let finder = Finder::new(&column.value_data()[..last], needle.as_bytes());
    let (mut row, mut from) = (0, first);
    while let Some(place) = finder.next(from) {
        row += ends[row + 1..].partition_point(|end| *end <= place);
        if place + needle.len() > ends[row + 1] {
            // It runs on into the next row.
            from = place + 1;
            continue;
        }
        if asked.value(row) && column.is_valid(row) && test.passes(column.value(row)) {
            found.set_bit(row, true);
        }
        from = ends[row + 1];
    }
    found.finish()
}

/// Finds a needle in a text by its rarest byte.
struct Finder<'a> {
    text: &'a [u8],
    needle: &'a [u8],
    /// The place of that byte in the needle.
    rare: usize,
}

impl<'a> Finder<'a> {
    fn new(text: &'a [u8], needle: &'a [u8]) -> Self {
        let mut counts = [0_u32; 256];
        text.iter().take(SAMPLE).for_each(|byte| counts[usize::from(byte.to_ascii_lowercase())] += 1);
        let rare = (0..needle.len()).min_by_key(|at| counts[usize::from(needle[*at])]).unwrap_or_default();
        Self { text, needle, rare }
    }

    /// Where it stands first from `from` on.
    fn next(&self, from: usize) -> Option<usize> {
        let wanted = *self.needle.get(self.rare)?;
        let from = from + self.rare;
        let hits = memchr::memchr2_iter(wanted, wanted.to_ascii_uppercase(), self.text.get(from..)?);
        let places = hits.map(|hit| from + hit - self.rare);
        let mut places = places.filter(|place| {
            let there = self.text.get(*place..*place + self.needle.len());
            there.is_some_and(|there| there.eq_ignore_ascii_case(self.needle))
        });
        places.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_the_test_finds(
            texts in prop::collection::vec(prop::option::of("[abAB/é]{0,6}"), 0..12),
            needle in "[ab/é]{1,3}",
            asked in prop::collection::vec(any::<bool>(), 12),
            exact in any::<bool>(),
            (skip, take) in (0_usize..4, 0_usize..12),
        ) {
            let column = StringArray::from_iter(texts);
            let skip = skip.min(column.len());
            let column = column.slice(skip, take.min(column.len() - skip));
            let asked = BooleanBuffer::collect_bool(column.len(), |row| asked[row]);
            let pattern = regex::Regex::new(&format!("^.?{needle}[^b]*$")).expect("no letter of it is special");
            let test = if exact { TextTest::Pattern(pattern) } else { TextTest::Contains(needle.clone()) };
            let found = containing(&column, &test, &needle, &asked);
            let expected = |row| asked.value(row) && column.is_valid(row) && test.passes(column.value(row));
            prop_assert_eq!(found, BooleanBuffer::collect_bool(column.len(), expected));
        }
    }
}
