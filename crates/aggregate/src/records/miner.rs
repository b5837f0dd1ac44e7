//! Templates of lines: what varies is masked, what remains is the template.
//!
//! Masked is each word with a digit in it, and what stands in quotes. Words of letters are kept: `VM Started` and `VM Paused` are
//! two templates. Only when more than [`SIBLINGS_MAX`] templates differ in one and the same word is that word masked too:
//! then it is a name. Sources: Drain (He et al. 2017) for the idea of judging by position; its merging by similarity,
//! which joins lines that differ in one verb, is not used.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::hash_map::Entry;
use hashbrown::{HashMap, HashTable};

use crate::series::OTHER;

/// Templates at most; lines of all others are `~other`.
pub const TEMPLATES_MAX: usize = 2_000;
/// Different words in one place before they are taken for names.
pub const SIBLINGS_MAX: usize = 6;
/// Words of a line that count: each may be a place where templates differ, which costs some 50 bytes.
const WORDS_MAX: usize = 48;
/// Bytes of a line that count: each template holds as many at most.
const BYTES_MAX: usize = 2_048;
/// What stands for what varies.
const MASK: &str = "<*>";

/// Finds templates and remembers them: at most 10 MB, however long the lines are.
#[derive(Clone, Debug)]
pub struct Miner {
    hasher: FixedState,
    /// The numbers of templates by the hash of their words.
    known: HashTable<usize>,
    /// By the hash of a template with one word masked: the templates that differ in nothing but this word.
    siblings: HashMap<u64, Siblings, FixedState>,
    templates: Vec<Template>,
}

/// Templates that differ in one word.
#[derive(Clone, Debug)]
enum Siblings {
    Apart(Vec<usize>),
    /// The word is a name: this one stands for all of them.
    Merged(usize),
}

#[derive(Clone, Debug)]
struct Template {
    text: Box<str>,
    hash: u64,
    /// The one that took its place, or itself. Whose place was taken takes nobody's, so one step is enough.
    current: usize,
}

impl Miner {
    /// None yet. `seed` should be random.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let hasher = FixedState::with_seed(seed);
        Self {
            hasher: hasher.clone(),
            known: HashTable::new(),
            siblings: HashMap::with_hasher(hasher),
            templates: vec![Template { text: OTHER.into(), hash: 0, current: 0 }],
        }
    }

    /// The number of the template of a line's message. A number may be merged into another one later: see [`Self::current`].
    pub fn add(&mut self, message: &str) -> usize {
        let words = words(message);
        let hash = self.hash(&words);
        let text = words.join(" ");
        if let Some(at) = self.find(hash, &text) {
            return self.current(at);
        }
        let merged = |hash| match self.siblings.get(&hash) {
            Some(Siblings::Merged(at)) => Some(*at),
            _ => None,
        };
        if let Some(at) = masked(&words).find_map(|at| merged(self.masked_hash(hash, &words, at))) {
            return self.current(at);
        }
        if self.templates.len() > TEMPLATES_MAX {
            return 0;
        }
        let number = self.push(hash, text);
        for at in masked(&words) {
            let place = self.masked_hash(hash, &words, at);
            if let Some(members) = self.crowded(place, number) {
                return self.merge(place, &with_mask(&words, at), &members);
            }
        }
        number
    }

    /// A template's hash is the sum of its words', each with where it stands, so that one word can be exchanged.
    fn hash(&self, words: &[&str]) -> u64 {
        words.iter().enumerate().fold(0, |sum, word| self.hasher.hash_one(word).wrapping_add(sum))
    }

    /// The hash of the template with the word at `at` masked, where `hash` is that of `words`.
    fn masked_hash(&self, hash: u64, words: &[&str], at: usize) -> u64 {
        hash.wrapping_sub(self.hasher.hash_one((at, words[at]))).wrapping_add(self.hasher.hash_one((at, MASK)))
    }

    fn find(&self, hash: u64, text: &str) -> Option<usize> {
        self.known.find(hash, |at| *self.templates[*at].text == *text).copied()
    }

    fn push(&mut self, hash: u64, text: String) -> usize {
        let at = self.templates.len();
        self.templates.push(Template { text: text.into(), hash, current: at });
        self.known.insert_unique(hash, at, |at| self.templates[*at].hash);
        at
    }

    /// One more template of a place. All of it, when they are too many by now.
    fn crowded(&mut self, place: u64, number: usize) -> Option<Vec<usize>> {
        match self.siblings.entry(place) {
            Entry::Vacant(entry) => {
                entry.insert(Siblings::Apart(vec![number]));
                None
            }
            Entry::Occupied(mut entry) => {
                let Siblings::Apart(members) = entry.get_mut() else { return None };
                members.push(number);
                (members.len() > SIBLINGS_MAX).then(|| std::mem::take(members))
            }
        }
    }

    /// A word turned out to be a name: one template takes the place of all that differ in it. Those that another one has
    /// taken the place of stay with it: it may mask other words, and would not be told by this text.
    fn merge(&mut self, place: u64, text: &str, members: &[usize]) -> usize {
        let at = self.find(place, text).unwrap_or_else(|| self.push(place, text.to_owned()));
        let at = self.current(at);
        let moves = |current: usize| current != at && members.contains(&current);
        self.templates.iter_mut().filter(|one| moves(one.current)).for_each(|one| one.current = at);
        self.siblings.insert(place, Siblings::Merged(at));
        at
    }

    /// The template that took the place of one, or itself.
    #[must_use]
    pub fn current(&self, at: usize) -> usize {
        self.templates.get(at).map_or(0, |template| template.current)
    }

    /// The text of a template; `~other` for one that there is not.
    #[must_use]
    pub fn text(&self, at: usize) -> &str {
        &self.templates[self.current(at)].text
    }

    /// How many templates there are, `~other` not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.templates.iter().enumerate().skip(1).filter(|(at, template)| template.current == *at).count()
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.templates.len() == 1
    }
}

/// The words of a message with what varies masked; masks in a row are one.
fn words(message: &str) -> Vec<&str> {
    let message = &message[..message.floor_char_boundary(BYTES_MAX)];
    let mut words = Vec::new();
    for word in message.split_ascii_whitespace() {
        let word = if word.bytes().any(|b| b.is_ascii_digit()) { MASK } else { word };
        if word == MASK && words.last() == Some(&MASK) {
            continue;
        }
        words.push(word);
        if words.len() == WORDS_MAX {
            break;
        }
    }
    words
}

/// The words that may be names. The first word says what a line is about and is never one.
fn masked<'a>(words: &'a [&'a str]) -> impl Iterator<Item = usize> + 'a {
    let is_name = |word: &str| word != MASK && word.bytes().any(|b| b.is_ascii_alphanumeric());
    (1..words.len()).filter(move |at| is_name(words[*at]))
}

fn with_mask(words: &[&str], at: usize) -> String {
    let mut words = words.to_vec();
    words[at] = MASK;
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_verb_makes_a_template_and_a_name_does_not() {
        let mut miner = Miner::new(1);
        let started = miner.add("VM Started 17 (Lifecycle Event)");
        assert_ne!(started, miner.add("VM Paused 18 (Lifecycle Event)"));
        assert_eq!(started, miner.add("VM Started 99 (Lifecycle Event)"));
        assert_eq!(miner.text(started), "VM Started <*> (Lifecycle Event)");
        let names = ["ann", "bob", "cyd", "dan", "eve", "flo", "gus", "hal"];
        let users: Vec<_> = names.map(|name| miner.add(&format!("session of {name} opened"))).into();
        let current: Vec<_> = users.iter().map(|user| miner.current(*user)).collect();
        assert!(current.iter().all(|at| *at == current[0]), "{current:?}");
        assert_eq!((miner.text(users[0]), miner.len()), ("session of <*> opened", 3));
    }

    #[test]
    fn templates_are_bounded() {
        let mut miner = Miner::new(1);
        let letter = |n: usize| char::from(b'a' + u8::try_from(n % 26).expect("below 26"));
        for n in 0..20_000 {
            let word: String = [letter(n), letter(n / 26), letter(n / 676)].into_iter().collect();
            miner.add(&format!("{word} {word} {word}"));
        }
        assert_eq!((miner.len(), miner.text(0)), (TEMPLATES_MAX, OTHER));
    }

    /// Lines of which each word is a letter or a number.
    fn near() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[st] [1b-h] [1b-h]( [b-h])?", 0..300)
    }

    /// Whether a line can be of a template: each word is the same, or masked.
    fn fits(line: &str, template: &str) -> bool {
        let (line, template): (Vec<_>, Vec<_>) = (words(line), template.split(' ').collect());
        line.len() == template.len() && line.iter().zip(&template).all(|(word, kept)| *kept == MASK || word == kept)
    }

    /// Found by review: of two templates each once took the place of the other.
    #[test]
    fn templates_that_cross_merge_once() {
        let mut miner = Miner::new(1);
        let (columns, rows) = (["b", "c", "d", "e", "f", "g", "h"], ["l", "m", "n", "o", "p", "q"]);
        let lines = columns.iter().map(|c| format!("s 1 {c}")).chain(columns.iter().map(|c| format!("s k {c}")));
        let lines = lines.chain(rows.iter().map(|r| format!("s {r} c"))).chain(rows.iter().map(|r| format!("s {r} b")));
        let lines: Vec<_> = lines.chain(["s 1 b".to_owned()]).collect();
        let found: Vec<_> = lines.iter().map(|line| miner.add(line)).collect();
        for (line, at) in lines.iter().zip(found) {
            assert!(fits(line, miner.text(at)), "{line}: {}", miner.text(at));
        }
    }

    #[test]
    fn long_lines_take_no_more_than_they_may() {
        let mut miner = Miner::new(1);
        for n in 0..10_000_usize {
            let letters = n.to_string().bytes().map(|b| char::from(b + 49)).collect::<String>();
            let line: Vec<_> = (0..60).map(|at| format!("{letters}{}{}", "x".repeat(30), "y".repeat(at))).collect();
            miner.add(&line.join(" "));
        }
        let members = |one: &Siblings| if let Siblings::Apart(members) = one { members.capacity() * 8 } else { 0 };
        let texts: usize = miner.templates.iter().map(|template| template.text.len()).sum();
        let held = miner.siblings.capacity() * size_of::<(u64, Siblings)>() * 8 / 7;
        let held = held + texts + miner.siblings.values().map(members).sum::<usize>();
        assert!(miner.templates.len() > TEMPLATES_MAX && held < 16 << 20, "{held}");
    }

    proptest! {
        #[test]
        fn a_line_is_of_its_template_for_ever(lines in near()) {
            let mut miner = Miner::new(3);
            let found: Vec<_> = lines.iter().map(|line| (line, miner.add(line))).collect();
            for (line, at) in found {
                let current = miner.current(at);
                prop_assert_eq!(miner.current(current), current);
                prop_assert!(fits(line, miner.text(at)), "{}: {}", line, miner.text(at));
            }
        }

        #[test]
        fn any_text_has_a_template(lines in proptest::collection::vec(".{0,60}", 0..30), near in proptest::collection::vec("[a-c]( [a-h0-1]){0,3}", 0..100)) {
            let mut miner = Miner::new(2);
            for line in lines.iter().chain(&near) {
                let at = miner.add(line);
                prop_assert!(miner.current(at) == at && !miner.text(at).contains('\n'));
            }
        }
    }
}
