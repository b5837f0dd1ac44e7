//! The absolute URL of an exchange: always a valid URI, whatever was sent.
//!
//! Source: RFC 3986, section 2 and appendix A.

use std::io::Write as _;

use arachne_model::Exchange;

use super::json::push;
use super::target::Target;

/// Appends `http://host/path?query`. A host that is none in a URI gives way to the address of the server (it is in the
/// headers as sent); other bytes that a URI may not hold are percent-encoded.
pub fn push_url(out: &mut Vec<u8>, exchange: &Exchange) {
    let target = Target::of(exchange);
    let host = exchange.request.as_ref().and_then(|m| m.header("host"));
    push(out, "http://");
    match host.into_iter().chain(target.authority).find(|h| is_authority(h)) {
        Some(host) => out.extend_from_slice(host),
        None => write!(out, "{}", exchange.server).expect("a Vec takes every byte"),
    }
    let path = target.path.filter(|_| !target.is_authority_form()).unwrap_or_default();
    if !path.starts_with(b"/") {
        out.push(b'/');
    }
    push_encoded(out, path);
    if let Some(query) = target.query {
        out.push(b'?');
        push_encoded(out, query);
    }
}

/// Whether `text` is a name or address with an optional port, as every reader takes it.
fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match text.iter().rposition(|b| *b == b':') {
        Some(at) if !text.ends_with(b"]") => (&text[..at], &text[at + 1..]),
        _ => (text, b"1".as_slice()),
    };
    let is_port =
        std::str::from_utf8(port).is_ok_and(|p| p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok());
    let inner = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]"));
    let is_host = match inner {
        Some(address) => std::str::from_utf8(address).is_ok_and(|a| a.parse::<std::net::Ipv6Addr>().is_ok()),
        None => !host.is_empty() && host.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(b)),
    };
    is_port && is_host
}

fn push_encoded(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for (at, byte) in text.iter().enumerate() {
        let escape = text.get(at + 1..at + 3).is_some_and(|next| next.iter().all(u8::is_ascii_hexdigit));
        let stays = match byte {
            b'%' => escape,
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=".contains(byte),
        };
        if stays {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::push_url;
    use crate::fixtures::{exchange, raw_request};

    #[test]
    fn urls() {
        let check = |method: &str, target: &[u8], host: &str, expected: &str| {
            let asked = raw_request(method.as_bytes(), target, b"HTTP/1.1", &[("Host", host)]);
            let mut out = Vec::new();
            push_url(&mut out, &exchange(Some(asked), None));
            assert_eq!(String::from_utf8(out).expect("URLs are ASCII"), expected);
        };
        check("GET", b"/a?b", "h:80", "http://h:80/a?b");
        check("GET", b"/a b\xff\"%41%4", "h", "http://h/a%20b%FF%22%41%254");
        check("GET", b"/a", "[::1]:80", "http://[::1]:80/a");
        check("GET", b"/a", "[::1]", "http://[::1]/a");
        check("GET", b"/a", "h@evil/x", "http://10.0.0.9:8080/a");
        check("GET", b"/a", "h:99999", "http://10.0.0.9:8080/a");
        check("GET", b"/a", "", "http://10.0.0.9:8080/a");
        check("GET", b"http://other/a", "", "http://other/a");
        check("CONNECT", b"h:443", "h", "http://h/");
        check("OPTIONS", b"*", "h", "http://h/*");
        check("GET", b"/a#b", "h", "http://h/a%23b");
    }
}
