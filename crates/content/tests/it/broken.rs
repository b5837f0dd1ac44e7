//! Bodies that do not unpack.

use std::io::Write as _;

use arachne_model::{Anomaly, TapFacts};

use crate::support::{
    CODINGS, all, brotli, brotli_window, facts_of, gzip, only, raw_deflate, sha256, tap_for, text, zlib, zstd,
};

/// Asserts that `raw` is shown as sent, with `decompress_error`.
fn shown_as_sent(header: &str, raw: &[u8]) {
    let expected = TapFacts {
        decoded_size: None,
        sha256: Some(sha256(raw)),
        decoded_sha256: None,
        kept: Some(raw.to_vec()),
        kept_cut: false,
        anomalies: only(Anomaly::DecompressError),
    };
    assert_eq!(facts_of(header, raw, &all()), expected, "{header}");
}

#[test]
fn what_is_not_encoded_is_shown_as_sent() {
    let plain = b"<html>not encoded at all</html>";
    for header in ["gzip", "deflate", "br", "zstd", "gzip, br", "rot13", "compress", "utf-8", "gzip, br, zstd"] {
        shown_as_sent(header, plain);
    }
    shown_as_sent("gzip", b"\x1f");
    shown_as_sent("gzip", &gzip(b"content")[..9]);
    shown_as_sent("deflate", b"\x78");
}

#[test]
fn impossible_gzip_headers_are_refused() {
    for (at, byte) in [(0, 0x1e), (1, 0x8c), (2, 7), (3, 0x20), (3, 0x80)] {
        let mut raw = gzip(b"content");
        raw[at] = byte;
        shown_as_sent("gzip", &raw);
    }
}

#[test]
fn zlib_with_a_dictionary_that_nobody_has_is_refused() {
    shown_as_sent("deflate", &[0x78, 0xbb, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_wrong_checksum_is_flagged_and_the_content_stays() {
    let content = text(5000, 5);
    let last_byte_changed = |mut raw: Vec<u8>, from_end: usize| {
        let at = raw.len() - from_end;
        raw[at] ^= 1;
        raw
    };
    for (name, raw, cut) in [
        ("gzip", last_byte_changed(gzip(&content), 8), false),
        ("gzip", last_byte_changed(gzip(&content), 1), false),
        ("deflate", last_byte_changed(zlib(&content), 1), true),
        ("zstd", last_byte_changed(zstd(&content), 1), true),
    ] {
        let facts = facts_of(name, &raw, &all());
        assert_eq!(facts.decoded_size, Some(5000), "{name}");
        assert_eq!(facts.kept.as_deref(), Some(&content[..]));
        assert_eq!((facts.anomalies, facts.kept_cut), (only(Anomaly::DecompressError), cut), "{name}");
    }
}

#[test]
fn what_follows_the_end_is_flagged_and_the_content_stays() {
    let content = text(5000, 6);
    for (name, encode) in CODINGS {
        for garbage in [&b"\0"[..], b"garbage behind the end", &[0; 5000]] {
            let facts = facts_of(name, &[&encode(&content), garbage].concat(), &all());
            assert_eq!(facts.decoded_size, Some(5000), "{name}");
            assert_eq!(facts.kept.as_deref(), Some(&content[..]));
            assert_eq!(facts.anomalies, only(Anomaly::DecompressError), "{name}");
        }
    }
}

/// What a cut body gives: the beginning of the content.
fn is_beginning(facts: &TapFacts, content: &[u8], name: &str) {
    assert_eq!(facts.anomalies, only(Anomaly::DecompressError), "{name}");
    let size = facts.decoded_size.unwrap() as usize;
    assert!(size > 0 && size < content.len(), "{name}: {size}");
    assert_eq!(facts.kept.as_deref(), Some(&content[..size]));
    assert_eq!(facts.decoded_sha256, Some(sha256(&content[..size])));
    assert!(facts.kept_cut);
}

#[test]
fn the_beginning_of_a_cut_body_is_shown() {
    // More than a zstd block, so that half of the bytes hold one.
    let content = text(400_000, 7);
    for (name, encode) in CODINGS {
        let raw = encode(&content);
        let half = &raw[..raw.len() / 2];
        for complete in [true, false] {
            let mut tap = tap_for(name, &all()).unwrap();
            tap.write(half);
            let facts = tap.finish(complete);
            is_beginning(&facts, &content, name);
            assert_eq!(facts.sha256, Some(sha256(half)));
        }
    }
}

#[test]
fn decoding_stops_at_a_gap() {
    let content = text(400_000, 8);
    for (name, encode) in CODINGS {
        let raw = encode(&content);
        let (first, rest) = raw.split_at(raw.len() / 2);
        let mut tap = tap_for(name, &all()).unwrap();
        tap.write(first);
        tap.gap(10);
        tap.write(&rest[10..]);
        tap.gap(1);
        let facts = tap.finish(true);
        is_beginning(&facts, &content, name);
        assert_eq!(facts.sha256, Some(sha256(&[first, &rest[10..]].concat())), "the hash of what was seen");
    }
}

#[test]
fn a_gap_before_the_first_byte_leaves_nothing_to_decode() {
    let mut tap = tap_for("gzip", &all()).unwrap();
    tap.gap(3);
    tap.write(&gzip(b"content"));
    let facts = tap.finish(true);
    assert_eq!((facts.decoded_size, facts.kept_cut), (None, true));
    assert_eq!(facts.kept.as_deref(), Some(&b""[..]));
    assert_eq!(facts.anomalies, only(Anomaly::DecompressError));
}

#[test]
fn a_gap_behind_the_end_is_flagged() {
    let mut tap = tap_for("gzip", &all()).unwrap();
    tap.write(&gzip(b"content"));
    tap.gap(1);
    let facts = tap.finish(true);
    assert_eq!((facts.decoded_size, facts.anomalies), (Some(7), only(Anomaly::DecompressError)));
}

#[test]
fn a_gap_in_a_plain_body_ends_what_is_kept() {
    let mut tap = tap_for("", &all()).unwrap();
    tap.write(b"before");
    tap.gap(0);
    tap.write(b" it");
    tap.gap(4);
    tap.write(b"after");
    let facts = tap.finish(true);
    assert!(facts.anomalies.is_empty());
    assert_eq!(facts.decoded_size, Some(9));
    assert_eq!(facts.kept.as_deref(), Some(&b"before it"[..]));
    assert_eq!(facts.decoded_sha256, Some(sha256(b"before it")));
    assert_eq!(facts.sha256, Some(sha256(b"before itafter")));
    assert!(facts.kept_cut);
}

#[test]
fn a_plain_body_that_was_cut_is_its_beginning() {
    let mut tap = tap_for("", &all()).unwrap();
    tap.write(b"begin");
    let facts = tap.finish(false);
    assert_eq!((facts.decoded_size, facts.kept_cut, facts.anomalies.is_empty()), (Some(5), true, true));
}

#[test]
fn a_body_that_was_cut_between_two_members_is_its_beginning() {
    let whole = gzip(b"4111 1111 ");
    for (complete, kept_cut) in [(true, false), (false, true)] {
        let mut tap = tap_for("gzip", &all()).unwrap();
        tap.write(&whole);
        let facts = tap.finish(complete);
        assert_eq!((facts.decoded_size, facts.kept_cut, facts.anomalies.is_empty()), (Some(10), kept_cut, true));
        assert_eq!(facts.kept.as_deref(), Some(&b"4111 1111 "[..]));
    }
}

#[test]
fn an_encoded_body_that_was_cut_before_its_first_byte_is_flagged() {
    let facts = tap_for("br", &all()).unwrap().finish(false);
    assert_eq!((facts.decoded_size, facts.anomalies), (None, only(Anomaly::DecompressError)));
}

#[test]
fn large_brotli_windows_are_refused_and_the_widest_legal_one_is_not() {
    let content = text(50_000, 9);
    assert_eq!(facts_of("br", &brotli_window(&content, 24), &all()).decoded_size, Some(50_000));
    shown_as_sent("br", &brotli_window(&content, 30));
}

#[test]
fn a_zstd_window_over_the_limit_is_refused_without_allocating() {
    // Magic, no content size, no checksum; window 2^31; a raw block.
    let window = |exponent: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3][..], &[0x09, 0, 0], b"x"].concat();
    assert_eq!(facts_of("zstd", &window(13), &all()).decoded_size, Some(1), "8 MiB is allowed");
    for exponent in [14, 21, 31] {
        let raw = window(exponent);
        let mut tap = tap_for("zstd", &all()).unwrap();
        tap.write(&raw);
        assert!(tap.held_bytes() < 300_000, "{}", tap.held_bytes());
        shown_as_sent("zstd", &raw);
    }
}

#[test]
fn a_legacy_or_foreign_magic_is_refused() {
    for magic in [0xFD2F_B527_u32, 0xFD2F_B51E, 0x184D_2204] {
        shown_as_sent("zstd", &[&magic.to_le_bytes()[..], &[0; 40]].concat());
    }
}

#[test]
fn what_brotli_has_unpacked_before_an_error_is_shown() {
    let content = text(3000, 14);
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    encoder.write_all(&content).unwrap();
    encoder.flush().unwrap();
    let mut raw = encoder.get_ref().clone();
    // A metadata block with its reserved bit set.
    raw.push(0b1110);
    let facts = facts_of("br", &raw, &all());
    assert_eq!((facts.decoded_size, facts.anomalies), (Some(3000), only(Anomaly::DecompressError)));
    assert_eq!(facts.kept, Some(content));
}

#[test]
fn broken_inner_layers_keep_what_the_outer_gave() {
    let content = text(200_000, 10);
    let mut inner = gzip(&content);
    let middle = inner.len() / 2;
    inner.truncate(middle);
    for (name, raw) in [("br", brotli(&inner)), ("deflate", raw_deflate(&inner)), ("zstd", zstd(&inner))] {
        is_beginning(&facts_of(&format!("gzip, {name}"), &raw, &all()), &content, name);
    }
}
