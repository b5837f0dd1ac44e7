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
    /// Whether `address` lies in it. IPv4 in IPv6 (`::ffff:192.0.2.1`) is IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').expect("a network of this table");
        Network { address: address.parse().expect("an address"), prefix: prefix.parse().expect("a number") }
    }

    #[test]
    fn networks() {
        for (text, address, inside) in [
            ("10.2.0.0/16", "10.2.255.1", true),
            ("10.2.0.0/16", "10.3.0.0", false),
            ("10.2.9.9/16", "10.2.0.0", true),
            ("10.0.0.1/32", "10.0.0.1", true),
            ("10.0.0.1/32", "10.0.0.0", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("128.0.0.0/1", "127.0.0.1", false),
            ("10.0.0.1/255", "10.0.0.1", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("2001:db8::1/128", "2001:db8::1", true),
            ("2001:db8::1/128", "2001:db8::2", false),
            ("::/0", "2001:db8::2", true),
            ("::/0", "10.0.0.1", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(network(text).contains(address), inside, "{address} in {text}");
        }
    }

    #[test]
    fn text_is_found_at_both_ends() {
        for (text, needle, found) in [
            ("", "", true),
            ("", "a", false),
            ("abc", "", true),
            ("abc", "abc", true),
            ("abc", "a", true),
            ("abc", "c", true),
            ("ABC", "bc", true),
            ("xABC", "abcd", false),
            ("aab", "ab", true),
            ("ab", "abc", false),
            ("Ä b", "ä", false),
            ("Ä b", "Ä", true),
            ("x\0Y", "\0y", true),
            ("[@", "{", false),
        ] {
            assert_eq!(contains_ignoring_case(text, needle), found, "{needle:?} in {text:?}");
        }
    }

    #[test]
    fn each_kind_of_test_with_each_kind_of_value() {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let regex = |source: &str| Regex::new(source).expect("an expression of this table");
        let one_of = Test::Text(TextTest::OneOf(texts(&["a", "b"])));
        let pattern = Test::Text(TextTest::Pattern(regex("^(?:/a.*)$")));
        let word = Test::Text(TextTest::Word(texts(&["gap"])));
        let int = Test::Int(vec![IntRange { from: 5, to: 7 }, IntRange { from: 9, to: 9 }]);
        let net = Test::Network(vec![network("10.0.0.0/8"), network("fd00::/8")]);
        for (test, value, passes) in [
            (&Test::Exists, Value::Text(""), true),
            (&Test::Exists, Value::Bytes(b""), true),
            (&Test::Exists, Value::Bool(false), true),
            (&Test::Exists, Value::Null, false),
            (&int, Value::Int(4), false),
            (&int, Value::Int(5), true),
            (&int, Value::Int(7), true),
            (&int, Value::Int(8), false),
            (&int, Value::Int(9), true),
            (&int, Value::Text("5"), false),
            (&int, Value::Null, false),
            (&Test::Flag(true), Value::Bool(true), true),
            (&Test::Flag(false), Value::Bool(false), true),
            (&Test::Flag(false), Value::Bool(true), false),
            (&Test::Flag(false), Value::Null, false),
            (&Test::Flag(true), Value::Int(1), false),
            (&one_of, Value::Text("b"), true),
            (&one_of, Value::Text("ab"), false),
            (&one_of, Value::Bytes(b"a"), false),
            (&one_of, Value::Null, false),
            (&pattern, Value::Text("/a/b"), true),
            (&pattern, Value::Text("x/a"), false),
            (&word, Value::Text("gap"), true),
            (&word, Value::Text("bad_cl gap nul"), true),
            (&word, Value::Text("gaps"), false),
            (&word, Value::Text(""), false),
            (&net, Value::Text("10.9.9.9"), true),
            (&net, Value::Text("fd00::1"), true),
            (&net, Value::Text("11.0.0.0"), false),
            (&net, Value::Text("unknown"), false),
            (&net, Value::Int(10), false),
        ] {
            assert_eq!(test.passes(value), passes, "{test:?} of {value:?}");
        }
        assert!(Test::Text(TextTest::Regex(regex("a|b"))).passes(Value::Text("xbx")));
        assert!(Test::Text(TextTest::Contains("ab".to_owned())).passes(Value::Text("xAB")));
    }
}
