//! Bodies without a fault.

use arachne_content::TapOptions;
use arachne_model::{AnomalySet, Limits, TapFacts};

use crate::support::{CODINGS, all, brotli, facts_of, gzip, sha256, tap_for, text, zstd};

fn whole(raw: &[u8], content: &[u8]) -> TapFacts {
    TapFacts {
        decoded_size: Some(content.len() as u64),
        sha256: Some(sha256(raw)),
        decoded_sha256: Some(sha256(content)),
        kept: Some(content.to_vec()),
        kept_cut: false,
        anomalies: AnomalySet::EMPTY,
    }
}

#[test]
fn each_coding_is_undone() {
    for (name, encode) in CODINGS {
        for content in [b"".to_vec(), b"x".to_vec(), text(5000, 1), text(300_000, 2)] {
            let raw = encode(&content);
            assert_eq!(facts_of(name, &raw, &all()), whole(&raw, &content), "{name} of {} bytes", content.len());
        }
    }
}

#[test]
fn codings_on_top_of_each_other_are_undone() {
    let content = text(70_000, 3);
    for (inner_name, inner) in CODINGS {
        for (outer_name, outer) in CODINGS {
            let raw = outer(&inner(&content));
            let header = format!("{inner_name}, {outer_name}");
            assert_eq!(facts_of(&header, &raw, &all()), whole(&raw, &content), "{header}");
        }
    }
}

#[test]
fn a_body_without_a_coding_is_its_own_content() {
    for header in ["", "identity"] {
        assert_eq!(facts_of(header, b"plain", &all()), whole(b"plain", b"plain"));
        assert_eq!(facts_of(header, b"", &all()), whole(b"", b""));
    }
}

#[test]
fn an_empty_body_is_fine_under_any_coding() {
    for header in ["gzip", "deflate", "br", "zstd", "gzip, br", "rot13", "gzip, gzip, gzip"] {
        assert_eq!(facts_of(header, b"", &all()), whole(b"", b""), "{header}");
    }
}

#[test]
fn no_tap_where_nothing_can_be_found_out() {
    let nothing = TapOptions { decode: false, hash: false, keep: false, limits: Limits::default() };
    let decode = TapOptions { decode: true, ..nothing.clone() };
    for (header, options, expected) in [
        ("", &nothing, false),
        ("", &decode, false),
        ("identity", &decode, false),
        ("gzip", &nothing, false),
        ("gzip", &decode, true),
        ("rot13", &decode, true),
        ("rot13", &nothing, false),
        ("", &TapOptions { hash: true, ..nothing.clone() }, true),
        ("gzip", &TapOptions { keep: true, ..nothing.clone() }, true),
    ] {
        assert_eq!(tap_for(header, options).is_some(), expected, "{header:?} {options:?}");
    }
}

#[test]
fn without_decoding_the_body_is_taken_as_sent() {
    let raw = gzip(b"content");
    let facts = facts_of("gzip", &raw, &TapOptions { decode: false, ..all() });
    let expected = TapFacts { sha256: Some(sha256(&raw)), kept: Some(raw), ..TapFacts::default() };
    assert_eq!(facts, expected);
}

#[test]
fn only_what_is_asked_for_is_found() {
    let raw = gzip(b"content");
    let facts = facts_of("gzip", &raw, &TapOptions { hash: false, keep: false, ..all() });
    assert_eq!(facts, TapFacts { decoded_size: Some(7), ..TapFacts::default() });
}

#[test]
fn members_and_frames_behind_each_other_are_one_body() {
    let check = |name: &str, raw: Vec<u8>| assert_eq!(facts_of(name, &raw, &all()), whole(&raw, b"one two"), "{name}");
    check("gzip", [gzip(b"one"), gzip(b""), gzip(b" two")].concat());
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
    check("zstd", [zstd(b"one"), skippable.to_vec(), zstd(b" two")].concat());
}

#[test]
fn optional_parts_of_a_gzip_header_are_skipped() {
    let plain = gzip(b"content");
    let extra: &[u8] = &[3, 0, 7, 7, 7];
    for (flags, parts) in [
        (0b0_0100, extra.to_vec()),
        (0b0_0100, vec![0, 0]),
        (0b0_1000, b"name\0".to_vec()),
        (0b1_0000, b"\0".to_vec()),
        (0b0_0010, vec![1, 2]),
        (0b1_1110, [extra, b"name\0comment\0\x01\x02"].concat()),
        (0b0_0001, Vec::new()),
    ] {
        let mut raw = plain[..10].to_vec();
        raw[3] = flags;
        raw.extend_from_slice(&parts);
        raw.extend_from_slice(&plain[10..]);
        assert_eq!(facts_of("gzip", &raw, &all()), whole(&raw, b"content"), "{flags:#b}");
    }
}

#[test]
fn kept_bytes_end_at_the_cap() {
    let content = text(100, 4);
    let mut options = all();
    for (cap, cut) in [(0, true), (99, true), (100, false), (101, false)] {
        options.limits.body_bytes_max = cap;
        for raw in [("", content.clone()), ("gzip", gzip(&content)), ("br", brotli(&content))] {
            let facts = facts_of(raw.0, &raw.1, &options);
            assert_eq!(facts.kept.unwrap(), content[..cap.min(100)], "{raw:?}");
            assert_eq!((facts.kept_cut, facts.decoded_size), (cut, Some(100)));
        }
    }
}

#[test]
fn decoders_are_made_when_they_are_needed_and_counted() {
    // Nothing in it repeats: it stays as long when it is packed.
    let mixed =
        |n: u64| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let content: Vec<u8> = (0..20_000).flat_map(|n| mixed(n).to_le_bytes()).collect();
    for (name, encode) in CODINGS {
        let raw = encode(&content);
        let mut tap = tap_for(name, &TapOptions { keep: false, ..all() }).unwrap();
        let before = tap.held_bytes();
        assert!(before < 2048, "{name}: {before} before the first byte");
        tap.write(&raw[..1]);
        assert!(tap.held_bytes() < before + 2048, "{name}: {}, and it may be a body that is known", tap.held_bytes());
        tap.write(&raw[1..raw.len() / 2]);
        let waiting = tap.held_bytes();
        tap.write(&raw[raw.len() / 2..]);
        // The state of the decoder; its output buffer is shared.
        assert!(waiting > 2048 && tap.held_bytes() < 700_000, "{name}: {waiting}, {}", tap.held_bytes());
    }
}

#[test]
fn a_body_that_is_known_is_decoded_as_one_that_is_not() {
    let content = text(150_000, 7);
    for (name, encode) in CODINGS {
        let raw = encode(&content);
        let mut damaged = raw.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        let first = facts_of(name, &raw, &all());
        assert_eq!(first.kept.as_deref(), Some(&content[..]), "{name}");
        assert_eq!(facts_of(name, &raw, &all()), first, "{name}");
        assert_eq!(facts_of(name, &damaged, &all()), facts_of(name, &damaged, &all()), "{name}");
        assert_ne!(facts_of(name, &damaged, &all()), first, "{name}");
        let mut cut = tap_for(name, &all()).unwrap();
        cut.write(&raw);
        let facts = cut.finish(false);
        assert!(facts.kept_cut && facts.kept == first.kept, "{name}: more was to come");
    }
}
