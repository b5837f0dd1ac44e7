//! Protocols that are named but not parsed: HTTP/2, TLS, SSH, PostgreSQL, Redis, DNS over TCP.
//!
//! Sources: RFC 9113 section 3.4; RFC 8446 section 4.1.2, RFC 6066 section 3, RFC 7301; RFC 4253 section 4.2;
//! PostgreSQL documentation, "Message Formats"; Redis serialization protocol specification; RFC 1035 section 4.2.2.

use arachne_model::Protocol as Kind;

use super::{Speaker, Verdict};
use crate::bytes::{be16, be32, u8_at};

/// Whether `bytes` begins with `magic`, or could when more comes.
fn starts(bytes: &[u8], magic: &[u8]) -> Option<bool> {
    let common = bytes.len().min(magic.len());
    match bytes[..common] == magic[..common] {
        true if common == magic.len() => Some(true),
        true => None,
        false => Some(false),
    }
}

fn by_magic(bytes: &[u8], magic: &[u8], speaker: Speaker, kind: Kind) -> Verdict {
    match starts(bytes, magic) {
        Some(true) => Verdict::Is(speaker, kind),
        None => Verdict::Unsure,
        Some(false) => Verdict::No,
    }
}

/// The connection preface of the client.
pub fn http2(bytes: &[u8]) -> Verdict {
    by_magic(bytes, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Speaker::Client, Kind::Http2)
}

/// The identification string that both sides send.
pub fn ssh(bytes: &[u8]) -> Verdict {
    by_magic(bytes, b"SSH-", Speaker::Either, Kind::Ssh)
}

/// A handshake record with a ClientHello or ServerHello, or a later record of a connection found in the middle.
pub fn tls(bytes: &[u8]) -> Verdict {
    let (Some(kind), Some(version)) = (u8_at(bytes, 0), be16(bytes, 1)) else {
        return if matches!(bytes, [0x14..=0x17] | [0x14..=0x17, 3]) { Verdict::Unsure } else { Verdict::No };
    };
    if !(0x14..=0x17).contains(&kind) || !(0x0300..=0x0304).contains(&version) {
        return Verdict::No;
    }
    let Some(length) = be16(bytes, 3) else {
        return Verdict::Unsure;
    };
    if length == 0 || length > 0x4100 {
        return Verdict::No;
    }
    match (kind, u8_at(bytes, 5)) {
        (0x16, Some(1)) => client_hello(bytes),
        (0x16, Some(2)) => Verdict::Is(Speaker::Server, nameless()),
        (_, Some(_)) => Verdict::Is(Speaker::Either, nameless()),
        (_, None) => Verdict::Unsure,
    }
}

/// TLS of which no ClientHello is known.
const fn nameless() -> Kind {
    Kind::Tls { server_name: None, alpn: Vec::new() }
}

fn client_hello(bytes: &[u8]) -> Verdict {
    let hello = join_records(bytes);
    let Some(length) = be32(&hello, 0).map(|word| (word & 0x00ff_ffff) as usize) else {
        return Verdict::Unsure;
    };
    match hello.get(4..4 + length) {
        Some(body) => Verdict::Is(Speaker::Client, hello_facts(body).unwrap_or_else(nameless)),
        // A hello may span records and segments; the limit of detection ends the wait.
        None if length <= 16_384 => Verdict::Unsure,
        None => Verdict::Is(Speaker::Client, nameless()),
    }
}

/// The handshake bytes of the records at the front: a large hello is cut over several.
fn join_records(mut bytes: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(bytes.len());
    while let [0x16, 3, _, high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        joined.extend_from_slice(&rest[..length]);
        bytes = &rest[length..];
    }
    joined
}

/// Server name and application protocols of a ClientHello body. `None` when it is malformed.
fn hello_facts(body: &[u8]) -> Option<Kind> {
    // Version and random, then session id, cipher suites and compression methods, each behind its length.
    let mut at = 34;
    at += 1 + usize::from(u8_at(body, at)?);
    at += 2 + usize::from(be16(body, at)?);
    at += 1 + usize::from(u8_at(body, at)?);
    let mut extensions = body.get(at + 2..)?;
    let (mut server_name, mut alpn) = (None, Vec::new());
    while let Some(kind) = be16(extensions, 0) {
        let length = usize::from(be16(extensions, 2)?);
        let value = extensions.get(4..4 + length)?;
        match kind {
            0 => server_name = value.get(5..).filter(|n| !n.is_empty() && n.len() <= 255).map(<[u8]>::to_vec),
            16 => alpn = protocol_names(value.get(2..)?),
            _ => {}
        }
        extensions = &extensions[4 + length..];
    }
    Some(Kind::Tls { server_name, alpn })
}

fn protocol_names(mut list: &[u8]) -> Vec<Vec<u8>> {
    let mut names = Vec::new();
    while let [length, rest @ ..] = list {
        let Some(name) = rest.get(..usize::from(*length)) else {
            break;
        };
        if names.len() < 16 {
            names.push(name.to_vec());
        }
        list = &rest[name.len()..];
    }
    names
}

/// StartupMessage, SSLRequest, GSSENCRequest or CancelRequest of the client.
pub fn postgresql(bytes: &[u8]) -> Verdict {
    let Some(length) = be32(bytes, 0) else {
        return if bytes.first() == Some(&0) { Verdict::Unsure } else { Verdict::No };
    };
    if !(8..=10_000).contains(&length) {
        return Verdict::No;
    }
    match (length, be32(bytes, 4)) {
        (8, Some(80_877_103 | 80_877_104)) | (16, Some(80_877_102)) | (9.., Some(0x0003_0000 | 0x0003_0002)) => {
            Verdict::Is(Speaker::Client, Kind::PostgreSql)
        }
        (_, None) => Verdict::Unsure,
        _ => Verdict::No,
    }
}

/// An array of bulk strings, which is what clients send: `*2\r\n$3\r\nGET\r\n`.
pub fn redis(bytes: &[u8]) -> Verdict {
    let [b'*', rest @ ..] = bytes else {
        return Verdict::No;
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits > 7 {
        return Verdict::No;
    }
    match &rest[digits..] {
        [] => Verdict::Unsure,
        tail if digits > 0 => by_magic(tail, b"\r\n$", Speaker::Client, Kind::Redis),
        _ => Verdict::No,
    }
}

/// A length, then a DNS header that can only be one: opcode 0, one question, nothing odd in the counts.
pub fn dns(bytes: &[u8]) -> Verdict {
    let Some(length) = be16(bytes, 0) else {
        return if matches!(bytes, [0..8]) { Verdict::Unsure } else { Verdict::No };
    };
    if length < 17 {
        return Verdict::No;
    }
    let (Some(flags), Some(questions), Some(answers), Some(authorities), Some(additional)) =
        (be16(bytes, 4), be16(bytes, 6), be16(bytes, 8), be16(bytes, 10), be16(bytes, 12))
    else {
        return if bytes.len() < 14 && bytes[0] < 8 { Verdict::Unsure } else { Verdict::No };
    };
    let is_response = flags & 0x8000 != 0;
    let plausible = flags & 0x7840 == 0
        && questions == 1
        && additional <= 64
        && if is_response {
            answers <= 512 && authorities <= 64
        } else {
            answers == 0 && authorities == 0 && flags & 0x000f == 0
        };
    // The first label of the question, or the root.
    if !plausible || u8_at(bytes, 14).is_some_and(|label| label > 63) || bytes.len() - 2 > usize::from(length) + 4096 {
        return Verdict::No;
    }
    Verdict::Is(if is_response { Speaker::Server } else { Speaker::Client }, Kind::Dns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        use Speaker::{Client, Either, Server};
        let hello = hello(b"shop.example", &[b"h2", b"http/1.1"]);
        let tls_kind =
            Kind::Tls { server_name: Some(b"shop.example".to_vec()), alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()] };
        let anonymous = Kind::Tls { server_name: None, alpn: vec![] };
        type Case<'a> = (fn(&[u8]) -> Verdict, &'a [u8], Verdict);
        let cases: Vec<Case<'_>> = vec![
            (http2, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0", Verdict::Is(Client, Kind::Http2)),
            (http2, b"PRI * HT", Verdict::Unsure),
            (http2, b"PRI * HTTP/1.1", Verdict::No),
            (ssh, b"SSH-2.0-OpenSSH", Verdict::Is(Either, Kind::Ssh)),
            (tls, &hello, Verdict::Is(Client, tls_kind)),
            (tls, &hello[..40], Verdict::Unsure),
            (tls, &[0x16, 3, 3, 0, 4, 2], Verdict::Is(Server, anonymous.clone())),
            (tls, &[0x17, 3, 3, 0, 4, 9], Verdict::Is(Either, anonymous)),
            (tls, b"GET / HTTP/1.1", Verdict::No),
            (postgresql, &[0, 0, 0, 8, 4, 210, 22, 47], Verdict::Is(Client, Kind::PostgreSql)),
            (postgresql, &[0, 0, 0, 30, 0, 3, 0, 0, b'u'], Verdict::Is(Client, Kind::PostgreSql)),
            (postgresql, &[0, 0, 0, 30, 0, 9, 0, 0], Verdict::No),
            (redis, b"*1\r\n$4\r\nPING\r\n", Verdict::Is(Client, Kind::Redis)),
            (redis, b"*1", Verdict::Unsure),
            (redis, b"*\r\n", Verdict::No),
            (dns, b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example", Verdict::Is(Client, Kind::Dns)),
            (dns, b"\0\x1d\x12\x34\x01\0\0\x02\0\0\0\0\0\0\x07example", Verdict::No),
        ];
        for (detect, bytes, expected) in cases {
            assert_eq!(detect(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    fn hello(name: &[u8], protocols: &[&[u8]]) -> Vec<u8> {
        let sized = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes(), bytes].concat();
        let list: Vec<u8> =
            protocols.iter().flat_map(|p| [&[u8::try_from(p.len()).unwrap_or(0)], *p].concat()).collect();
        let server_name = [&[0, 0][..], &sized(&sized(&[&[0][..], &sized(name)].concat()))].concat();
        let alpn = [&[0, 16][..], &sized(&sized(&list))].concat();
        let body =
            [&[3, 3][..], &[7; 32], &[0], &[0, 2, 0x13, 1], &[1, 0], &sized(&[server_name, alpn].concat())].concat();
        let handshake = [&[1, 0][..], &sized(&body)].concat();
        [&[0x16, 3, 1][..], &sized(&handshake)].concat()
    }
}
