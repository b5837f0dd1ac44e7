//! Tests of a single value.

use std::net::IpAddr;

use arachne_model::table::Value;
use regex::Regex;

/// Integers from `from` to `to`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntRange {
    /// The smallest.
    pub from: i64,
    /// The largest.
    pub to: i64,
}

/// A network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// An address in it.
    pub address: IpAddr,
    /// Leading bits that count.
    pub prefix: u8,
}

impl Network {
    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(a) => (u128::from(u32::from(a)) << 96, 32),
            IpAddr::V6(a) => (u128::from(a), 128),
        };
        let ((mine, width), (other, other_width)) = (bits(self.address), bits(address));
        let kept = u32::from(self.prefix).min(width);
        let mask = u128::MAX.checked_shl(128 - kept).unwrap_or(0);
        width == other_width && (mine ^ other) & mask == 0
    }
}

/// A test of text.
#[derive(Clone, Debug)]
pub enum TextTest {
    /// The whole text is one of these.
    OneOf(Vec<String>),
    /// The whole text fits one of these patterns, `*` for any text and `?` for one character; the regular expression
    /// does the work.
    Pattern(Regex),
    /// The text contains what the regular expression finds.
    Regex(Regex),
    /// The text contains this; ASCII letters match in either case. Lower case.
    Contains(String),
    /// One of the text's words, separated by blanks, is one of these.
    Word(Vec<String>),
}

impl PartialEq for TextTest {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OneOf(a), Self::OneOf(b)) | (Self::Word(a), Self::Word(b)) => a == b,
            (Self::Pattern(a), Self::Pattern(b)) | (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            (Self::Contains(a), Self::Contains(b)) => a == b,
            _ => false,
        }
    }
}

impl TextTest {
    /// Whether `text` passes.
    #[must_use]
    pub fn passes(&self, text: &str) -> bool {
        match self {
            Self::OneOf(texts) => texts.iter().any(|t| t == text),
            Self::Pattern(regex) | Self::Regex(regex) => regex.is_match(text),
            Self::Contains(needle) => contains_ignoring_case(text, needle),
            Self::Word(words) => text.split(' ').any(|word| words.iter().any(|w| w == word)),
        }
    }
}

/// Whether `text` contains `needle` (lower case), ASCII letters in either case. Looks for the needle's first byte in
/// both cases with a vectorised search.
fn contains_ignoring_case(text: &str, needle: &str) -> bool {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    let Some((&first, _)) = needle.split_first() else { return true };
    let Some(last) = text.len().checked_sub(needle.len()) else { return false };
    let starts = memchr::memchr2_iter(first, first.to_ascii_uppercase(), &text[..=last]);
    starts.into_iter().any(|at| text[at..at + needle.len()].eq_ignore_ascii_case(needle))
}

/// A test of a value. A null never passes.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// There is a value.
    Exists,
    /// The integer lies in one of these ranges.
    Int(Vec<IntRange>),
    /// The flag is this.
    Flag(bool),
    /// The text passes.
    Text(TextTest),
    /// The address lies in one of these networks.
    Network(Vec<Network>),
}

impl Test {
    /// Whether `value` passes. A value of another kind than the test's does not.
    #[must_use]
    pub fn passes(&self, value: Value<'_>) -> bool {
        match (self, value) {
            (_, Value::Null) => false,
            (Self::Exists, _) => true,
            (Self::Int(ranges), Value::Int(number)) => ranges.iter().any(|r| r.from <= number && number <= r.to),
            (Self::Flag(wanted), Value::Bool(flag)) => *wanted == flag,
            (Self::Text(test), Value::Text(text)) => test.passes(text),
            (Self::Network(networks), Value::Text(text)) => {
                text.parse().is_ok_and(|address| networks.iter().any(|network| network.contains(address)))
            }
            _ => false,
        }
    }
}
