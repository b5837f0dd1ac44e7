//! The request line as a server logs it, which is whatever came.

/// `METHOD TARGET PROTOCOL`, as far as it is that. Slices of the line, still escaped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// The line as a whole; None where the format has only parts of it.
    pub line: Option<&'a [u8]>,
    /// The method: capital letters. None where the line is no request: empty, a TLS hello, `SSH-2.0-Go`.
    pub method: Option<&'a [u8]>,
    /// The target; may hold spaces.
    pub target: Option<&'a [u8]>,
    /// `HTTP/1.1`; None for HTTP/0.9 and for lines that were cut.
    pub protocol: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Takes a request line apart.
    #[must_use]
    pub fn of(line: &'a [u8]) -> Self {
        let whole = Self { line: Some(line), ..Self::default() };
        let Some(space) = memchr::memchr(b' ', line) else { return whole };
        let (method, rest) = (&line[..space], &line[space + 1..]);
        if !method.iter().all(u8::is_ascii_uppercase) || method.is_empty() {
            return whole;
        }
        let (target, protocol) = match memchr::memrchr(b' ', rest) {
            Some(at) if is_protocol(&rest[at + 1..]) => (&rest[..at], Some(&rest[at + 1..])),
            _ => (rest, None),
        };
        Self { method: Some(method), target: Some(target), protocol, ..whole }
    }

    /// Whether the line names a method, a target and a protocol.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.method.is_some() && self.protocol.is_some()
    }

    /// The target up to its query.
    #[must_use]
    pub fn path(&self) -> Option<&'a [u8]> {
        let target = self.target?;
        Some(&target[..memchr::memchr(b'?', target).unwrap_or(target.len())])
    }
}

fn is_protocol(text: &[u8]) -> bool {
    matches!(
        text,
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9'] | [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']
    )
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn lines_that_are_none_have_no_method() {
        let table: &[(&str, Option<&str>, Option<&str>, bool)] = &[
            ("GET /a?b HTTP/1.1", Some("GET"), Some("/a?b"), true),
            ("GET /a b c HTTP/1.1", Some("GET"), Some("/a b c"), true),
            (r"GET / HTTP/1.1\x5C", Some("GET"), Some(r"/ HTTP/1.1\x5C"), false),
            ("GET /", Some("GET"), Some("/"), false),
            ("PRI * HTTP/2.0", Some("PRI"), Some("*"), true),
            ("CONNECT example.com:443 HTTP/1.1", Some("CONNECT"), Some("example.com:443"), true),
            ("get / HTTP/1.1", None, None, false),
            ("", None, None, false),
            (" / HTTP/1.1", None, None, false),
            (r"\x16\x03\x01", None, None, false),
            ("SSH-2.0-Go", None, None, false),
        ];
        for &(line, method, target, whole) in table {
            let request = Request::of(line.as_bytes());
            assert_eq!(request.method, method.map(str::as_bytes), "{line}");
            assert_eq!((request.target, request.is_whole()), (target.map(str::as_bytes), whole), "{line}");
        }
    }
}
