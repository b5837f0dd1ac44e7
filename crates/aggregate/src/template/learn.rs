//! Positions of paths where names stand: what shape does not tell, many paths together do.
//!
//! `/users/anna` and `/users/ben` look like pages each; where the segments behind `/users` are hundreds of different words, they are
//! names. Learning looks at templates and gives positions, nothing else: it has no state. What was learned before stays learned, so that
//! a template which became another one never comes back.

use std::collections::BTreeMap;

use super::{DEPTH_MAX, Normaliser};

/// Different words at a position above which they are names.
pub const WORDS_MAX: usize = 200;
/// Positions. Policy: no more are learned.
pub const POSITIONS_MAX: usize = 256;
/// Templates that are looked at. Policy: further ones are not.
pub const TEMPLATES_MAX: usize = 1 << 16;
/// A word that has at least one in so many of all at its position is one of its own: `/users/me` beside all others.
const KEPT_SHARE: u64 = 20;

/// A position of paths at which any word is a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The template of what stands before it, such as `/users`; empty for the first segment.
    pub prefix: String,
    /// Words that stay, in ascending order.
    pub kept: Vec<String>,
}

/// Whether a segment of a template is a word as it was sent: nothing of it stands for something else.
pub(super) fn is_word(segment: &str) -> bool {
    !segment.is_empty() && !segment.contains('{')
}

/// All positions that `known` has, and those that many templates tell of; each with how often it was seen.
///
/// The order of templates does not matter. O(templates × depth).
#[must_use]
pub fn learn<'a>(templates: impl IntoIterator<Item = (&'a str, u64)>, known: &[Position]) -> Vec<Position> {
    let mut positions = known.to_vec();
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for (template, count) in templates.into_iter().take(TEMPLATES_MAX).filter(|(text, _)| text.starts_with('/')) {
        *all.entry(template.to_owned()).or_default() += count;
    }
    all = again(&all, &positions);
    for depth in 0..DEPTH_MAX {
        let found = names(&all, depth, &positions);
        if found.is_empty() {
            continue;
        }
        positions.extend(found.into_iter().take(POSITIONS_MAX.saturating_sub(positions.len())));
        // What stands behind a name is now behind one position.
        all = again(&all, &positions);
    }
    positions.sort_unstable();
    positions
}

fn again(all: &BTreeMap<String, u64>, positions: &[Position]) -> BTreeMap<String, u64> {
    let (normaliser, mut out) = (Normaliser::default().with_learned(0, positions.to_vec()), String::new());
    let mut after: BTreeMap<String, u64> = BTreeMap::new();
    for (template, count) in all {
        normaliser.normalise(template, &mut out);
        *after.entry(out.clone()).or_default() += count;
    }
    after
}

/// The positions of one depth whose words are names.
fn names(all: &BTreeMap<String, u64>, depth: usize, known: &[Position]) -> Vec<Position> {
    let mut words: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for (template, count) in all {
        let Some((prefix, word)) = at(template, depth).filter(|(_, word)| is_word(word)) else { continue };
        if !known.iter().any(|position| position.prefix == prefix) {
            *words.entry(prefix).or_default().entry(word).or_default() += count;
        }
    }
    let many = words.into_iter().filter(|(_, words)| words.len() > WORDS_MAX);
    many.map(|(prefix, words)| {
        let sum = words.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let own = words.iter().filter(|(_, count)| count.saturating_mul(KEPT_SHARE) >= sum);
        Position { prefix: prefix.to_owned(), kept: own.map(|(word, _)| (*word).to_owned()).collect() }
    })
    .collect()
}

/// The segment at a depth, and what stands before it.
fn at(template: &str, depth: usize) -> Option<(&str, &str)> {
    let (start, _) = template.match_indices('/').nth(depth)?;
    let rest = &template[start + 1..];
    Some((&template[..start], rest.split('/').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word of letters alone for each number.
    fn word(n: usize) -> String {
        let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).expect("a letter"));
        [letter(n), letter(n / 26), letter(n / 676)].iter().collect()
    }

    fn learned(paths: &[(String, u64)]) -> Vec<Position> {
        learn(paths.iter().map(|(path, count)| (path.as_str(), *count)), &[])
    }

    fn normalised(positions: &[Position], path: &str) -> String {
        let mut out = String::new();
        Normaliser::default().with_learned(1, positions.to_vec()).normalise(path, &mut out);
        out
    }

    #[test]
    fn many_words_are_names_and_few_are_pages() {
        let mut paths: Vec<(String, u64)> = (0..=WORDS_MAX).map(|n| (format!("/users/{}/cart", word(n)), 1)).collect();
        paths.extend((0..50).map(|n| (format!("/pages/{}", word(n)), 1)));
        paths.push(("/users/me/cart".to_owned(), 500));
        let positions = learned(&paths);
        assert_eq!(positions, [Position { prefix: "/users".to_owned(), kept: vec!["me".to_owned()] }]);
        for (path, expected) in [
            ("/users/anybody/cart?x=1", "/users/{word}/cart"),
            ("/users/me/cart", "/users/me/cart"),
            ("/users/42/cart", "/users/{id}/cart"),
            ("/users/", "/users/"),
            ("/users", "/users"),
            ("/users/{word}/cart", "/users/{word}/cart"),
            ("/pages/anybody", "/pages/anybody"),
        ] {
            assert_eq!(normalised(&positions, path), expected, "{path}");
        }
        assert_eq!(learned(&paths[2..]), [], "one fewer are not too many");
    }

    #[test]
    fn positions_behind_names_are_learned_too_and_what_is_known_stays() {
        let paths: Vec<(String, u64)> =
            (0..=WORDS_MAX).map(|n| (format!("/{}/files/{}", word(n), word(n + 7)), 1)).collect();
        let positions = learned(&paths);
        let prefixes: Vec<&str> = positions.iter().map(|position| position.prefix.as_str()).collect();
        assert_eq!(prefixes, ["", "/{word}/files"]);
        assert_eq!(normalised(&positions, "/anybody/files/thing"), "/{word}/files/{word}");
        assert_eq!(learn([("/a/b", 1)], &positions), positions, "nothing is forgotten");
        let mut turned = paths;
        turned.reverse();
        assert_eq!(learned(&turned), positions);
    }

    #[test]
    fn they_are_few() {
        let paths = (0..POSITIONS_MAX + 3).flat_map(|a| (0..=WORDS_MAX).map(move |b| (a, b)));
        let paths: Vec<(String, u64)> = paths.map(|(a, b)| (format!("/x{}/{}", word(a), word(b)), 1)).collect();
        assert!(learned(&paths).len() <= POSITIONS_MAX);
    }
}
