//! Fields of a header with their places; what lies behind the end of the header is left out.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A field of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is, as its standard calls it.
    pub name: &'static str,
    /// Its value for people.
    pub value: String,
    /// Its first byte in the frame.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
}

/// The fields of a header so far.
pub struct Fields<'a> {
    data: &'a [u8],
    at: usize,
    end: usize,
    all: Vec<Field>,
}

impl<'a> Fields<'a> {
    /// The header in `at..end` of `data`.
    pub fn new(data: &'a [u8], at: usize, end: usize) -> Self {
        let end = end.min(data.len());
        Self { data, at: at.min(end), end, all: Vec::new() }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.data.get(self.at..self.end).unwrap_or_default()
    }

    /// Start, end and fields.
    pub fn done(self) -> (usize, usize, Vec<Field>) {
        (self.at, self.end, self.all)
    }

    /// The big-endian number of `length` bytes, at most 8, at `from` of the header; 0 where that is cut off.
    pub fn value(&self, from: usize, length: usize) -> u64 {
        let bytes = self.bytes().get(from..from + length).unwrap_or_default();
        bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// Adds a field in words, if the header is long enough.
    pub fn text(&mut self, name: &'static str, from: usize, length: usize, value: impl Into<String>) {
        let start = self.at + from;
        if start + length <= self.end {
            self.all.push(Field { name, value: value.into(), start, end: start + length });
        }
    }

    /// Adds a number.
    pub fn number(&mut self, name: &'static str, from: usize, length: usize) {
        self.text(name, from, length, self.value(from, length).to_string());
    }

    /// Adds a number in hexadecimal.
    pub fn hex(&mut self, name: &'static str, from: usize, length: usize) {
        let value = format!("0x{:0width$x}", self.value(from, length), width = 2 * length);
        self.text(name, from, length, value);
    }

    /// Adds a number with what it means.
    pub fn named(&mut self, name: &'static str, from: usize, length: usize, meaning: &str) {
        let value = self.value(from, length);
        let text = if length == 2 { format!("0x{value:04x}") } else { value.to_string() };
        self.text(name, from, length, if meaning.is_empty() { text } else { format!("{text} ({meaning})") });
    }

    /// Adds a hardware address.
    pub fn hardware(&mut self, name: &'static str, from: usize) {
        self.text(name, from, 6, self.octets(from, 6, ":"));
    }

    /// Adds bytes as they are, the first 32 of them.
    pub fn raw(&mut self, name: &'static str, from: usize, length: usize) {
        let more = if length > 32 { "..." } else { "" };
        self.text(name, from, length, self.octets(from, length.min(32), "") + more);
    }

    /// The bytes in hexadecimal.
    pub fn octets(&self, from: usize, length: usize, between: &str) -> String {
        let bytes = self.bytes().get(from..from + length).unwrap_or_default();
        let mut out = String::new();
        for (at, byte) in bytes.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}{byte:02x}", if at == 0 { "" } else { between });
        }
        out
    }

    /// The IPv4 address at `from`.
    pub fn v4(&self, from: usize) -> String {
        self.bytes()
            .get(from..)
            .and_then(|rest| rest.first_chunk::<4>())
            .map_or_else(String::new, |bytes| Ipv4Addr::from(*bytes).to_string())
    }

    /// The IPv6 address at `from`.
    pub fn v6(&self, from: usize) -> String {
        self.bytes()
            .get(from..)
            .and_then(|rest| rest.first_chunk::<16>())
            .map_or_else(String::new, |bytes| Ipv6Addr::from(*bytes).to_string())
    }
}
