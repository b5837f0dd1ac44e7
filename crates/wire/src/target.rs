//! A request target in its parts.
//!
//! Source: RFC 9112, section 3.2; nothing is decoded or normalised but the empty path of an absolute form, which is `/`
//! by RFC 9110, section 4.2.3.

use arachne_model::{Exchange, Message, StartLine};

/// The parts of a request target, as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Target<'a> {
    /// Host and port of an absolute or authority form.
    pub authority: Option<&'a [u8]>,
    /// The path; `*` for the asterisk form, the authority for CONNECT; `None` where nothing was captured.
    pub path: Option<&'a [u8]>,
    /// What follows the first `?`.
    pub query: Option<&'a [u8]>,
}

impl<'a> Target<'a> {
    /// Splits `target` of a request with `method`.
    #[must_use]
    pub fn split(method: &[u8], target: &'a [u8]) -> Self {
        if target.is_empty() {
            return Self::default();
        }
        if target[0] == b'/' {
            return Self::with_path(None, target);
        }
        if method == b"CONNECT" {
            return Self { authority: Some(target), path: Some(target), query: None };
        }
        match after_scheme(target) {
            None => Self::with_path(None, target),
            Some(rest) => {
                let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
                Self::with_path(Some(&rest[..end]), &rest[end..])
            }
        }
    }

    /// The target of CONNECT: host and port, and nothing else.
    #[must_use]
    pub fn is_authority_form(&self) -> bool {
        self.authority.is_some() && self.authority == self.path
    }

    /// The parts of the request of `exchange`.
    #[must_use]
    pub fn of(exchange: &'a Exchange) -> Self {
        exchange.request.as_ref().map(|m| Self::split(method(m), target(m))).unwrap_or_default()
    }

    fn with_path(authority: Option<&'a [u8]>, rest: &'a [u8]) -> Self {
        let (path, query) = match memchr::memchr(b'?', rest) {
            None => (rest, None),
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        };
        let path = if path.is_empty() && authority.is_some() { b"/" } else { path };
        Self { authority, path: Some(path), query }
    }
}

/// What follows `scheme://`, if `target` starts so.
fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let colon =
        target.iter().position(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.'))?;
    if colon == 0 { None } else { target[colon..].strip_prefix(b"://") }
}

/// The method of a request as sent, empty for a response.
#[must_use]
pub fn method(message: &Message) -> &[u8] {
    match message.start_line {
        StartLine::Request { method, .. } => message.text(method),
        StartLine::Response { .. } => b"",
    }
}

/// The target of a request as sent, empty for a response.
#[must_use]
pub fn target(message: &Message) -> &[u8] {
    match message.start_line {
        StartLine::Request { target, .. } => message.text(target),
        StartLine::Response { .. } => b"",
    }
}

/// The status of a response, 0 where it is no number.
#[must_use]
pub fn status(message: &Message) -> u16 {
    match message.start_line {
        StartLine::Response { status, .. } => status,
        StartLine::Request { .. } => 0,
    }
}

/// The reason phrase of a response.
#[must_use]
pub fn reason(message: &Message) -> &[u8] {
    match message.start_line {
        StartLine::Response { reason, .. } => message.text(reason),
        StartLine::Request { .. } => b"",
    }
}

/// The version of a message as sent, `HTTP/1.1`.
#[must_use]
pub fn version(message: &Message) -> &[u8] {
    match message.start_line {
        StartLine::Request { version, .. } | StartLine::Response { version, .. } => message.text(version),
    }
}

/// The version of an exchange as OpenTelemetry writes it, `1.1`: that of the request, `0.9` for a request line without
/// one, that of the response where the request does not tell.
#[must_use]
pub fn protocol_version(exchange: &Exchange) -> Option<&[u8]> {
    let request = exchange.request.as_ref();
    if let Some(sent) = request.map(version).filter(|v| !v.is_empty()) {
        return Some(number(sent));
    }
    if request.is_some_and(|m| !method(m).is_empty() && !target(m).is_empty()) {
        return Some(b"0.9");
    }
    exchange.response.as_ref().map(version).filter(|v| !v.is_empty()).map(number)
}

fn number(version: &[u8]) -> &[u8] {
    match version.split_at_checked(5) {
        Some((name, number)) if name.eq_ignore_ascii_case(b"HTTP/") && !number.is_empty() => number,
        _ => version,
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, number};

    fn check(method: &str, target: &str, authority: Option<&str>, path: Option<&str>, query: Option<&str>) {
        let bytes = |text: Option<&'static str>| text.map(str::as_bytes);
        let leak = |text: Option<&str>| text.map(|t| &*t.to_owned().leak());
        let expected = Target { authority: bytes(leak(authority)), path: bytes(leak(path)), query: bytes(leak(query)) };
        assert_eq!(Target::split(method.as_bytes(), target.as_bytes()), expected, "{method} {target}");
    }

    #[test]
    fn all_four_forms() {
        check("GET", "/a/b?c=d?e", None, Some("/a/b"), Some("c=d?e"));
        check("GET", "/", None, Some("/"), None);
        check("GET", "/?", None, Some("/"), Some(""));
        check("GET", "//host/x", None, Some("//host/x"), None);
        check("GET", "/redirect?to=http://x/", None, Some("/redirect"), Some("to=http://x/"));
        check("GET", "http://a.b:80/p?q", Some("a.b:80"), Some("/p"), Some("q"));
        check("GET", "HTTPS://a", Some("a"), Some("/"), None);
        check("GET", "http://a?q", Some("a"), Some("/"), Some("q"));
        check("GET", "http:///x", Some(""), Some("/x"), None);
        check("CONNECT", "a.b:443", Some("a.b:443"), Some("a.b:443"), None);
        check("CONNECT", "/odd", None, Some("/odd"), None);
        check("OPTIONS", "*", None, Some("*"), None);
    }

    #[test]
    fn what_is_no_form_at_all() {
        check("GET", "", None, None, None);
        check("GET", "a.b:443", None, Some("a.b:443"), None);
        check("GET", "?x", None, Some(""), Some("x"));
        check("GET", "://x", None, Some("://x"), None);
        check("get", "grün", None, Some("grün"), None);
    }

    #[test]
    fn versions() {
        assert_eq!(number(b"HTTP/1.1"), b"1.1");
        assert_eq!(number(b"http/1.0"), b"1.0");
        assert_eq!(number(b"HTTP/"), b"HTTP/");
        assert_eq!(number(b"ICY"), b"ICY");
    }
}
