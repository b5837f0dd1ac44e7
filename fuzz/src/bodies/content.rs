//! Bodies through taps: any bytes give facts within the limits, the same for any chunking.

use arachne_content::{TapOptions, tap};
use arachne_model::{BodyFacts, Field, Limits, Message, Span, StartLine, TapFacts};
use arachne_wire::{Direction, MessageHead};

const CODINGS: [&str; 10] =
    ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "br, gzip", "zstd, br", "x-gzip", "gzip, br, zstd"];

/// The first byte picks the coding, the second how the rest is cut.
pub fn content(data: &[u8]) {
    let [coding, cut, body @ ..] = data else { return };
    let limits =
        Limits { body_bytes_max: 4096, decoded_bytes_max: 1 << 18, ratio_from_bytes: 1 << 14, ..Limits::default() };
    let options = TapOptions { decode: true, hash: true, keep: true, limits };
    let coding = CODINGS[usize::from(*coding) % CODINGS.len()];
    let gap = (cut & 0x80 != 0).then_some(body.len() / 2);
    let whole = facts(coding, body, usize::MAX, gap, &options);
    let pieces = facts(coding, body, 1 + usize::from(cut & 0x7f), gap, &options);
    assert_eq!(whole, pieces, "chunking changes nothing");
    assert!(whole.decoded_size.is_none_or(|size| size <= options.limits.decoded_bytes_max));
    assert!(whole.kept.is_none_or(|kept| kept.len() <= options.limits.body_bytes_max));
}

fn facts(coding: &str, body: &[u8], size: usize, gap: Option<usize>, options: &TapOptions) -> TapFacts {
    let message = message(coding);
    let head = MessageHead { direction: Direction::Response, message: &message };
    let mut tap = tap(&head, options).expect("hashes are asked for");
    let (before, behind) = body.split_at(gap.unwrap_or(body.len()));
    for piece in before.chunks(size) {
        tap.write(piece);
        assert!(tap.held_bytes() < 64 << 20, "{} held", tap.held_bytes());
    }
    if gap.is_some() {
        tap.gap(9);
        behind.chunks(size).for_each(|piece| tap.write(piece));
    }
    tap.finish(gap.is_none())
}

fn message(coding: &str) -> Message {
    let name = "Content-Encoding";
    let head = format!("{name}{coding}").into_bytes();
    let number = |n: usize| u32::try_from(n).unwrap_or(0);
    let (middle, end) = (number(name.len()), number(head.len()));
    let field = Field { name: Span { start: 0, end: middle }, value: Span { start: middle, end } };
    Message {
        head,
        start_line: StartLine::Response { version: Span::default(), status: 200, reason: Span::default() },
        fields: vec![field],
        trailers_at: 1,
        body: BodyFacts::default(),
        complete: false,
        wire_bytes: 0,
    }
}
