//! Law 9: any chunking of a body gives the same facts, sound or broken.

use arachne_content::TapOptions;
use arachne_model::{Limits, TapFacts};
use proptest::prelude::*;

use crate::support::{CODINGS, all, facts_of, tap_for, text};

/// The facts of `raw`, given in pieces of the lengths `cuts`, over and over.
fn in_pieces(header: &str, raw: &[u8], cuts: &[usize], options: &TapOptions) -> TapFacts {
    let mut tap = tap_for(header, options).unwrap();
    let mut rest = raw;
    for cut in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, tail) = rest.split_at(rest.len().min(*cut));
        tap.write(piece);
        rest = tail;
    }
    tap.finish(true)
}

/// Small limits, so that they are met often.
fn tight() -> TapOptions {
    let limits = Limits {
        decoded_bytes_max: 60_000,
        ratio_max: 20,
        ratio_from_bytes: 2000,
        body_bytes_max: 30_000,
        ..Limits::default()
    };
    TapOptions { limits, ..all() }
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        (0..200_000_usize, any::<u32>()).prop_map(|(bytes, seed)| text(bytes, seed)),
        (0..200_000_usize, any::<u8>()).prop_map(|(bytes, byte)| vec![byte; bytes]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn any_chunking_gives_the_same_facts(
        content in body(),
        coding in 0..CODINGS.len(),
        outer in proptest::option::of(0..CODINGS.len()),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
        pieces in proptest::collection::vec(1..6000_usize, 1..6),
        limited in any::<bool>(),
    ) {
        let (name, encode) = CODINGS[coding];
        let mut raw = encode(&content);
        let mut header = name.to_owned();
        if let Some(outer) = outer {
            raw = CODINGS[outer].1(&raw);
            header = format!("{header}, {}", CODINGS[outer].0);
        }
        for (index, byte) in &damage {
            let at = index.index(raw.len());
            raw[at] = *byte;
        }
        if let Some(cut) = cut {
            raw.truncate(cut.index(raw.len() + 1));
        }
        let options = if limited { tight() } else { all() };
        let whole = facts_of(&header, &raw, &options);
        prop_assert_eq!(&in_pieces(&header, &raw, &pieces, &options), &whole, "{}", &header);
        if raw.len() < 20_000 {
            prop_assert_eq!(&in_pieces(&header, &raw, &[1], &options), &whole, "{} by bytes", &header);
        }
        if damage.is_empty() && cut.is_none() && !limited {
            prop_assert_eq!(whole.decoded_size, Some(content.len() as u64));
            prop_assert!(whole.anomalies.is_empty());
        }
    }

    #[test]
    fn damage_takes_nothing_away_that_came_before(
        content in body(),
        coding in 0..CODINGS.len(),
        at in any::<proptest::sample::Index>(),
        garbage in proptest::collection::vec(any::<u8>(), 1..100),
    ) {
        let (name, encode) = CODINGS[coding];
        let mut options = all();
        options.limits.ratio_max = u64::MAX;
        let mut raw = encode(&content);
        let at = at.index(raw.len());
        raw.truncate(at);
        let before = facts_of(name, &raw, &options);
        raw.extend_from_slice(&garbage);
        let after = facts_of(name, &raw, &options);
        if let Some(size) = before.decoded_size.filter(|size| *size > 0) {
            prop_assert!(after.decoded_size.is_some_and(|more| more >= size), "{} {:?}", name, after.decoded_size);
            let beginning = &content[..size as usize];
            prop_assert_eq!(before.kept.as_deref(), Some(beginning));
            prop_assert!(after.kept.is_some_and(|kept| kept.starts_with(beginning)));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        raw in proptest::collection::vec(any::<u8>(), 0..3000),
        header in "(gzip|deflate|br|zstd|rot13)(, (gzip|deflate|br|zstd)){0,2}",
        gap_at in any::<proptest::sample::Index>(),
        complete in any::<bool>(),
    ) {
        let mut tap = tap_for(&header, &tight()).unwrap();
        let (before, after) = raw.split_at(gap_at.index(raw.len() + 1));
        tap.write(before);
        tap.gap(after.len() as u64 % 3);
        tap.write(after);
        let facts = tap.finish(complete);
        prop_assert!(facts.decoded_size.is_none_or(|size| size <= 60_000));
        prop_assert!(facts.kept.is_some_and(|kept| kept.len() <= 30_000));
    }
}

#[test]
fn many_mutations_of_sound_streams_never_panic() {
    let content = text(3000, 13);
    let mut seed = 0x2545_f491_u32;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize
    };
    let options = TapOptions { hash: false, ..tight() };
    for (name, encode) in CODINGS {
        let sound = encode(&content);
        for _ in 0..2000 {
            let mut raw = sound.clone();
            for _ in 0..=next() % 4 {
                let at = next() % raw.len();
                raw[at] = next() as u8;
            }
            let facts = facts_of(name, &raw, &options);
            assert!(facts.decoded_size.is_none_or(|size| size <= 60_000));
        }
    }
}
