//! XML and HTML: `<password>...</password>`, attributes, and fields whose name is in one attribute and whose value in
//! another.
//!
//! No tree is built: pages are seldom well formed. One secret element at a time is followed to its end tag; all text in
//! it goes. An element that is never closed hides all that follows.

use std::ops::Range;

use super::edits::{Coding, Edits};
use super::names::{Kind, holds_name};
use super::{Core, Scan};

/// Elements that say in an attribute what their text is: `<entry key="password">...`.
const KEYED: &[&[u8]] =
    &[b"add", b"entry", b"field", b"item", b"param", b"parameter", b"property", b"setting", b"string", b"variable"];
/// Attributes with the name of a field.
const NAMING: &[&[u8]] = &[b"name", b"key", b"id", b"property", b"http-equiv"];
/// Attributes with the value of a field.
const VALUES: &[&[u8]] = &[b"value", b"content"];

/// A secret element that is open: its name, how often it is open, and whether other elements end it.
struct Open {
    name: Vec<u8>,
    depth: usize,
    weak: bool,
}

struct Reader<'a> {
    core: &'a Core,
    text: &'a [u8],
    at: usize,
    scan: Scan<'a>,
    open: Option<Open>,
    script: bool,
}

impl Core {
    /// Edits markup; `at` is the offset of the text in the edited one.
    pub(super) fn markup(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        Reader { core: self, text, at, scan, open: None, script: false }.read(edits);
    }
}

impl Reader<'_> {
    fn read(&mut self, edits: &mut Edits) {
        let mut pos = 0;
        while pos < self.text.len() {
            let tag = memchr::memchr(b'<', &self.text[pos..]).map_or(self.text.len(), |length| pos + length);
            self.content(pos..tag, edits);
            pos = self.tag(tag, edits);
        }
    }

    fn scan(&self, end: usize) -> Scan<'_> {
        self.scan.cut_if(end == self.text.len())
    }

    /// Text between tags.
    fn content(&self, range: Range<usize>, edits: &mut Edits) {
        let (text, at) = (&self.text[range.clone()], self.at + range.start);
        let scan = self.scan(range.end);
        match self.open {
            Some(_) => self.core.hide_encoded(Kind::Secret, Coding::Entities, text, at, scan, edits),
            None => self.core.free(text, at, Scan { code: self.script || scan.code, ..scan }, edits),
        }
    }

    /// Reads what starts with `<`; gives its end.
    fn tag(&mut self, start: usize, edits: &mut Edits) -> usize {
        let rest = &self.text[start..];
        if rest.len() < 2 {
            return self.text.len();
        }
        let ends_script = |name: &[u8]| rest.get(2..2 + name.len()).is_some_and(|end| end.eq_ignore_ascii_case(name));
        if self.script && !(rest[1] == b'/' && (ends_script(b"script") || ends_script(b"style"))) {
            return self.not_a_tag(start, edits);
        }
        for (open, close) in [(&b"<![CDATA["[..], &b"]]>"[..]), (b"<!--", b"-->")] {
            if let Some(inner) = rest.strip_prefix(open) {
                let length = memchr::memmem::find(inner, close).unwrap_or(inner.len());
                let from = start + open.len();
                self.content(from..from + length, edits);
                return (from + length + close.len()).min(self.text.len());
            }
        }
        let closing = rest[1] == b'/';
        let name_start = start + 1 + usize::from(closing);
        let named =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':') || *byte >= 0x80;
        let length = self.text[name_start..].iter().take_while(|byte| named(byte)).count();
        if length == 0 && !matches!(rest[1], b'!' | b'?') {
            return self.not_a_tag(start, edits);
        }
        let name = &self.text[name_start..name_start + length];
        let end = self.attributes_end(name_start + length);
        let keyed = self.attributes(name_start + length..end, edits);
        let single = self.text[..end].ends_with(b"/");
        match closing {
            true => self.left(name),
            false if !single => self.entered(name, keyed),
            false => {}
        }
        (end + 1).min(self.text.len())
    }

    /// A `<` of text or script: content up to the next one.
    fn not_a_tag(&self, start: usize, edits: &mut Edits) -> usize {
        let next = memchr::memchr(b'<', &self.text[start + 1..]).map_or(self.text.len(), |length| start + 1 + length);
        self.content(start..next, edits);
        next
    }

    /// The place of the `>` that ends a tag, outside quotes.
    fn attributes_end(&self, start: usize) -> usize {
        let mut at = start;
        while let Some(found) = memchr::memchr3(b'>', b'"', b'\'', &self.text[at..]) {
            let (place, byte) = (at + found, self.text[at + found]);
            at = place + 1;
            if byte == b'>' {
                return place;
            }
            if ends_with_equals(&self.text[..place]) {
                let Some(length) = memchr::memchr(byte, &self.text[at..]) else { break };
                at += length + 1;
            }
        }
        self.text.len()
    }

    /// Edits the attributes of a tag; says whether one of them names a secret.
    fn attributes(&self, range: Range<usize>, edits: &mut Edits) -> bool {
        let found = attributes(self.text, range);
        let keyed = found.iter().any(|(name, value)| {
            let (name, value) = (&self.text[name.clone()], &self.text[value.clone()]);
            let password = name.eq_ignore_ascii_case(b"type") && value.eq_ignore_ascii_case(b"password");
            password || (holds_name(NAMING, name) && self.core.names.field(value).hides())
        });
        for (name, value) in found {
            let (raw, at) = (&self.text[value.clone()], self.at + value.start);
            let name = &self.text[name];
            let kind = match self.core.names.field(name) {
                Kind::Plain if keyed && holds_name(VALUES, name) => Kind::Secret,
                kind => kind,
            };
            match kind.hides() {
                true => self.core.hide_encoded(kind, Coding::Entities, raw, at, self.scan(value.end), edits),
                false => self.core.nested(Coding::Entities, raw, at, self.scan(value.end), edits),
            }
        }
        keyed
    }

    fn entered(&mut self, name: &[u8], keyed: bool) {
        self.script = holds_name(&[b"script", b"style"], name);
        match &mut self.open {
            Some(open) if open.name.eq_ignore_ascii_case(name) => open.depth += 1,
            // A group under a weak name is judged by the names in it.
            Some(open) if open.weak => self.open = None,
            _ => {}
        }
        if self.open.is_none() {
            let local = name.rsplit(|&byte| byte == b':').next().unwrap_or_default();
            // In upper case it is no name of several words.
            let kind = match local.iter().any(u8::is_ascii_uppercase) {
                true => self.core.names.field(&local.to_ascii_lowercase()),
                false => self.core.names.field(local),
            };
            if kind.hides() || (keyed && holds_name(KEYED, local)) {
                self.open = Some(Open { name: name.to_vec(), depth: 1, weak: kind == Kind::Weak });
            }
        }
    }

    fn left(&mut self, name: &[u8]) {
        self.script = false;
        if let Some(open) = &mut self.open
            && open.name.eq_ignore_ascii_case(name)
        {
            open.depth -= 1;
            if open.depth == 0 {
                self.open = None;
            }
        }
    }
}

/// Whether a text ends with `=`, but for white space: a quote there opens a value.
fn ends_with_equals(text: &[u8]) -> bool {
    let white = text.iter().rev().take(8).take_while(|byte| byte.is_ascii_whitespace()).count();
    text[..text.len() - white].ends_with(b"=")
}

/// Names and values of the attributes in a range.
fn attributes(text: &[u8], range: Range<usize>) -> Vec<(Range<usize>, Range<usize>)> {
    let mut found = Vec::new();
    let mut at = range.start;
    let until = |from: usize, stop: &dyn Fn(u8) -> bool| {
        text[from..range.end].iter().position(|&byte| stop(byte)).map_or(range.end, |length| from + length)
    };
    while at < range.end {
        let name = until(at, &|byte| !byte.is_ascii_whitespace() && byte != b'/');
        let name_end = until(name, &|byte| byte.is_ascii_whitespace() || byte == b'=');
        let equals = until(name_end, &|byte| !byte.is_ascii_whitespace());
        if equals >= range.end || text[equals] != b'=' {
            // An attribute without a value, or bytes that are none; the next one starts behind it.
            found.push((name..name, name..name_end));
            at = equals.max(at + 1);
            continue;
        }
        let value = until(equals + 1, &|byte| !byte.is_ascii_whitespace());
        let quote = text[..range.end].get(value).copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let (start, end) = match quote {
            Some(quote) => (value + 1, until(value + 1, &|byte| byte == quote)),
            None => (value, until(value, &|byte| byte.is_ascii_whitespace())),
        };
        found.push((name..name_end, start..end));
        at = end + 1;
    }
    found
}
