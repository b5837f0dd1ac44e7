//! Numbers and words in the text files of the kernel. Whatever the bytes are: what is no number is None.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// More of a file is not read. The longest, `stat` of a host with thousands of interrupts, has some 100 KB.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The files of a host: its `/`, or a copy of some of them.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// A path of the host as one of this process. `path` is without the leading slash.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The bytes of a file; an error names it.
    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let path = self.path(path);
        let read = File::open(&path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
        read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(bytes)
    }
}

/// The lines, without their line feeds.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n')
}

/// The words between blanks and tabs.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ' || *byte == b'\t').filter(|word| !word.is_empty())
}

/// A whole number in decimal.
pub(crate) fn number(word: &[u8]) -> Option<u64> {
    let digit = |sum: u64, byte: &u8| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(digit.into())
    };
    if word.is_empty() { None } else { word.iter().try_fold(0, digit) }
}

/// A number with a point, in billionths; further digits are cut.
pub(crate) fn billionths(word: &[u8]) -> Option<u64> {
    let point = word.iter().position(|byte| *byte == b'.').unwrap_or(word.len());
    let (whole, fraction) = (number(&word[..point])?, word.get(point + 1..).unwrap_or_default());
    let fraction = &fraction[..fraction.len().min(9)];
    let billionths = if fraction.is_empty() { 0 } else { number(fraction)? };
    let scale = 10_u64.pow(9 - u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(1_000_000_000)?.checked_add(billionths * scale)
}

/// Lines of a name and a number, such as `pswpin 12` or `MemFree:  34 kB`, without the colon.
pub(crate) fn named(bytes: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    lines(bytes).filter_map(|line| {
        let mut words = words(line);
        let name = words.next()?;
        Some((name.strip_suffix(b":").unwrap_or(name), number(words.next()?)?))
    })
}

/// Bytes as text: what is not UTF-8 becomes U+FFFD.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_or_none() {
        let cases: [(&[u8], Option<u64>); 7] = [
            (b"0", Some(0)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"", None),
            (b"-1", None),
            (b"1a", None),
            (b"\xff", None),
        ];
        cases.into_iter().for_each(|(word, expected)| assert_eq!(number(word), expected, "{word:?}"));
    }

    #[test]
    fn billionths_keep_nine_digits() {
        let cases: [(&[u8], Option<u64>); 7] = [
            (b"0.05", Some(50_000_000)),
            (b"12", Some(12_000_000_000)),
            (b"1.", Some(1_000_000_000)),
            (b"1.1234567899", Some(1_123_456_789)),
            (b".5", None),
            (b"1.-5", None),
            (b"99999999999", None),
        ];
        cases.into_iter().for_each(|(word, expected)| assert_eq!(billionths(word), expected, "{word:?}"));
    }
}
