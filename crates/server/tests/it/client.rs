//! A small HTTP/1.1 client that sends what it is told, byte for byte.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

/// An answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The lines of newline-delimited JSON.
    pub fn lines(&self) -> Vec<Json> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Its body when it is a success, else a failed test.
    pub fn ok(self) -> Self {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        self
    }
}

/// A request under construction.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

pub fn call(method: &str, target: &str) -> Call {
    Call { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
}

pub fn get(target: &str) -> Call {
    call("GET", target)
}

pub fn post(target: &str, body: &Json) -> Call {
    sent("POST", target, body)
}

pub fn put(target: &str, body: &Json) -> Call {
    sent("PUT", target, body)
}

fn sent(method: &str, target: &str, body: &Json) -> Call {
    call(method, target).with("Content-Type", "application/json").body(body.to_string())
}

impl Call {
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The request as bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !has("host") {
            out.push_str("Host: localhost\r\n");
        }
        if !has("content-length") && !has("transfer-encoding") && (!self.body.is_empty() || self.method == "POST") {
            out.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        self.headers.iter().for_each(|(name, value)| out.push_str(&format!("{name}: {value}\r\n")));
        out.push_str("Connection: close\r\n\r\n");
        [out.into_bytes(), self.body.clone()].concat()
    }

    pub fn send(&self, address: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time-out");
        // A refusal may come before all was sent.
        let _ = stream.write_all(&self.bytes());
        read(stream)
    }

    pub fn send_to_socket(&self, path: &Path) -> Answer {
        let mut stream = UnixStream::connect(path).expect("the server listens");
        stream.write_all(&self.bytes()).expect("it takes requests");
        read(stream)
    }
}

/// Reads an answer to its end.
pub fn read(stream: impl Read) -> Answer {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    // A refusal may come as a closed connection: status 0.
    let _ = reader.read_line(&mut line);
    let mut answer = Answer { status: line.get(9..12).and_then(|s| s.parse().ok()).unwrap_or(0), ..Answer::default() };
    loop {
        let mut line = String::new();
        let _ = reader.read_line(&mut line);
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        answer.headers.push((name.to_owned(), value.to_owned()));
    }
    // A connection that is torn off ends the body.
    let mut raw = Vec::new();
    let _ = reader.read_to_end(&mut raw);
    answer.body = if answer.header("transfer-encoding") == "chunked" { joined(&raw) } else { raw };
    answer
}

fn joined(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = raw.windows(2).position(|pair| pair == b"\r\n") {
        let size = std::str::from_utf8(&raw[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(size) = size.filter(|size| *size > 0) else { break };
        let from = end + 2;
        body.extend_from_slice(&raw[from..(from + size).min(raw.len())]);
        raw = raw.get(from + size + 2..).unwrap_or_default();
    }
    body
}
