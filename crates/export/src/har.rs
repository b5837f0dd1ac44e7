//! HTTP Archive 1.2 of stored exchanges.
//!
//! Own fields begin with an underscore, as the format allows. An exchange without a response has status 0, as browsers
//! write it. What was redacted stays so; bodies are there where they were kept.
//! Source: HAR 1.2 Spec by Jan Odvarko.

use std::io::{self, Write};

use arachne_model::table::{BodyRow, ExchangeRow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use crate::{json, url};

/// What browsers write for a type that the message does not tell.
const UNKNOWN_TYPE: &str = "x-unknown";

/// Writes an archive entry by entry; see the module.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    entries: u64,
}

impl<W: Write> Writer<W> {
    /// Begins an archive.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<Self> {
        let creator = json!({"name": "arachne", "version": env!("CARGO_PKG_VERSION")});
        write!(out, "{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"pages\":[],\"entries\":[")?;
        Ok(Self { out, entries: 0 })
    }

    /// Adds an exchange with the bodies that are kept of it.
    ///
    /// # Errors
    /// Those of the output.
    pub fn entry(&mut self, row: &ExchangeRow, bodies: &[BodyRow]) -> io::Result<()> {
        let comma = if self.entries > 0 { ",\n" } else { "\n" };
        self.entries += 1;
        write!(self.out, "{comma}{}", entry(row, bodies))
    }

    /// Ends the archive and gives the output, flushed.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(b"\n]}}\n")?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// One entry.
#[must_use]
pub fn entry(row: &ExchangeRow, bodies: &[BodyRow]) -> Json {
    let body = |direction: &str| bodies.iter().find(|b| b.direction == direction);
    let timings = timings(row);
    json!({
        "startedDateTime": json::instant(row.start),
        "time": timings.iter().sum::<f64>(),
        "request": request(row, body("request")),
        "response": response(row, body("response")),
        "cache": {},
        "timings": {
            "blocked": -1, "dns": -1, "connect": -1, "ssl": -1,
            "send": timings[0], "wait": timings[1], "receive": timings[2],
        },
        "serverIPAddress": row.server_address,
        "connection": row.session,
        "_id": row.id,
        "_service": row.service,
        "_anomalies": words(row.anomalies.as_deref()),
        "_interim": words(row.interim.as_deref()),
    })
}

/// Milliseconds of sending, waiting and receiving. A response may start before its request has ended; it waited for
/// nothing then.
fn timings(row: &ExchangeRow) -> [f64; 3] {
    let sent = row.request_end.unwrap_or(row.start).max(row.start);
    let answered = row.response_start.unwrap_or(sent).max(sent);
    let end = row.end.filter(|_| row.status.is_some()).unwrap_or(answered);
    [(row.start, sent), (sent, answered), (answered, end)].map(|(from, to)| to.saturating_sub(from).max(0) as f64 / 1e6)
}

fn request(row: &ExchangeRow, body: Option<&BodyRow>) -> Json {
    let lines = row.request_headers.as_deref().unwrap_or_default();
    let mut request = json!({
        "method": row.method.as_deref().unwrap_or_default(),
        "url": url::absolute(row),
        "httpVersion": http_version(row),
        "cookies": [],
        "headers": headers(lines),
        "queryString": query(row.query.as_deref().unwrap_or_default()),
        "headersSize": -1,
        "bodySize": row.request_body_size,
    });
    if let Some(body) = body {
        let mut post = content(body);
        post.insert("params".to_owned(), json!([]));
        post.insert("mimeType".to_owned(), json!(body.content_type.as_deref().unwrap_or(UNKNOWN_TYPE)));
        request["postData"] = Json::Object(post);
    }
    request
}

fn response(row: &ExchangeRow, body: Option<&BodyRow>) -> Json {
    let lines = row.response_headers.as_deref().unwrap_or_default();
    let mut about = body.map(content).unwrap_or_default();
    about.insert("size".to_owned(), json!(row.response_body_decoded.unwrap_or(row.response_body_size)));
    about.insert("mimeType".to_owned(), json!(row.content_type.as_deref().unwrap_or(UNKNOWN_TYPE)));
    let location = arachne_filter::header_values(lines, "location").next().unwrap_or_default();
    let mut response = json!({
        "status": row.status.unwrap_or(0),
        "statusText": "",
        "httpVersion": if row.status.is_some() { http_version(row) } else { String::new() },
        "cookies": [],
        "headers": headers(lines),
        "content": about,
        "redirectURL": location,
        "headersSize": -1,
        "bodySize": row.response_body_size,
    });
    if row.status.is_none() {
        response["_error"] = json!("no response was captured");
    }
    response
}

/// The text of a body, in base64 where it is not UTF-8.
fn content(body: &BodyRow) -> Map<String, Json> {
    let mut content = Map::new();
    match std::str::from_utf8(&body.bytes) {
        Ok(text) => content.insert("text".to_owned(), json!(text)),
        Err(_) => {
            content.insert("encoding".to_owned(), json!("base64"));
            content.insert("text".to_owned(), json!(STANDARD.encode(&body.bytes)))
        }
    };
    if body.cut {
        content.insert("_cut".to_owned(), json!(true));
    }
    if let Some(reason) = &body.withheld {
        content.insert("_withheld".to_owned(), json!(reason));
    }
    content
}

fn http_version(row: &ExchangeRow) -> String {
    format!("HTTP/{}", row.version.as_deref().unwrap_or("1.1"))
}

fn headers(lines: &str) -> Vec<Json> {
    lines
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| json!({"name": name, "value": value.trim_start()}))
        .collect()
}

/// Names and values as sent: nothing is decoded, since decoding would lose which bytes were there.
fn query(query: &str) -> Vec<Json> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

fn words(text: Option<&str>) -> Vec<&str> {
    text.map(|t| t.split(' ').collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(ExchangeRow, Vec<BodyRow>)]) -> Json {
        let mut writer = Writer::new(Vec::new()).expect("a Vec takes every byte");
        for (row, bodies) in entries {
            writer.entry(row, bodies).expect("a Vec takes every byte");
        }
        serde_json::from_slice(&writer.finish().expect("a Vec takes every byte")).expect("valid JSON")
    }

    #[test]
    fn an_empty_archive_is_one() {
        assert_eq!(archive(&[])["log"]["entries"], json!([]));
    }

    #[test]
    fn an_exchange_with_its_bodies() {
        let row = ExchangeRow {
            method: Some("GET".to_owned()),
            host: Some("api.shop".to_owned()),
            path: Some("/a".to_owned()),
            query: Some("b=c&d".to_owned()),
            status: Some(200),
            request_end: Some(1_500_000),
            response_start: Some(2_000_000_000),
            end: Some(2_710_000_000),
            request_headers: Some("Host: api.shop\n".to_owned()),
            response_body_size: 4,
            response_body_decoded: Some(5),
            ..ExchangeRow::default()
        };
        let body = BodyRow { direction: "response".to_owned(), bytes: b"\xffello".to_vec(), ..BodyRow::default() };
        let archive = archive(&[(row.clone(), vec![body]), (ExchangeRow::default(), vec![])]);
        let entry = &archive["log"]["entries"][0];
        assert_eq!(entry["time"], 2710.0);
        assert_eq!(entry["timings"]["wait"], 1998.5);
        assert_eq!(entry["request"]["queryString"], json!([{"name":"b","value":"c"},{"name":"d","value":""}]));
        assert_eq!(entry["request"]["headers"], json!([{"name":"Host","value":"api.shop"}]));
        assert_eq!(entry["response"]["content"]["encoding"], "base64");
        assert_eq!(entry["response"]["content"]["size"], 5);
        assert_eq!(archive["log"]["entries"][1]["response"]["status"], 0);
    }
}
