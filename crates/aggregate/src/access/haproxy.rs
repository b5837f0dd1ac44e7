//! HAProxy's HTTP log, alone or behind a syslog header.
//!
//! `client:port [time] frontend backend/server TR/Tw/Tc/Tr/Ta status bytes ccook scook state conns queues {req} {resp}
//! "request"`. Source: HAProxy 2.6 configuration manual, section 8.2.3.

use memchr::{memchr, memrchr};

use super::request::Request;
use super::stamp::{Stamps, Style, starts_local};
use super::upstream::{Upstreams, status};
use super::{Escaping, Field, Record, Refusal};
use crate::fixed;

/// Reads lines of `option httplog`.
#[derive(Clone, Debug, Default)]
pub(super) struct Haproxy {
    stamps: Stamps,
}

impl Haproxy {
    pub(super) fn read<'a>(&mut self, line: &'a [u8]) -> Result<Record<'a>, Refusal> {
        // A syslog header may hold brackets (`haproxy[7]:`), so the one before a time counts.
        let open = memchr::memchr_iter(b'[', line).find(|&at| starts_local(&line[at + 1..])).ok_or(Refusal::Foreign)?;
        let (before, rest) = (line[..open].trim_ascii_end(), &line[open + 1..]);
        let close = memchr(b']', rest).ok_or(Refusal::Short)?;
        let at = self.stamps.read(&rest[..close], Style::Local).ok_or(Refusal::Shape(Field::TimeLocal))?;
        let client = before.rsplit(|b| *b == b' ').next().filter(|client| !client.is_empty());
        let mut words = rest[close + 1..].trim_ascii_start().splitn(7, |b| *b == b' ');
        let mut word = || words.next().ok_or(Refusal::Short);
        let (frontend, backend, times) = (word()?, word()?, word()?);
        let (code, bytes, _cookies) = (word()?, word()?, word()?);
        let behind = word()?;
        let (request_time, server_time) = times_of(times).ok_or(Refusal::Foreign)?;
        let quote = memchr(b'"', behind).ok_or(Refusal::Short)?;
        let end = memrchr(b'"', behind).filter(|end| *end > quote).ok_or(Refusal::Short)?;
        Ok(Record {
            escaping: Escaping::None,
            at: Some(at),
            client: client.map(without_port),
            request: Request::of(&behind[quote + 1..end]),
            // -1: no answer was sent.
            status: Some(if code == b"-1" { 0 } else { status(code).ok_or(Refusal::Shape(Field::Status))? }),
            bytes: Some(plus(bytes).and_then(fixed::whole).ok_or(Refusal::Shape(Field::Bytes))?),
            request_time,
            upstreams: Upstreams {
                addresses: (!backend.ends_with(b"/<NOSRV>")).then_some(backend),
                times: server_time,
                millis: true,
                ..Upstreams::default()
            },
            user_agent: None,
            host: Some(frontend),
            ..Record::default()
        })
    }
}

/// The whole time in nanoseconds, and the text of the server's time: `TR/Tw/Tc/Tr/Ta`, or four before HAProxy 1.7.
fn times_of(times: &[u8]) -> Option<(Option<u64>, Option<&[u8]>)> {
    let mut parts = [&[][..]; 5];
    let mut count = 0;
    for part in times.split(|b| *b == b'/') {
        *parts.get_mut(count)? = part;
        count += 1;
    }
    let millis = |text: &[u8]| match text {
        b"-1" => Some(None),
        _ => fixed::whole(plus(text)?)?.checked_mul(1_000_000).map(Some),
    };
    let whole = millis(parts.get(count.checked_sub(1)?)?)?;
    let server = parts.get(count.checked_sub(2)?).filter(|_| count >= 4)?;
    millis(server)?;
    Some((whole, (*server != b"-1").then_some(server)))
}

/// With `option logasap` numbers that may still grow have a plus.
fn plus(text: &[u8]) -> Option<&[u8]> {
    Some(text.strip_prefix(b"+").unwrap_or(text)).filter(|text| !text.is_empty())
}

fn without_port(client: &[u8]) -> &[u8] {
    memrchr(b':', client).map_or(client, |at| &client[..at])
}
