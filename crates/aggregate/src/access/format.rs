//! Formats as servers are configured with them, compiled: what stands between values, and which value stands where.

use std::collections::BTreeMap;

use thiserror::Error;

use super::text::Escaping;
use crate::json::walk;

/// A value that a record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is named like the variable of nginx or the part of a record that it fills")]
pub enum Field {
    Client,
    User,
    TimeLocal,
    TimeIso,
    TimeEpoch,
    /// A time of a style that is found out.
    TimeAny,
    Request,
    Method,
    Target,
    Protocol,
    Status,
    Bytes,
    Referer,
    UserAgent,
    RequestTime,
    /// Apache's `%D`, `%{us}T`.
    RequestMicros,
    /// `%{ms}T`.
    RequestMillis,
    UpstreamTime,
    UpstreamConnect,
    UpstreamHeader,
    UpstreamStatus,
    UpstreamAddr,
    Cache,
    Host,
    Id,
    /// Anything else.
    Other,
}

/// Text of the format, then a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What stands before the value.
    pub(super) before: Box<[u8]>,
    pub(super) field: Field,
}

/// The parts of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub(super) parts: Box<[Part]>,
    /// What stands behind the last value.
    pub(super) tail: Box<[u8]>,
    pub(super) escaping: Escaping,
}

/// How one file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// Values with text between them.
    Split(Parts),
    /// One JSON object per line: which key, with those above it (`request.method`), is which value.
    Json(BTreeMap<Box<[u8]>, Field>),
    /// HAProxy's `option httplog`.
    Haproxy,
}

/// A format that lines cannot be read by.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FormatError {
    /// No variable in it.
    #[error(
        "`{0}` holds no variable: paste the text of the server's log_format, or name combined, combined_plus, common, lighttpd, json, haproxy"
    )]
    Empty(String),
    /// Two variables with nothing between them.
    #[error(
        "{0} is followed by a variable with nothing between them: nobody could tell where it ends; put a space there"
    )]
    Touching(String),
    /// `escape=` something.
    #[error("escape={0} is not known: default, json and none are")]
    Escape(String),
    /// A directive of Apache without its letter.
    #[error("a directive at byte {0} has no letter behind its %")]
    Directive(usize),
    /// It begins like a JSON object.
    #[error(
        "it begins with {{ and is no JSON object: keys in quotes, a value behind each, and the last brace are needed"
    )]
    NoJson,
    /// A value of a JSON object that nobody could take apart again.
    #[error(
        "`{0}` holds more than one variable, or one and a text: write `\"{0}\":\"$variable\"`, and a key for each of the others"
    )]
    Composed(String),
}

/// nginx's own `combined`.
const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
/// What stands behind it in `combined_plus`.
const PLUS: &str = " $request_time $upstream_cache_status [$upstream_response_time] $upstream_addr $request_id";
const APACHE_COMMON: &str = r#"%h %l %u %t "%r" %>s %b"#;
const APACHE_COMBINED: &str = r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i""#;
const LIGHTTPD: &str = r#"%h %V %u %t "%r" %>s %b %I %O %T "%{Referer}i" "%{User-Agent}i""#;

/// Names that JSON lines of many servers have for values.
const JSON_NAMES: &[(&str, Field)] = &[
    ("time", Field::TimeAny),
    ("@timestamp", Field::TimeAny),
    ("timestamp", Field::TimeAny),
    ("time_iso8601", Field::TimeAny),
    ("time_local", Field::TimeAny),
    ("ts", Field::TimeAny),
    ("msec", Field::TimeEpoch),
    ("addr", Field::Client),
    ("remote_addr", Field::Client),
    ("client_ip", Field::Client),
    ("request.remote_ip", Field::Client),
    ("user", Field::User),
    ("remote_user", Field::User),
    ("request", Field::Request),
    ("method", Field::Method),
    ("request_method", Field::Method),
    ("request.method", Field::Method),
    ("uri", Field::Target),
    ("url", Field::Target),
    ("request_uri", Field::Target),
    ("request.uri", Field::Target),
    ("server_protocol", Field::Protocol),
    ("request.proto", Field::Protocol),
    ("status", Field::Status),
    ("bytes", Field::Bytes),
    ("body_bytes_sent", Field::Bytes),
    ("bytes_sent", Field::Bytes),
    ("size", Field::Bytes),
    ("referer", Field::Referer),
    ("http_referer", Field::Referer),
    ("ua", Field::UserAgent),
    ("http_user_agent", Field::UserAgent),
    ("user_agent", Field::UserAgent),
    ("rt", Field::RequestTime),
    ("request_time", Field::RequestTime),
    ("duration", Field::RequestTime),
    ("urt", Field::UpstreamTime),
    ("upstream_response_time", Field::UpstreamTime),
    ("uct", Field::UpstreamConnect),
    ("upstream_connect_time", Field::UpstreamConnect),
    ("uht", Field::UpstreamHeader),
    ("upstream_header_time", Field::UpstreamHeader),
    ("ustatus", Field::UpstreamStatus),
    ("upstream_status", Field::UpstreamStatus),
    ("uaddr", Field::UpstreamAddr),
    ("upstream_addr", Field::UpstreamAddr),
    ("cache", Field::Cache),
    ("upstream_cache_status", Field::Cache),
    ("host", Field::Host),
    ("http_host", Field::Host),
    ("server_name", Field::Host),
    ("request.host", Field::Host),
    ("id", Field::Id),
    ("request_id", Field::Id),
];

impl Format {
    /// A format by its name, by nginx's `log_format` text (`escape=json` and the like in front), or by Apache's directives;
    /// both also as they stand in the server's configuration, with quotes around them and backslashes before those within.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn new(text: &str) -> Result<Self, FormatError> {
        match text.trim() {
            "combined" => Self::nginx(COMBINED),
            "combined_plus" => Self::nginx(&format!("{COMBINED}{PLUS}")),
            "common" => Self::apache(APACHE_COMMON),
            "apache" | "apache_combined" => Self::apache(APACHE_COMBINED),
            "lighttpd" => Self::apache(LIGHTTPD),
            "json" => Ok(Self::Json(JSON_NAMES.iter().map(|(name, field)| (name.as_bytes().into(), *field)).collect())),
            "haproxy" => Ok(Self::Haproxy),
            text if text.contains('$') => Self::nginx(text),
            text if text.contains('%') => Self::apache(&unquoted(text)),
            text => Err(FormatError::Empty(text.to_owned())),
        }
    }

    /// The text of an nginx `log_format`.
    fn nginx(text: &str) -> Result<Self, FormatError> {
        let (escaping, text) = match text.trim_start().strip_prefix("escape=") {
            None => (Escaping::Nginx, text),
            Some(rest) => {
                let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                let escaping = match name {
                    "default" => Escaping::Nginx,
                    "json" => Escaping::Json,
                    "none" => Escaping::None,
                    _ => return Err(FormatError::Escape(name.to_owned())),
                };
                (escaping, rest)
            }
        };
        let text = unquoted(text);
        if text.trim_start().starts_with('{') {
            return json(&text);
        }
        let (mut build, mut rest) = (Build::default(), text.as_str());
        while let Some(at) = rest.find('$') {
            build.text(&rest[..at]);
            let (name, behind) = variable(&rest[at + 1..]);
            build.value(of_nginx(name), &format!("${name}"))?;
            rest = behind;
        }
        build.text(rest);
        build.done(escaping, &text)
    }

    /// The directives of Apache's `LogFormat`, which are also lighttpd's.
    fn apache(text: &str) -> Result<Self, FormatError> {
        let (mut build, mut rest) = (Build::default(), text);
        while let Some(at) = rest.find('%') {
            build.text(&rest[..at]);
            let behind = &rest[at + 1..];
            let Some((name, letter, end)) = directive(behind) else {
                return Err(FormatError::Directive(text.len() - rest.len() + at));
            };
            match (letter, name) {
                ('%', _) => build.text("%"),
                ('t', "") => {
                    build.text("[");
                    build.value(Field::TimeLocal, "%t")?;
                    build.text("]");
                }
                _ => build.value(of_apache(letter, name), &rest[at..=at + end])?,
            }
            rest = &behind[end..];
        }
        build.text(rest);
        build.done(Escaping::Apache, text)
    }
}

#[derive(Default)]
struct Build {
    parts: Vec<Part>,
    text: String,
    last: String,
}

impl Build {
    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn value(&mut self, field: Field, shown: &str) -> Result<(), FormatError> {
        if self.text.is_empty() && !self.parts.is_empty() {
            return Err(FormatError::Touching(self.last.clone()));
        }
        shown.clone_into(&mut self.last);
        self.parts.push(Part { before: std::mem::take(&mut self.text).into_bytes().into(), field });
        Ok(())
    }

    fn done(self, escaping: Escaping, text: &str) -> Result<Format, FormatError> {
        if self.parts.is_empty() {
            return Err(FormatError::Empty(text.to_owned()));
        }
        let tail = self.text.into_bytes().into();
        Ok(Format::Split(Parts { parts: self.parts.into(), tail, escaping }))
    }
}

/// A format as it stands in a configuration is a text in quotes, or pieces of it: `'$remote_addr ' '"$request"'`. Where the
/// quotes are part of the format it is taken as it is. Either way `\"` is a quote.
fn unquoted(text: &str) -> String {
    let text = text.trim().trim_end_matches(';').trim_end();
    unescaped(&pieces(text).unwrap_or_else(|| text.to_owned()))
}

/// What stands in quotes; None where anything but white space stands outside of them.
fn pieces(text: &str) -> Option<String> {
    let (mut inside, mut rest) = (String::new(), text);
    while let Some(quote @ ('\'' | '"')) = rest.chars().next() {
        let mut escaped = false;
        let ends = |c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        };
        let (piece, behind) = rest[1..].split_once(ends)?;
        inside.push_str(piece);
        rest = behind.trim_start();
    }
    rest.is_empty().then_some(inside)
}

/// What both servers make of backslashes in their configuration; one before any other letter stays.
fn unescaped(text: &str) -> String {
    let (mut out, mut letters) = (String::with_capacity(text.len()), text.chars());
    while let Some(letter) = letters.next() {
        match (letter, letters.as_str().chars().next()) {
            ('\\', Some(c @ ('"' | '\'' | '\\'))) => out.push(c),
            ('\\', Some('t')) => out.push('\t'),
            _ => {
                out.push(letter);
                continue;
            }
        }
        letters.next();
    }
    out
}

/// The name of a variable and what stands behind it: `name` or `{name}`.
fn variable(text: &str) -> (&str, &str) {
    if let Some((name, behind)) = text.strip_prefix('{').and_then(|inside| inside.split_once('}')) {
        return (name, behind);
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

/// The name in braces, the letter, and how long the directive is behind its `%`.
fn directive(text: &str) -> Option<(&str, char, usize)> {
    let start = text.find(|c: char| !matches!(c, '<' | '>' | '!' | ',' | '0'..='9'))?;
    let rest = &text[start..];
    let (name, rest) = rest.strip_prefix('{').and_then(|inside| inside.split_once('}')).unwrap_or(("", rest));
    let letter = rest.chars().next()?;
    Some((name, letter, text.len() - rest.len() + letter.len_utf8()))
}

fn of_nginx(name: &str) -> Field {
    match name {
        "remote_addr" | "realip_remote_addr" => Field::Client,
        "remote_user" => Field::User,
        "time_local" => Field::TimeLocal,
        "time_iso8601" => Field::TimeIso,
        "msec" => Field::TimeEpoch,
        "request" => Field::Request,
        "request_method" => Field::Method,
        "request_uri" | "uri" => Field::Target,
        "server_protocol" => Field::Protocol,
        "status" => Field::Status,
        "body_bytes_sent" | "bytes_sent" => Field::Bytes,
        "http_referer" => Field::Referer,
        "http_user_agent" => Field::UserAgent,
        "request_time" => Field::RequestTime,
        "upstream_response_time" => Field::UpstreamTime,
        "upstream_connect_time" => Field::UpstreamConnect,
        "upstream_header_time" => Field::UpstreamHeader,
        "upstream_status" => Field::UpstreamStatus,
        "upstream_addr" => Field::UpstreamAddr,
        "upstream_cache_status" => Field::Cache,
        "host" | "http_host" | "server_name" => Field::Host,
        "request_id" => Field::Id,
        _ => Field::Other,
    }
}

fn of_apache(letter: char, name: &str) -> Field {
    match (letter, name.to_ascii_lowercase().as_str()) {
        ('h' | 'a', _) => Field::Client,
        ('u', _) => Field::User,
        ('r', _) => Field::Request,
        ('m', _) => Field::Method,
        ('U', _) => Field::Target,
        ('H', _) => Field::Protocol,
        ('s', _) => Field::Status,
        ('b' | 'B', _) => Field::Bytes,
        ('i', "referer") => Field::Referer,
        ('i', "user-agent") => Field::UserAgent,
        ('D', _) | ('T', "us") => Field::RequestMicros,
        ('T', "ms") => Field::RequestMillis,
        ('T', _) => Field::RequestTime,
        ('v' | 'V', _) => Field::Host,
        ('i', "x-request-id") | ('L', _) => Field::Id,
        _ => Field::Other,
    }
}

/// `{"key":"$variable","other":$variable}`.
fn json(text: &str) -> Result<Format, FormatError> {
    let (mut names, mut composed) = (BTreeMap::<Box<[u8]>, Field>::new(), None);
    let text = without_braces(text);
    let walked = walk(text.as_bytes(), &mut |path, value| {
        let value = String::from_utf8_lossy(value.raw());
        let fields: Vec<_> = value.split('$').skip(1).map(|piece| of_nginx(variable(piece).0)).collect();
        match fields.as_slice() {
            [field] if value.strip_prefix('$').is_some_and(|name| variable(name).1.is_empty()) => {
                names.insert(path.into(), *field);
            }
            // What is of no use may be anything.
            fields if fields.iter().all(|field| *field == Field::Other) => {}
            _ => composed = composed.take().or_else(|| Some(String::from_utf8_lossy(path).into_owned())),
        }
    });
    match composed {
        _ if walked.is_none() => Err(FormatError::NoJson),
        Some(key) => Err(FormatError::Composed(key)),
        None if names.is_empty() => Err(FormatError::Empty(text)),
        None => Ok(Format::Json(names)),
    }
}

/// `${name}` as `$name`, where that is the same: a brace would end the object.
fn without_braces(text: &str) -> String {
    let mut pieces = text.split("${");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('}') {
            Some((name, behind)) if !behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') => {
                out.extend(["$", name, behind]);
            }
            _ => out.extend(["${", piece]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_they_stand_in_a_configuration() {
        let plain = Format::new("combined_plus");
        let quoted = format!("'{}'\n      '{}';", COMBINED, PLUS);
        assert_eq!(Format::new(&quoted), plain);
        assert!(
            matches!(Format::new("escape=json '{\"a\":\"$status\",\"b\":$foo}'"), Ok(Format::Json(names)) if names.len() == 2)
        );
        let json = r#"escape=json '{"request":{"method":"$request_method"},"status":${status},"x":"$a-$b"}'"#;
        let names: BTreeMap<_, _> = [("request.method", Field::Method), ("status", Field::Status)]
            .map(|(name, field)| (name.as_bytes().into(), field))
            .into();
        assert_eq!(Format::new(json), Ok(Format::Json(names)));
        let Ok(Format::Split(parts)) = Format::new("escape=none ${remote_addr}x $bytes_sent.") else {
            unreachable!("it is a format of parts")
        };
        assert_eq!((parts.escaping, parts.tail.as_ref()), (Escaping::None, b".".as_slice()));
    }

    /// Found by review: the quotes of httpd.conf were backslashes of the format.
    #[test]
    fn quotes_of_a_configuration_are_not_those_of_the_format() {
        let combined = Format::new("apache");
        for text in [
            r#""%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"""#,
            r#"%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""#,
            APACHE_COMBINED,
        ] {
            assert_eq!(Format::new(text), combined, "{text}");
        }
        assert_eq!(Format::new(r#""\"$request\" $status" " $host""#), Format::new(r#""$request" $status $host"#));
        assert_eq!(Format::new(r#""$request" $status "$host""#), Format::new(r#"'"$request" $status "$host"'"#));
        assert_eq!(Format::new(r"%h\t%s"), Format::new("%h\t%s"));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let table = [
            ("", "holds no variable"),
            ("hello", "holds no variable"),
            ("$a$status", "$a is followed by a variable"),
            ("escape=xml $a", "escape=xml is not known"),
            ("%h %", "byte 3"),
            (r#"{"status":$status,"request":"$request_method $uri"}"#, "`request` holds more than one variable"),
            (r#"{"request":{"time":"at $msec"}}"#, "`request.time` holds more than one variable, or one and a text"),
            (r#"{"status":$status"#, "no JSON object"),
            (r#"{"status":200,"x":"$x y"}"#, "holds no variable"),
        ];
        for (text, message) in table {
            let error = Format::new(text).expect_err("the table holds what is wrong");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }
}
