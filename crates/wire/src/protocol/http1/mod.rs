//! HTTP/1.x as an observer sees it: lenient, flagging, never guessing in silence.
//!
//! A strict parser throws away what we must show. This one follows RFC 9112, accepts what peers may have accepted, and
//! flags each place where two honest parsers may differ. Sources: RFC 9110, RFC 9112, RFC 6455 for the upgrade.

mod framing;
mod head;
mod observer;
mod reader;
mod websocket;

use arachne_model::{Limits, Protocol as Kind};

use super::{Protocol, Speaker, Verdict};

pub use head::{Head, Parsed, Role, parse};

/// Methods that are certain by themselves (RFC 9110, RFC 5789, WebDAV's most frequent).
const METHODS: [&[u8]; 12] = [
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
    b"PROPFIND ",
    b"REPORT ",
    b"SEARCH ",
];

/// Longest method that is taken for one.
const METHOD_MAX: usize = 32;

/// Whether a direction begins with a request or a response. Methods that are not known need the whole request line.
#[must_use]
pub fn detect(bytes: &[u8]) -> Verdict {
    // Blank lines before a request line are to be ignored. Source: RFC 9112, section 2.2.
    let bytes = &bytes[bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()..];
    if bytes.is_empty() {
        return Verdict::Unsure;
    }
    let response = b"HTTP/";
    if bytes.starts_with(response) {
        return match bytes.get(5) {
            Some(b'0'..=b'9') => Verdict::Is(Speaker::Server, Kind::Http1),
            Some(_) => Verdict::No,
            None => Verdict::Unsure,
        };
    }
    if response.starts_with(bytes) {
        return Verdict::Unsure;
    }
    request_line(bytes)
}

fn request_line(bytes: &[u8]) -> Verdict {
    // SIP and RTSP borrow the grammar and one method: there the version decides.
    if METHODS.iter().any(|m| bytes.starts_with(m)) && !bytes.starts_with(b"OPTIONS ") {
        return Verdict::Is(Speaker::Client, Kind::Http1);
    }
    let token = bytes.iter().take(METHOD_MAX + 1).take_while(|b| head::is_token(**b)).count();
    match bytes.get(token) {
        None if token <= METHOD_MAX => return Verdict::Unsure,
        Some(b' ' | b'\t') if token > 0 => {}
        _ => return Verdict::No,
    }
    let line_end = memchr::memchr(b'\n', bytes);
    let line = bytes[..line_end.unwrap_or(bytes.len())].trim_ascii_end();
    if line.iter().any(|b| *b < 0x20 && !matches!(b, b'\t' | b'\r')) {
        return Verdict::No;
    }
    let version = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
    match line_end {
        Some(_) if is_version(version) => Verdict::Is(Speaker::Client, Kind::Http1),
        Some(_) => Verdict::No,
        None => Verdict::Unsure,
    }
}

/// `HTTP/1.1` and what may be meant by it.
fn is_version(bytes: &[u8]) -> bool {
    matches!(bytes, [b'H' | b'h', b'T' | b't', b'T' | b't', b'P' | b'p', b'/', b'0' | b'1', b'.', b'0'..=b'9'])
}

/// A parser for one connection.
#[must_use]
pub fn start(limits: &Limits) -> Option<Box<dyn Protocol>> {
    Some(Box::new(observer::Observer::new(limits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detection_table() {
        use Speaker::{Client, Server};
        let client = Verdict::Is(Client, Kind::Http1);
        let cases: [(&[u8], Verdict); 14] = [
            (b"GET / HTTP/1.1\r\n", client.clone()),
            (b"\r\nGET /", client.clone()),
            (b"GET /old\r\n", client.clone()),
            (b"FROB /x HTTP/1.1\r\n", client.clone()),
            (b"M-SEARCH * HTTP/1.1\r\n", client),
            (b"FROB /x", Verdict::Unsure),
            (b"FROB /x something\r\n", Verdict::No),
            (b"HTTP/1.1 200 OK", Verdict::Is(Server, Kind::Http1)),
            (b"HTT", Verdict::Unsure),
            (b"HTTP/x", Verdict::No),
            (b"", Verdict::Unsure),
            (b"\x16\x03\x01", Verdict::No),
            (b"EHLO mail.example\r\n", Verdict::No),
            (b"SSH-2.0-x\r\n", Verdict::No),
        ];
        for (bytes, expected) in cases {
            assert_eq!(detect(bytes), expected, "{}", bytes.escape_ascii());
        }
    }
}
