//! Where a message ends: the rules of RFC 9112, section 6.3, with a flag where peers may have read otherwise.

use arachne_model::{Anomaly, AnomalySet, Field, Message, StartLine};

/// A length above this is a number in form only.
const PLAUSIBLE_LENGTH: u64 = 1 << 36;

/// How the body ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// Nothing is said.
    #[default]
    Unstated,
    /// After so many bytes.
    Known(u64),
    /// After the last chunk.
    Chunked,
    /// It cannot be told: what follows is searched for the next message.
    Unknowable,
}

/// What a head says of its body and of the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Framing {
    /// The end of the body.
    pub length: Length,
    /// `Upgrade: websocket`.
    pub websocket: bool,
}

/// Collects the lines that matter while the head is read.
#[derive(Default)]
pub struct Lines {
    content_length: Option<u64>,
    content_lengths: u32,
    bad_length: bool,
    differing_lengths: bool,
    codings: u32,
    chunked_last: bool,
    other_coding: bool,
    hosts: u32,
    host: Option<Field>,
    websocket: bool,
}

impl Lines {
    /// Looks at one header line, without folded continuations: these are flagged by themselves.
    #[inline]
    pub fn take(&mut self, bytes: &[u8], field: Field, anomalies: &mut AnomalySet) {
        // Few names have the length of one that matters.
        const LENGTHS: u32 = 1 << 4 | 1 << 7 | 1 << 14 | 1 << 17;
        let length = field.name.end - field.name.start;
        if length < 32 && LENGTHS >> length & 1 == 1 {
            self.matters(bytes, field, anomalies);
        }
    }

    fn matters(&mut self, bytes: &[u8], field: Field, anomalies: &mut AnomalySet) {
        let name = &bytes[field.name.start as usize..field.name.end as usize];
        let value = &bytes[field.value.start as usize..field.value.end as usize];
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                self.hosts += 1;
                self.host.get_or_insert(field);
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.websocket |= value.eq_ignore_ascii_case(b"websocket");
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.content_length(value, anomalies),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.transfer_encoding(value),
            _ => {}
        }
    }

    fn content_length(&mut self, value: &[u8], anomalies: &mut AnomalySet) {
        for part in value.split(|b| *b == b',') {
            self.content_lengths += 1;
            match number(part.trim_ascii()) {
                None => self.bad_length = true,
                Some(n) => {
                    self.differing_lengths |= self.content_length.is_some_and(|known| known != n);
                    self.content_length.get_or_insert(n);
                }
            }
        }
        if value.contains(&b',') {
            anomalies.insert(Anomaly::BadCl);
        }
    }

    fn transfer_encoding(&mut self, value: &[u8]) {
        for coding in value.split(|b| *b == b',') {
            let coding = coding.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
            self.codings += 1;
            self.chunked_last = coding.eq_ignore_ascii_case(b"chunked");
            self.other_coding |= !self.chunked_last && !KNOWN_CODINGS.iter().any(|k| coding.eq_ignore_ascii_case(k));
        }
    }

    /// The framing of `message`; `whole` when all its lines were seen.
    pub fn decide(&self, message: &Message, whole: bool, anomalies: &mut AnomalySet) -> Framing {
        self.hosts(message, whole, anomalies);
        if self.content_lengths > 1 {
            anomalies.insert(Anomaly::DupCl);
        }
        let length = if self.codings > 0 {
            self.decide_coding(message, anomalies)
        } else if self.bad_length || self.differing_lengths {
            anomalies.insert(if self.bad_length { Anomaly::BadCl } else { Anomaly::Ambiguous });
            anomalies.insert(Anomaly::Ambiguous);
            Length::Unknowable
        } else {
            if self.content_length.is_some_and(|n| n > PLAUSIBLE_LENGTH) {
                anomalies.insert(Anomaly::BadCl);
            }
            self.content_length.map_or(Length::Unstated, Length::Known)
        };
        Framing { length, websocket: self.websocket }
    }

    /// Transfer-Encoding wins over Content-Length (RFC 9112, section 6.3, rule 3).
    fn decide_coding(&self, message: &Message, anomalies: &mut AnomalySet) -> Length {
        if self.content_lengths > 0 {
            anomalies.insert(Anomaly::TeAndCl);
            anomalies.insert(Anomaly::Ambiguous);
        }
        let old = matches!(message.start_line, StartLine::Request { version, .. } | StartLine::Response { version, .. }
            if message.text(version) == b"HTTP/1.0");
        if self.codings > 1 || self.other_coding || old || !self.chunked_last {
            anomalies.insert(Anomaly::Ambiguous);
        }
        match (self.chunked_last, &message.start_line) {
            (true, _) => Length::Chunked,
            // A response in an unknown coding ends with the connection; a request cannot.
            (false, StartLine::Response { .. }) => Length::Unstated,
            (false, StartLine::Request { .. }) => Length::Unknowable,
        }
    }

    fn hosts(&self, message: &Message, whole: bool, anomalies: &mut AnomalySet) {
        let StartLine::Request { version, target, .. } = message.start_line else {
            return;
        };
        if self.hosts > 1 {
            anomalies.insert(Anomaly::DupHost);
            anomalies.insert(Anomaly::Ambiguous);
        }
        if whole && self.hosts == 0 && message.text(version) == b"HTTP/1.1" {
            anomalies.insert(Anomaly::NoHost);
        }
        let (Some(host), Some(authority)) = (self.host, authority(message.text(target))) else {
            return;
        };
        let host = message.head.get(host.value.start as usize..host.value.end as usize).unwrap_or_default();
        if !host.eq_ignore_ascii_case(authority) {
            anomalies.insert(Anomaly::HostMismatch);
        }
    }
}

const KNOWN_CODINGS: [&[u8]; 5] = [b"gzip", b"x-gzip", b"deflate", b"compress", b"x-compress"];

/// Digits alone, at most 19 of them. Source: RFC 9110, section 8.6.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    text.iter().try_fold(0_u64, |n, digit| n.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

/// The authority of an absolute-form target.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let at = target.windows(3).take(16).position(|w| w == b"://")?;
    let rest = &target[at + 3..];
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    Some(&rest[..end])
}
