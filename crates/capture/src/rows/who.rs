//! Who asked, and by which ids others know the request: read from header lines after redaction.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::text::{some_text, text};

/// An id of others is kept up to this many bytes.
const ID_BYTES_MAX: usize = 200;

/// The user of a redacted `Authorization`: that of Basic and Digest, or the subject of a JSON Web Token.
pub fn user(value: &[u8]) -> Option<String> {
    let (scheme, rest) = value.split_at(value.iter().position(|b| *b == b' ')?);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"basic") {
        // What redaction leaves of it: the user, a colon and the mark.
        let whole = rest.starts_with(b"[redacted:");
        return if whole { None } else { some_text(&rest[..rest.iter().position(|b| *b == b':')?]) };
    }
    if scheme.eq_ignore_ascii_case(b"digest") {
        return quoted(rest, b"username=");
    }
    subject(rest)
}

/// The value of a quoted parameter.
fn quoted(list: &[u8], name: &[u8]) -> Option<String> {
    let at = list.windows(name.len()).position(|w| w.eq_ignore_ascii_case(name))?;
    let value = list[at + name.len()..].strip_prefix(b"\"")?;
    some_text(&value[..value.iter().position(|b| *b == b'"')?])
}

/// The claim `sub` of a token. Source: RFC 7519, section 4.1.2.
fn subject(token: &[u8]) -> Option<String> {
    let claims = token.strip_prefix(b"eyJ")?.split(|b| *b == b'.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    match serde_json::from_slice::<serde_json::Value>(&claims).ok()?.get_mut("sub")?.take() {
        serde_json::Value::String(subject) if !subject.is_empty() => Some(subject),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The left-most valid address of an `X-Forwarded-For`.
pub fn forwarded_for(value: &[u8]) -> Option<IpAddr> {
    value.split(|b| *b == b',').find_map(address)
}

/// The left-most valid address of a `Forwarded`. Source: RFC 7239, section 4.
pub fn forwarded(value: &[u8]) -> Option<IpAddr> {
    value.split(|b| matches!(b, b',' | b';')).find_map(|pair| {
        let (name, value) = pair.split_at(pair.iter().position(|b| *b == b'=')?);
        if name.trim_ascii().eq_ignore_ascii_case(b"for") { address(&value[1..]) } else { None }
    })
}

/// An address, with or without quotes, brackets and a port.
fn address(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?.trim().trim_matches('"');
    let address = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?.parse().ok()?,
        None => match text.parse() {
            Ok(address) => address,
            Err(_) => text.rsplit_once(':')?.0.parse::<std::net::Ipv4Addr>().ok()?.into(),
        },
    };
    Some(IpAddr::to_canonical(&address))
}

/// What a header tells of the trace. Lower-case names: `traceparent`, `b3`, `x-b3-traceid`, `uber-trace-id`.
pub fn trace_id(name: &[u8], value: &[u8]) -> Option<String> {
    let mut parts = value.trim_ascii().split(|b| matches!(b, b'-' | b':'));
    let id = match name {
        b"traceparent" => parts.nth(1)?,
        _ => parts.next()?,
    };
    let hex = (16..=32).contains(&id.len()) && id.iter().all(u8::is_ascii_hexdigit) && id.iter().any(|b| *b != b'0');
    hex.then(|| text(&id.to_ascii_lowercase()))
}

/// How much a header is wanted as the request id: the lowest counts; `None` for other headers.
pub fn request_id_rank(name: &[u8]) -> Option<u8> {
    Some(match name {
        b"x-request-id" => 0,
        b"x-correlation-id" => 1,
        b"request-id" => 2,
        b"correlation-id" => 3,
        b"x-amzn-trace-id" => 4,
        b"x-amzn-requestid" | b"x-amz-request-id" => 5,
        b"cf-ray" => 6,
        _ => return None,
    })
}

/// The id in such a header.
pub fn request_id(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii();
    // `Root=1-67891233-abcdef012345678912345678;Parent=...` of a load balancer.
    let value = match value.strip_prefix(b"Root=") {
        Some(root) => root.split(|b| *b == b';').next().unwrap_or(root),
        None => value,
    };
    some_text(&value[..value.len().min(ID_BYTES_MAX)])
}

#[cfg(test)]
mod tests {
    use super::{forwarded, forwarded_for, request_id, trace_id, user};

    #[test]
    fn users() {
        let check = |value: &str, expected: Option<&str>| assert_eq!(user(value.as_bytes()).as_deref(), expected);
        check("Basic anna:[redacted:0011223344556677]", Some("anna"));
        check("basic [redacted:", None);
        check("Digest username=\"b o\", realm=\"x\"", Some("b o"));
        check("Digest realm=\"x\"", None);
        check("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYXJsIn0.[redacted:0011223344556677]", Some("carl"));
        check("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOjEyfQ.x", Some("12"));
        check("Bearer eyJhbGciOiJub25lIn0.!!!.x", None);
        check("Bearer [redacted:0011223344556677]", None);
        check("Bearer", None);
        check("", None);
    }

    #[test]
    fn origins() {
        let check = |found: Option<std::net::IpAddr>, expected: &str| {
            assert_eq!(found.map(|a| a.to_string()).unwrap_or_default(), expected);
        };
        check(forwarded_for(b"unknown, 192.0.2.7:4711, 10.0.0.1"), "192.0.2.7");
        check(forwarded_for(b"2001:DB8::1"), "2001:db8::1");
        check(forwarded_for(b"::ffff:10.0.0.1"), "10.0.0.1");
        check(forwarded_for(b"<script>"), "");
        check(forwarded(b"for=_hidden;proto=http, For=\"[2001:db8::2]:80\";by=1.2.3.4"), "2001:db8::2");
        check(forwarded(b"by=1.2.3.4"), "");
    }

    #[test]
    fn ids_of_others() {
        let trace = |name: &str, value: &str| trace_id(name.as_bytes(), value.as_bytes()).unwrap_or_default();
        assert_eq!(
            trace("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(
            trace("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
            "80f198ee56343ba864fe8b2a57d3eff7"
        );
        assert_eq!(trace("x-b3-traceid", "463ac35c9f6413ad"), "463ac35c9f6413ad");
        assert_eq!(trace("traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"), "");
        assert_eq!(trace("b3", "0"), "");
        assert_eq!(request_id(b"Root=1-678-abc;Parent=1").as_deref(), Some("1-678-abc"));
        assert_eq!(request_id(b" "), None);
    }
}
