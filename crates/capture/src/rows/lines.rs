//! Header lines as rows have them: redacted, as text, with what they tell. Most lines of a capture were seen a moment ago,
//! so what was made of them is remembered.

use std::net::IpAddr;

use arachne_content::redact::{Marks, Redactor};

use super::text::{lower, media_type, push_line, shown};
use super::who;

/// Lines that are remembered: as many as [`place`] has.
const REMEMBERED: usize = 1 << 10;
/// Spreads the bits of a number: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
/// Bytes of a remembered name and value; longer lines seldom come again.
const REMEMBERED_BYTES: usize = 512;
/// Names of headers that facts are taken from are no longer than this.
const FACT_NAME_MAX: usize = 24;

/// What a header line tells of an exchange, after redaction.
#[derive(Clone, Debug)]
pub enum Fact {
    /// The Host header, in lower case.
    Host(String),
    /// Who is authorized.
    User(String),
    /// The first address of an `X-Forwarded-For`.
    ForwardedFor(IpAddr),
    /// The first address of a `Forwarded`.
    Forwarded(IpAddr),
    /// The id of a trace.
    Trace(String),
    /// The id of a request, and how much it is wanted: the lowest counts.
    Request(u8, String),
    /// The media type.
    ContentType(String),
}

impl Fact {
    /// Of a header; the value is redacted.
    fn of(name: &[u8], value: &[u8]) -> Option<Self> {
        let mut buffer = [0; FACT_NAME_MAX];
        let lower_name = buffer.get_mut(..name.len())?;
        lower_name.copy_from_slice(name);
        lower_name.make_ascii_lowercase();
        match &*lower_name {
            b"host" => Some(Self::Host(lower(value))),
            b"authorization" => who::user(value).map(Self::User),
            b"x-forwarded-for" => who::forwarded_for(value).map(Self::ForwardedFor),
            b"forwarded" => who::forwarded(value).map(Self::Forwarded),
            b"content-type" => media_type(value).map(Self::ContentType),
            name @ (b"traceparent" | b"b3" | b"x-b3-traceid" | b"uber-trace-id") => {
                who::trace_id(name, value).map(Self::Trace)
            }
            name => Some(Self::Request(who::request_id_rank(name)?, who::request_id(value)?)),
        }
    }
}

/// A header line.
#[derive(Default)]
pub struct Line {
    /// `name: value` and a line feed, redacted. Empty only where there is no line.
    pub text: String,
    /// What it tells.
    pub fact: Option<Fact>,
    /// Name and value as they were sent, one behind the other; nothing where the text has them so.
    sent: Vec<u8>,
    name_bytes: usize,
}

impl Line {
    fn is(&self, name: &[u8], value: &[u8]) -> bool {
        if self.sent.is_empty() {
            return is_line_of(self.text.as_bytes(), name, value);
        }
        self.sent.split_at_checked(self.name_bytes) == Some((name, value))
    }

    fn set(&mut self, name: &[u8], value: &[u8], redactor: &Redactor, marks: &mut Marks) {
        let redacted = redactor.header_remembering(marks, name, value);
        let shown = shown(&redacted, value);
        self.fact = Fact::of(name, shown);
        self.text.clear();
        push_line(&mut self.text, name, shown);
        self.sent.clear();
        if !is_line_of(self.text.as_bytes(), name, value) {
            self.sent.extend_from_slice(name);
            self.sent.extend_from_slice(value);
            self.name_bytes = name.len();
        }
    }
}

/// Whether a text is the line of this name and this value.
fn is_line_of(text: &[u8], name: &[u8], value: &[u8]) -> bool {
    text.len() == name.len() + value.len() + 3
        && text[..name.len()] == *name
        && text[name.len() + 2..text.len() - 1] == *value
}

/// The place of a line, by the ends of its name and value: cheaper than a hash of all of it. Who chooses lines can make it
/// forget, and no more.
fn place(name: &[u8], value: &[u8]) -> usize {
    let mixed = (ends(name).wrapping_mul(MIX) ^ ends(value)).wrapping_mul(MIX);
    usize::try_from(mixed >> 54).unwrap_or(0)
}

/// The first and last bytes of a text, and its length.
fn ends(text: &[u8]) -> u64 {
    let (first, last) = match (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
    };
    (first.wrapping_mul(MIX) ^ last).wrapping_mul(MIX).rotate_left(32).wrapping_add(text.len() as u64)
}

/// Makes lines, and remembers many: each has one place, which the next line there takes.
pub struct Lines {
    places: Vec<Line>,
    /// A line that is too long to be remembered.
    long: Line,
    marks: Marks,
}

impl Default for Lines {
    fn default() -> Self {
        let places = std::iter::repeat_with(Line::default).take(REMEMBERED).collect();
        Self { places, long: Line::default(), marks: Marks::default() }
    }
}

impl Lines {
    /// The line of a header.
    pub fn of(&mut self, name: &[u8], value: &[u8], redactor: &Redactor) -> &Line {
        if name.len() + value.len() > REMEMBERED_BYTES {
            self.long = Line::default();
            self.long.set(name, value, redactor, &mut self.marks);
            return &self.long;
        }
        let line = &mut self.places[place(name, value)];
        if !line.is(name, value) {
            line.set(name, value, redactor, &mut self.marks);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use arachne_content::redact::{Key, Redactor, Rules};

    use super::{Fact, Lines, REMEMBERED, REMEMBERED_BYTES};

    #[test]
    fn what_is_remembered_is_what_would_be_made() {
        let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
        let mut lines = Lines::default();
        let long = "x".repeat(REMEMBERED_BYTES);
        let many = (0..4 * REMEMBERED).map(|n| (format!("N{}", n % 7), format!("{}", n % (2 * REMEMBERED))));
        let odd = ["", "H", "Ho", "Host", "st", "Hostst", &long];
        let odd = odd.iter().flat_map(|name| odd.map(|value| ((*name).to_owned(), value.to_owned())));
        for (name, value) in many.chain(odd.clone()).chain(odd) {
            for _ in 0..2 {
                let line = lines.of(name.as_bytes(), value.as_bytes(), &redactor);
                assert_eq!(line.text, format!("{name}: {value}\n"));
                let host = matches!(&line.fact, Some(Fact::Host(host)) if *host == value.to_lowercase());
                assert_eq!(host, name == "Host", "{name}: {value}");
            }
        }
    }

    #[test]
    fn secrets_are_replaced_each_time() {
        let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
        let mut lines = Lines::default();
        for value in ["Basic YW5uYTpTM0NSM1Q=", "Basic YW5uYTpPVEhFUg==", "Basic YW5uYTpTM0NSM1Q="] {
            let line = lines.of(b"Authorization", value.as_bytes(), &redactor);
            assert!(line.text.starts_with("Authorization: Basic anna:[redacted:"), "{}", line.text);
            assert!(matches!(&line.fact, Some(Fact::User(user)) if user == "anna"));
        }
    }
}
