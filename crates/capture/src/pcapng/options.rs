//! Options behind the fixed part of a block. Never read beyond the block, whatever their lengths say.
//!
//! Source: section 3.5.

use crate::order::ByteOrder;
use crate::summary::{FileSummary, Warning};

/// `opt_comment`, in any block.
pub(crate) const COMMENT: u16 = 1;

/// The options in the rest of a block, without padding. Ends at the end mark, at the end of the block, or at an option
/// that claims more than there is.
#[derive(Clone, Debug)]
pub(crate) struct Options<'a> {
    order: ByteOrder,
    rest: &'a [u8],
    /// Whether an option claimed more than there is.
    pub lied: bool,
}

impl<'a> Options<'a> {
    pub const fn new(order: ByteOrder, rest: &'a [u8]) -> Self {
        Self { order, rest, lied: false }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.rest.split_first_chunk::<4>()?;
        let [a, b, c, d] = *head;
        let (code, length) = (self.order.u16([a, b]), usize::from(self.order.u16([c, d])));
        self.rest = &[];
        if code == 0 {
            return None;
        }
        let Some(value) = rest.get(..length) else {
            self.lied = true;
            return None;
        };
        // The padding of the last option may be missing.
        self.rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

/// Walks over the options of a block, counts its comments and hands the others to `each`.
pub(crate) fn for_each(
    order: ByteOrder,
    rest: &[u8],
    summary: &mut FileSummary,
    mut each: impl FnMut(&mut FileSummary, u16, &[u8]),
) {
    let mut options = Options::new(order, rest);
    for (code, value) in options.by_ref() {
        match code {
            COMMENT => summary.comments += 1,
            _ => each(summary, code, value),
        }
    }
    if options.lied {
        summary.warn(Warning::OptionLength, || {
            "an option claims more bytes than its block has, it and what follows it in the block are ignored".to_owned()
        });
    }
}

/// Counts the comments among the options of a block.
pub(crate) fn count_comments(order: ByteOrder, rest: &[u8], summary: &mut FileSummary) {
    for_each(order, rest, summary, |_, _, _| {});
}

#[cfg(test)]
mod tests {
    use super::Options;
    use crate::order::ByteOrder::{Big, Little};

    #[test]
    fn options_end_where_the_block_ends() {
        type Case = (&'static [u8], &'static [(u16, &'static [u8])], bool);
        let cases: &[Case] = &[
            (b"", &[], false),
            (b"\x01\x00\x02\x00ab..\x02\x00\x00\x00\x00\x00\x00\x00junk", &[(1, b"ab"), (2, b"")], false),
            (b"\x09\x00\x01\x00\x06", &[(9, b"\x06")], false),
            (b"\x02\x00\x04\x00abcd", &[(2, b"abcd")], false),
            (b"\x02\x00\x04\x00abcd\x09\x00", &[(2, b"abcd")], false),
            (b"\x02\x00\x60\xeaabcd", &[], true),
        ];
        for (bytes, expected, lied) in cases {
            let mut options = Options::new(Little, bytes);
            assert_eq!(options.by_ref().collect::<Vec<_>>(), *expected, "{bytes:?}");
            assert_eq!(options.lied, *lied, "{bytes:?}");
        }
        assert_eq!(Options::new(Big, b"\x00\x02\x00\x01a...").collect::<Vec<_>>(), [(2, &b"a"[..])]);
    }
}
