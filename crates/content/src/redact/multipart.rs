//! multipart/form-data (RFC 7578): a field with a secret name goes whole, others are read as what their headers say.

use super::body::Form;
use super::edits::Edits;
use super::names::Kind;
use super::{Core, Scan};

impl Core {
    /// Edits a multipart body; false when it has no part.
    pub(super) fn multipart(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) -> bool {
        let Some(boundary) = boundary(text) else { return false };
        let finder = memchr::memmem::Finder::new(boundary);
        let starts: Vec<usize> = finder.find_iter(text).map(|start| start + boundary.len()).collect();
        for (number, &start) in starts.iter().enumerate() {
            let end = starts.get(number + 1).map_or(text.len(), |next| next - boundary.len());
            self.part(&text[start..end], at + start, scan.cut_if(end == text.len()), edits);
        }
        true
    }

    /// Edits one part: headers, a blank line, content, a line end.
    fn part(&self, part: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let crlf = memchr::memmem::find(part, b"\r\n\r\n").map(|end| (end, end + 4));
        let lf = || memchr::memmem::find(part, b"\n\n").map(|end| (end, end + 2));
        let Some((head_end, start)) = crlf.or_else(lf) else { return self.free(part, at, scan, edits) };
        let head = &part[..head_end];
        let content = &part[start..];
        let content = content.strip_suffix(b"\n").unwrap_or(content);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let at = at + start;
        let kind = match parameter(head, b"filename") {
            Some(_) => Kind::Plain,
            None => parameter(head, b"name").map_or(Kind::Plain, |name| self.names.parameter(name)),
        };
        if kind.hides() {
            return self.hide(kind, content, at, scan, edits);
        }
        let content_type = header(head, b"content-type").unwrap_or_default();
        match (Form::declared(content_type), scan.inner()) {
            (_, None) | (Form::Media | Form::Unknown, _) if !content_type.is_empty() => {
                self.shapes(content, at, scan, edits);
            }
            (_, Some(inner)) => self.document(content, at, inner, edits),
            (_, None) => self.free(content, at, scan, edits),
        }
    }
}

/// The delimiter with its dashes: the first line that starts with two.
fn boundary(text: &[u8]) -> Option<&[u8]> {
    let start = if text.starts_with(b"--") { 0 } else { memchr::memmem::find(text, b"\n--")? + 1 };
    let length = memchr::memchr2(b'\r', b'\n', &text[start..]).unwrap_or(text.len() - start);
    let line = &text[start..start + length];
    (line.len() > 2 && line.len() <= 2 + 70 + 2).then_some(line)
}

/// The value of a header in the head of a part.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        line[..colon].trim_ascii().eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
    })
}

/// A parameter of `Content-Disposition`.
fn parameter<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    header(head, b"content-disposition")?.split(|&byte| byte == b';').find_map(|piece| {
        let equals = memchr::memchr(b'=', piece)?;
        let found = piece[..equals].trim_ascii();
        let found = found.strip_suffix(b"*").unwrap_or(found);
        let value = piece[equals + 1..].trim_ascii();
        found.eq_ignore_ascii_case(name).then(|| value.trim_ascii().strip_prefix(b"\"").unwrap_or(value))
    })
}
