//! The request and response objects of a HAR entry.

use arachne_model::{Exchange, Message};

use super::har_url::push_url;
use super::json::{push, push_base64, push_int, push_string};
use super::target::{Target, method, reason, status, version};

/// What browsers write for a type that the message does not tell.
const UNKNOWN_TYPE: &[u8] = b"x-unknown";

/// Appends the `request` object.
pub fn push_request(out: &mut Vec<u8>, exchange: &Exchange) {
    let request = exchange.request.as_ref();
    push(out, "{\"method\":");
    push_string(out, request.map(method).unwrap_or_default());
    push(out, ",\"url\":\"");
    push_url(out, exchange);
    push(out, "\",\"httpVersion\":");
    push_string(out, request.map(version).unwrap_or_default());
    push(out, ",\"cookies\":[");
    let mut list = List::default();
    for value in values(request, "cookie") {
        for (name, value) in value.split(|b| *b == b';').filter_map(pair) {
            list.next(out);
            push_pair(out, name, value);
            out.push(b'}');
        }
    }
    push(out, "],\"headers\":");
    push_headers(out, request);
    push(out, ",\"queryString\":[");
    push_query(out, Target::of(exchange).query.unwrap_or_default());
    out.push(b']');
    if let Some(request) = request.filter(|m| m.body.size > 0) {
        push_post_data(out, request);
    }
    push_sizes(out, request);
    out.push(b'}');
}

/// Appends the `response` object; status 0 for none, as browsers do.
pub fn push_response(out: &mut Vec<u8>, response: Option<&Message>) {
    push(out, "{\"status\":");
    push_int(out, response.map(status).unwrap_or_default());
    push(out, ",\"statusText\":");
    push_string(out, response.map(reason).unwrap_or_default());
    push(out, ",\"httpVersion\":");
    push_string(out, response.map(version).unwrap_or_default());
    push(out, ",\"cookies\":[");
    let mut list = List::default();
    for cookie in values(response, "set-cookie") {
        push_set_cookie(out, &mut list, cookie);
    }
    push(out, "],\"headers\":");
    push_headers(out, response);
    push(out, ",\"content\":");
    push_content(out, response);
    push(out, ",\"redirectURL\":");
    push_string(out, response.and_then(|m| m.header("location")).unwrap_or_default());
    push_sizes(out, response);
    if response.is_none() {
        push(out, ",\"_error\":\"no response was captured\"");
    }
    out.push(b'}');
}

/// Puts commas between the members of a list.
#[derive(Default)]
struct List {
    started: bool,
}

impl List {
    fn next(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.started, true) {
            out.push(b',');
        }
    }
}

/// The values of all headers called `name`.
fn values<'a>(message: Option<&'a Message>, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let headers = message.into_iter().flat_map(Message::headers);
    headers.filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, v)| v)
}

/// `name=value` with the blanks around both taken away; `None` for an empty part.
fn pair(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let part = part.trim_ascii();
    if part.is_empty() {
        return None;
    }
    let at = memchr::memchr(b'=', part);
    Some(at.map_or((part, b"".as_slice()), |at| (part[..at].trim_ascii(), part[at + 1..].trim_ascii())))
}

/// `{"name":..,"value":..` without the end, so that more may follow.
fn push_pair(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    push(out, "{\"name\":");
    push_string(out, name);
    push(out, ",\"value\":");
    push_string(out, value);
}

fn push_headers(out: &mut Vec<u8>, message: Option<&Message>) {
    let mut list = List::default();
    out.push(b'[');
    for (name, value) in message.into_iter().flat_map(Message::headers) {
        list.next(out);
        push_pair(out, name, value);
        out.push(b'}');
    }
    out.push(b']');
}

/// Names and values as sent: nothing is decoded, since decoding would lose which bytes were there.
fn push_query(out: &mut Vec<u8>, query: &[u8]) {
    let mut list = List::default();
    for part in query.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
        let at = memchr::memchr(b'=', part);
        let (name, value) = at.map_or((part, b"".as_slice()), |at| (&part[..at], &part[at + 1..]));
        list.next(out);
        push_pair(out, name, value);
        out.push(b'}');
    }
}

/// Source: RFC 6265, section 5.2.
fn push_set_cookie(out: &mut Vec<u8>, list: &mut List, cookie: &[u8]) {
    let mut parts = cookie.split(|b| *b == b';');
    let Some((name, value)) = parts.next().and_then(pair) else { return };
    list.next(out);
    push_pair(out, name, value);
    let attributes: Vec<_> = parts.filter_map(pair).collect();
    // The last one wins, by the same section.
    let attribute = |name: &str| {
        let named = attributes.iter().rev().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| *value)
    };
    for (key, name) in [(",\"path\":", "path"), (",\"domain\":", "domain")] {
        if let Some(value) = attribute(name) {
            push(out, key);
            push_string(out, value);
        }
    }
    if let Some(date) = attribute("expires").and_then(date) {
        push(out, ",\"expires\":");
        push_string(out, date.as_bytes());
    }
    for (text, name) in [(",\"httpOnly\":true", "httponly"), (",\"secure\":true", "secure")] {
        if attribute(name).is_some() {
            push(out, text);
        }
    }
    out.push(b'}');
}

/// An HTTP date as RFC 3339; `None` for the many spellings that are not RFC 9110's.
fn date(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(zoned.to_string())
}

fn push_post_data(out: &mut Vec<u8>, request: &Message) {
    push(out, ",\"postData\":{\"mimeType\":");
    push_string(out, request.header("content-type").unwrap_or(UNKNOWN_TYPE));
    push(out, ",\"text\":");
    let tap = request.body.tap.as_ref();
    let kept = tap.and_then(|t| t.kept.as_deref()).unwrap_or_default();
    if !push_string(out, kept) {
        push(out, ",\"_base64\":");
        push_base64(out, kept);
    }
    push_comment(out, request);
    out.push(b'}');
}

fn push_content(out: &mut Vec<u8>, response: Option<&Message>) {
    let tap = response.and_then(|m| m.body.tap.as_deref());
    let on_wire = response.map(|m| m.body.size).unwrap_or_default();
    let decoded = tap.and_then(|t| t.decoded_size);
    push(out, "{\"size\":");
    push_int(out, decoded.unwrap_or(on_wire));
    if let Some(decoded) = decoded {
        push(out, ",\"compression\":");
        push_int(out, i128::from(decoded) - i128::from(on_wire));
    }
    push(out, ",\"mimeType\":");
    push_string(out, response.and_then(|m| m.header("content-type")).unwrap_or(UNKNOWN_TYPE));
    if let Some(kept) = tap.and_then(|t| t.kept.as_deref()) {
        push(out, ",\"text\":");
        if std::str::from_utf8(kept).is_ok() {
            push_string(out, kept);
        } else {
            push_base64(out, kept);
            push(out, ",\"encoding\":\"base64\"");
        }
    }
    if let Some(response) = response {
        push_comment(out, response);
    }
    out.push(b'}');
}

/// Says what of a body is not here.
fn push_comment(out: &mut Vec<u8>, message: &Message) {
    let kept = message.body.tap.as_ref().and_then(|t| t.kept.as_ref().map(|k| (k.len(), t.kept_cut)));
    let mut comments = Vec::new();
    match kept {
        Some((length, true)) => comments.push(format!("only the first {length} bytes were kept")),
        None if message.body.size > 0 => comments.push("the body was not kept".to_owned()),
        _ => {}
    }
    if message.body.missing > 0 {
        comments.push(format!("{} bytes were not captured", message.body.missing));
    }
    if !comments.is_empty() {
        push(out, ",\"comment\":");
        push_string(out, comments.join("; ").as_bytes());
    }
}

/// `headersSize` and `bodySize`; -1 for what was not captured.
fn push_sizes(out: &mut Vec<u8>, message: Option<&Message>) {
    let body = message.map(|m| m.body.size);
    let head = message.and_then(|m| m.wire_bytes.checked_sub(m.body.size)).filter(|head| *head > 0);
    for (key, value) in [(",\"headersSize\":", head), (",\"bodySize\":", body)] {
        push(out, key);
        match value {
            Some(value) => push_int(out, value),
            None => push(out, "-1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::push_response;
    use crate::fixtures::{response, with_body};

    fn object(message: &arachne_model::Message) -> Value {
        let mut out = Vec::new();
        push_response(&mut out, Some(message));
        serde_json::from_slice(&out).expect("valid JSON")
    }

    #[test]
    fn set_cookies() {
        let check = |line: &str, expected: Value| {
            assert_eq!(object(&response(200, &[("Set-Cookie", line)]))["cookies"], expected, "{line}");
        };
        check("", json!([]));
        check("a", json!([{"name":"a","value":""}]));
        check("a=b=c;", json!([{"name":"a","value":"b=c"}]));
        let expires = json!([{"name":"a","value":"b","expires":"2015-10-21T07:28:00Z"}]);
        check("a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT", expires);
        check("a=b; expires=tomorrow", json!([{"name":"a","value":"b"}]));
        check("a=b; domain=x; domain=y", json!([{"name":"a","value":"b","domain":"y"}]));
    }

    #[test]
    fn bodies_that_are_no_text() {
        let content = object(&with_body(response(200, &[]), 2, b"\xff\xfe"))["content"].clone();
        assert_eq!((&content["text"], &content["encoding"]), (&json!("//4="), &json!("base64")));
        assert_eq!(content["mimeType"], "x-unknown");
        let mut cut = with_body(response(200, &[]), 20, b"ab");
        let tap = cut.body.tap.as_mut().expect("built with a tap");
        tap.kept_cut = true;
        tap.decoded_size = Some(20);
        cut.body.missing = 3;
        let content = object(&cut)["content"].clone();
        assert_eq!(content["comment"], "only the first 2 bytes were kept; 3 bytes were not captured");
        assert_eq!((&content["size"], &content["compression"]), (&json!(20), &json!(0)));
    }

    #[test]
    fn sizes_are_known_or_not() {
        let plain = with_body(response(200, &[]), 5, b"hello");
        assert_eq!(object(&plain)["headersSize"], json!(plain.wire_bytes - 5));
        let mut headless = with_body(response(200, &[]), 5, b"hello");
        headless.wire_bytes = 5;
        assert_eq!((&object(&headless)["headersSize"], &object(&headless)["bodySize"]), (&json!(-1), &json!(5)));
    }
}
