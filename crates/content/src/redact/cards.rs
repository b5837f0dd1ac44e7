//! Card numbers: digits that an issuer could have printed, with a valid check digit.
//!
//! Digits may stand in groups with single spaces or dashes between them. A number inside a longer run of digits or
//! letters is something else, and so is one whose check digit is wrong. Sources: ISO/IEC 7812-1 (Luhn, issuer
//! identification numbers), the issuers' published ranges.

use std::ops::Range;

use super::edits::Edits;
use super::secret::opens_mark;
use super::{Core, Scan};

/// The fewest and the most digits of a card number.
const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

/// At a cut, so many digits of an issuer's range may be the start of a card number. Six may be shown by anybody's rule.
const CUT_DIGITS_MIN: usize = 7;

/// First and last prefix of four digits, and the lengths of numbers that start so.
const ISSUERS: &[(u32, u32, &[usize])] = &[
    (2221, 2720, &[16]),             // Mastercard
    (3000, 3059, &[14]),             // Diners Club
    (3095, 3095, &[14]),             // Diners Club
    (3400, 3499, &[15]),             // American Express
    (3528, 3589, &[16, 17, 18, 19]), // JCB
    (3600, 3699, &[14]),             // Diners Club
    (3700, 3799, &[15]),             // American Express
    (3800, 3999, &[14]),             // Diners Club
    (4000, 4999, &[13, 16, 19]),     // Visa
    (5018, 5018, &[16, 17, 18, 19]), // Maestro
    (5020, 5020, &[16, 17, 18, 19]), // Maestro
    (5038, 5038, &[16, 17, 18, 19]), // Maestro
    (5100, 5599, &[16]),             // Mastercard
    (5893, 5893, &[16, 17, 18, 19]), // Maestro
    (6011, 6011, &[16, 17, 18, 19]), // Discover
    (6200, 6299, &[16, 17, 18, 19]), // UnionPay
    (6304, 6304, &[16, 17, 18, 19]), // Maestro
    (6440, 6599, &[16, 17, 18, 19]), // Discover
    (6759, 6763, &[16, 17, 18, 19]), // Maestro
];

/// The groups in which issuers print numbers; parts of a longer row of groups must look so.
const PRINTED: &[&[usize]] = &[&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3], &[6, 13], &[4, 4, 4, 1]];

/// Whether digits (values 0 to 9) are a card number.
fn is_card(digits: &[u8]) -> bool {
    let lengths = issuer(digits);
    lengths.is_some_and(|lengths| lengths.contains(&digits.len())) && luhn(digits)
}

/// The lengths of numbers that start with these digits.
fn issuer(digits: &[u8]) -> Option<&'static [usize]> {
    let prefix = digits.get(..4)?.iter().fold(0, |sum, &digit| sum * 10 + u32::from(digit));
    ISSUERS.iter().find(|(first, last, _)| (*first..=*last).contains(&prefix)).map(|(_, _, lengths)| *lengths)
}

fn luhn(digits: &[u8]) -> bool {
    let doubled = |digit: u8| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(n, &d)| u32::from(if n % 2 == 1 { doubled(d) } else { d })).sum();
    sum.is_multiple_of(10)
}

fn in_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b' ' | b'-')
}

impl Core {
    /// Hides the card numbers of a text. `at` is its offset in the edited text.
    ///
    /// A number has so many bytes that it is enough to look at one of so many, until one could be inside a number.
    pub(super) fn cards(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let digits_min = if scan.cut { CUT_DIGITS_MIN } else { DIGITS_MIN };
        let mut done = 0;
        let mut probe = digits_min - 1;
        while probe < text.len() {
            if !in_number(text[probe]) {
                probe += digits_min;
                continue;
            }
            let start = probe - text[done..probe].iter().rev().take_while(|byte| in_number(**byte)).count();
            let end = probe + text[probe..].iter().take_while(|byte| in_number(**byte)).count();
            if text[start..end].iter().filter(|byte| byte.is_ascii_digit()).count() >= digits_min {
                self.rows(text, start..end, at, scan, edits);
            }
            done = end;
            probe = end + digits_min;
        }
    }

    /// Cuts digits, spaces and dashes into rows of groups with single separators.
    fn rows(&self, text: &[u8], range: Range<usize>, at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let length = text[start..range.end].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if length == 0 {
                start += 1;
                continue;
            }
            if groups.last().is_some_and(|last| last.end + 1 != start) {
                self.row(text, &groups, at, scan, edits);
                groups.clear();
            }
            groups.push(start..start + length);
            start += length;
        }
        self.row(text, &groups, at, scan, edits);
    }

    /// Hides the numbers in one row of groups.
    fn row(&self, text: &[u8], groups: &[Range<usize>], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let mut first = 0;
        while first < groups.len() {
            let taken = (first + 1..=groups.len().min(first + DIGITS_MAX))
                .rev()
                .find(|&last| self.is_number(text, groups, first..last, scan));
            if let Some(last) = taken {
                let range = groups[first].start..groups[last - 1].end;
                let digits: Vec<u8> = text[range.clone()].iter().copied().filter(u8::is_ascii_digit).collect();
                edits.push(at + range.start..at + range.end, self.mark(&digits));
            }
            first = taken.unwrap_or(first + 1);
        }
    }

    /// Whether these groups are a card number, or may be the start of one at a cut.
    fn is_number(&self, text: &[u8], groups: &[Range<usize>], part: Range<usize>, scan: Scan<'_>) -> bool {
        let whole_row = part == (0..groups.len());
        let groups = &groups[part];
        let (Some(first), Some(last)) = (groups.first(), groups.last()) else { return false };
        let count: usize = groups.iter().map(Range::len).sum();
        let cut = scan.cut && text.len() - last.end <= 1 && !text[last.end..].iter().any(u8::is_ascii_alphanumeric);
        let printed = || PRINTED.iter().any(|sizes| groups.iter().map(Range::len).eq(sizes.iter().copied()));
        let shaped = count >= DIGITS_MIN && (groups.len() == 1 || whole_row || printed());
        if !(CUT_DIGITS_MIN..=DIGITS_MAX).contains(&count) || !(cut || shaped) {
            return false;
        }
        let (before, after) = (text[..first.start].last(), text.get(last.end));
        let joined = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if joined(before) || joined(after) || opens_mark(&text[..first.start]) {
            return false;
        }
        let digits: Vec<u8> = groups.iter().flat_map(|group| &text[group.clone()]).map(|byte| byte - b'0').collect();
        (cut && issuer(&digits).is_some()) || (shaped && is_card(&digits))
    }
}

#[cfg(test)]
mod tests {
    use super::is_card;

    #[test]
    fn check_digit_length_and_issuer_decide() {
        for (number, card) in [
            ("4111111111111111", true),
            ("4111111111111112", false),
            ("378282246310005", true),
            ("30569309025904", true),
            ("6011111111111117", true),
            ("3530111333300000", true),
            ("5555555555554444", true),
            ("2223003122003222", true),
            ("4222222222222", true),
            ("1111111111111117", false),
            ("0000000000000000", false),
            ("41111111111111", false),
        ] {
            let digits: Vec<u8> = number.bytes().map(|byte| byte - b'0').collect();
            assert_eq!(is_card(&digits), card, "{number}");
        }
    }
}
