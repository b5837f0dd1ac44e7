//! Reads `Content-Encoding`: which codings were applied, in which order.

use arachne_model::{Message, StartLine};

/// A content coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `gzip`, `x-gzip`.
    Gzip,
    /// `deflate`: zlib, or raw deflate as some servers send.
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstd,
}

/// What is to be done with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// No coding was applied.
    Identity,
    /// Codings in the order in which they are undone: the reverse of the header.
    Undo(Vec<Coding>),
    /// There are codings, but none of them can be undone here: an unknown one, or more than the limit.
    Refused,
    /// There are codings that say nothing about these bytes alone: a part of an encoded whole (206).
    Part,
}

/// Reads the codings of `message`; more than `layers_max` are refused.
pub(crate) fn plan(message: &Message, layers_max: usize) -> Plan {
    let mut codings = Vec::new();
    let mut refused = false;
    for token in tokens(message) {
        match coding(token) {
            Ok(Some(coding)) if codings.len() < layers_max => codings.push(coding),
            Ok(None) => {}
            Ok(Some(_)) | Err(Unknown) => refused = true,
        }
    }
    if codings.is_empty() && !refused {
        return Plan::Identity;
    }
    if matches!(message.start_line, StartLine::Response { status: 206, .. }) {
        return Plan::Part;
    }
    if refused {
        return Plan::Refused;
    }
    codings.reverse();
    Plan::Undo(codings)
}

/// The list members of all `Content-Encoding` lines, in order, without blanks.
fn tokens(message: &Message) -> impl Iterator<Item = &[u8]> {
    message
        .headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"))
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

/// A coding that nobody here can undo.
struct Unknown;

fn coding(token: &[u8]) -> Result<Option<Coding>, Unknown> {
    let is = |name: &[u8]| token.eq_ignore_ascii_case(name);
    match () {
        () if is(b"gzip") || is(b"x-gzip") => Ok(Some(Coding::Gzip)),
        () if is(b"deflate") => Ok(Some(Coding::Deflate)),
        () if is(b"br") => Ok(Some(Coding::Brotli)),
        () if is(b"zstd") => Ok(Some(Coding::Zstd)),
        () if is(b"identity") => Ok(None),
        () => Err(Unknown),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use arachne_model::{BodyFacts, Field, Message, Span, StartLine};

    use super::{Coding, Plan, plan};

    /// A response with `status` and `headers`.
    pub(crate) fn response(status: u16, headers: &[(&str, &str)]) -> Message {
        let mut head = Vec::new();
        let mut push = |text: &str| {
            let start = head.len() as u32;
            head.extend_from_slice(text.as_bytes());
            Span { start, end: head.len() as u32 }
        };
        let fields: Vec<_> =
            headers.iter().map(|(name, value)| Field { name: push(name), value: push(value) }).collect();
        Message {
            start_line: StartLine::Response { version: Span::default(), status, reason: Span::default() },
            trailers_at: fields.len(),
            fields,
            head,
            body: BodyFacts::default(),
            complete: false,
            wire_bytes: 0,
        }
    }

    #[test]
    fn codings_are_undone_in_reverse_over_lists_and_lines() {
        use Coding::{Brotli, Deflate, Gzip, Zstd};
        let check = |lines: &[&str], expected: Plan| {
            let headers: Vec<_> = lines.iter().map(|line| ("Content-ENCODING", *line)).collect();
            assert_eq!(plan(&response(200, &headers), 2), expected, "{lines:?}");
        };
        check(&[], Plan::Identity);
        check(&["identity"], Plan::Identity);
        check(&["", " , ,"], Plan::Identity);
        check(&["GZip"], Plan::Undo(vec![Gzip]));
        check(&["x-gzip"], Plan::Undo(vec![Gzip]));
        check(&["deflate, identity ,\tbr"], Plan::Undo(vec![Brotli, Deflate]));
        check(&["gzip", "zstd"], Plan::Undo(vec![Zstd, Gzip]));
        check(&["gzip, br", "zstd"], Plan::Refused);
        check(&["compress"], Plan::Refused);
        check(&["gzip, rot13"], Plan::Refused);
    }

    #[test]
    fn a_part_of_an_encoded_whole_is_left_alone() {
        assert_eq!(plan(&response(206, &[("content-encoding", "gzip")]), 2), Plan::Part);
        assert_eq!(plan(&response(206, &[("content-type", "gzip")]), 2), Plan::Identity);
    }

    #[test]
    fn trailers_do_not_count() {
        let mut message = response(200, &[("content-encoding", "gzip")]);
        message.trailers_at = 0;
        assert_eq!(plan(&message, 2), Plan::Identity);
    }
}
