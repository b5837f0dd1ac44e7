//! JSON, read in one pass without building anything: whole, cut anywhere, one document after another.
//!
//! Only tokens are looked at: a string before a colon is a name, what follows is its value. Whatever stands under a
//! secret name is secret, but for user names, kinds and times. Strings that hold JSON, URLs or text are read as that.
//! The scanner says whether what it read was JSON at all.

use std::ops::Range;

use super::edits::{Coding, Edits, Layer};
use super::live::is_live;
use super::names::{Kind, holds_name};
use super::{Core, Scan};

/// An open object or array.
#[derive(Debug, Clone)]
struct Group {
    open: u8,
    /// All values in it are secret.
    secret: bool,
    /// The kind that `"name": "password"` gives to the `"value"` beside it.
    named: Kind,
    /// A `"value"` that came before the `"name"`.
    value: Option<Range<usize>>,
}

/// The part that a name plays in `{"name": "password", "value": "..."}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    None,
    Name,
    Value,
}

struct Reader<'a> {
    core: &'a Core,
    text: &'a [u8],
    at: usize,
    scan: Scan<'a>,
    groups: Vec<Group>,
    /// What the last name says of the value to come.
    kind: Kind,
    role: Role,
    /// The last token was a value: another one cannot follow.
    full: bool,
    sound: bool,
}

impl Core {
    /// Edits JSON; `at` is the offset of the text in the edited one. False when it is no JSON: what was edited then is
    /// not all there is to edit.
    pub(super) fn json(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) -> bool {
        let mut reader = Reader {
            core: self,
            text,
            at,
            scan,
            groups: Vec::new(),
            kind: Kind::Plain,
            role: Role::None,
            full: false,
            sound: true,
        };
        reader.read(edits);
        reader.sound
    }
}

impl Reader<'_> {
    fn read(&mut self, edits: &mut Edits) {
        // Prefixes against inclusion as a script, and the byte order mark.
        let mut pos = if self.text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        if self.text[pos..].starts_with(b")]}'") {
            pos = memchr::memchr(b'\n', self.text).unwrap_or(self.text.len());
        }
        while let Some(&byte) = self.text.get(pos) {
            pos = match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0x1e => pos + 1,
                b'{' | b'[' => self.open(byte, pos),
                b'}' | b']' => self.close(byte, pos),
                b',' => self.comma(pos),
                b'"' => self.string(pos, edits),
                _ => self.scalar(pos, edits),
            };
        }
        if self.scan.cut {
            // The name that would tell may have been cut off.
            for value in std::mem::take(&mut self.groups).into_iter().filter_map(|group| group.value) {
                self.hide(Kind::Secret, value, edits);
            }
        }
    }

    fn open(&mut self, open: u8, pos: usize) -> usize {
        self.begin_value();
        let outer = self.groups.last().is_some_and(|group| group.secret) && self.kind != Kind::Kept;
        // An array of values is as secret as one value; an object under a weak name is judged by its own names.
        let secret = outer || (self.kind.hides() && (open == b'[' || self.kind != Kind::Weak));
        let strict = secret && !matches!(self.kind, Kind::Weak);
        self.groups.push(Group { open, secret: strict || (secret && open == b'['), named: Kind::Plain, value: None });
        self.kind = Kind::Plain;
        self.full = false;
        pos + 1
    }

    fn close(&mut self, close: u8, pos: usize) -> usize {
        let matching = |group: Group| matches!((group.open, close), (b'{', b'}') | (b'[', b']'));
        self.sound &= self.groups.pop().is_some_and(matching);
        self.end_value();
        pos + 1
    }

    fn comma(&mut self, pos: usize) -> usize {
        self.kind = Kind::Plain;
        self.role = Role::None;
        self.full = false;
        pos + 1
    }

    fn begin_value(&mut self) {
        self.sound &= !self.full || self.groups.is_empty();
    }

    fn end_value(&mut self) {
        self.kind = Kind::Plain;
        self.role = Role::None;
        self.full = true;
    }

    fn string(&mut self, pos: usize, edits: &mut Edits) -> usize {
        let start = pos + 1;
        let (end, closed) = string_end(self.text, start);
        self.begin_value();
        self.sound &= memchr::memchr2(b'\n', 0, &self.text[start..end]).is_none();
        let next = if closed { end + 1 } else { end };
        let white = self.text[next..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if closed && self.text.get(next + white) == Some(&b':') {
            self.name(&self.text[start..end]);
            return next + white + 1;
        }
        self.value(start..end, edits);
        self.end_value();
        next
    }

    fn name(&mut self, raw: &[u8]) {
        let layer = Layer::decode(Coding::Json, raw);
        let name = layer.as_ref().map_or(raw, |layer| &layer.bytes);
        self.kind = self.core.names.field(name);
        self.role = match () {
            () if holds_name(&[b"name", b"key", b"header", b"field", b"param", b"id"], name) => Role::Name,
            () if holds_name(&[b"value", b"val", b"values", b"content", b"data"], name) => Role::Value,
            () => Role::None,
        };
        if let (Role::Value, Some(group)) = (self.role, self.groups.last())
            && group.named.hides()
        {
            self.kind = group.named;
        }
        self.full = false;
    }

    /// The kind of the value at hand, by its name and what it stands in.
    fn kind(&self) -> Kind {
        match self.groups.last() {
            Some(group) if group.secret && !self.kind.hides() && self.kind != Kind::Kept => Kind::Secret,
            _ => self.kind,
        }
    }

    fn value(&mut self, range: Range<usize>, edits: &mut Edits) {
        let kind = self.kind();
        if kind.hides() {
            return self.hide(kind, range, edits);
        }
        let raw = &self.text[range.clone()];
        let scan = self.scan.cut_if(range.end == self.text.len());
        self.core.nested(Coding::Json, raw, self.at + range.start, scan, edits);
        match (self.role, self.groups.last_mut()) {
            (Role::Name, Some(group)) => {
                let named = self.core.names.field(raw);
                group.named = named;
                if let Some(value) = group.value.take().filter(|_| named.hides()) {
                    self.hide(named, value, edits);
                }
            }
            (Role::Value, Some(group)) => group.value = Some(range),
            _ => {}
        }
    }

    fn hide(&self, kind: Kind, range: Range<usize>, edits: &mut Edits) {
        let scan = self.scan.cut_if(range.end == self.text.len());
        self.core.hide_encoded(kind, Coding::Json, &self.text[range.clone()], self.at + range.start, scan, edits);
    }

    /// A number, a literal, or what is no JSON.
    fn scalar(&mut self, pos: usize, edits: &mut Edits) -> usize {
        let rest = &self.text[pos..];
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b",:{}[]\"".contains(byte);
        let end = pos + rest.iter().position(ends).unwrap_or(rest.len()).max(1);
        let token = &self.text[pos..end];
        self.begin_value();
        let number = matches!(token[0], b'-' | b'0'..=b'9');
        let cut = self.scan.cut && end == self.text.len();
        let literal = |word: &[u8]| word == token || (cut && word.starts_with(token));
        let known = number || [&b"true"[..], b"false", b"null"].iter().any(|word| literal(word));
        self.sound &= known;
        if self.text.get(end) == Some(&b':') {
            // A name without quotes is no JSON, but means the same.
            self.name(token);
            self.sound = false;
            return end + 1;
        }
        if !known || number {
            self.bare(pos..end, edits);
        }
        self.end_value();
        end
    }

    /// Replaces a value that stood without quotes by one with quotes, so that JSON stays JSON.
    fn bare(&self, range: Range<usize>, edits: &mut Edits) {
        let token = &self.text[range.clone()];
        let kind = self.kind();
        let cut = self.scan.cut_if(range.end == self.text.len());
        let start = self.at + range.start;
        if !kind.hides() && !is_live(cut.live, start..start + token.len()) {
            return;
        }
        let mut inner = Edits::default();
        match kind.hides() {
            true => self.core.hide_token(token, 0, cut.decoded(), &mut inner),
            false => self.core.free(token, 0, cut.decoded(), &mut inner),
        }
        if let Some(text) = inner.apply(token) {
            let quoted = [b"\"", text.as_slice(), b"\""].concat();
            edits.push(self.at + range.start..self.at + range.end, quoted);
        }
    }
}

/// The end of a string, and whether it is closed.
fn string_end(text: &[u8], start: usize) -> (usize, bool) {
    let mut at = start;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &text[at.min(text.len())..]) {
        if text[at + found] == b'"' {
            return (at + found, true);
        }
        at += found + 2;
    }
    (text.len(), false)
}
