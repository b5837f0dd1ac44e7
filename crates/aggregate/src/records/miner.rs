//! Templates of lines: what varies is masked, what remains is the template.
//!
//! Masked is each word with a digit in it, and what stands in quotes. Words of letters are kept: `VM Started` and `VM Paused` are
//! two templates. Only when more than [`SIBLINGS_MAX`] templates differ in one and the same word is that word masked too:
//! then it is a name. Sources: Drain (He et al. 2017) for the idea of judging by position; its merging by similarity,
//! which joins lines that differ in one verb, is not used.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::series::OTHER;

/// Templates at most; lines of all others are `~other`.
pub const TEMPLATES_MAX: usize = 2_000;
/// Different words in one place before they are taken for names.
pub const SIBLINGS_MAX: usize = 6;
/// Words of a line that count.
const WORDS_MAX: usize = 48;
/// Bytes of a line that count.
const BYTES_MAX: usize = 2_048;
/// What stands for what varies.
const MASK: &str = "<*>";

/// Finds templates and remembers them.
#[derive(Clone, Debug)]
pub struct Miner {
    /// Templates by their words, joined with spaces.
    known: HashMap<String, usize, FixedState>,
    /// For a template with one word masked: how many were seen there, and the template that took their place.
    siblings: HashMap<String, Siblings, FixedState>,
    templates: Vec<Template>,
}

#[derive(Clone, Debug, Default)]
struct Siblings {
    members: Vec<usize>,
    merged: Option<usize>,
}

#[derive(Clone, Debug)]
struct Template {
    text: String,
    /// The one that took its place.
    merged: Option<usize>,
}

impl Miner {
    /// None yet. `seed` should be random.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = FixedState::with_seed(seed);
        let other = Template { text: OTHER.to_owned(), merged: None };
        Self {
            known: HashMap::with_hasher(state.clone()),
            siblings: HashMap::with_hasher(state),
            templates: vec![other],
        }
    }

    /// The number of the template of a line's message. A number may be merged into another one later: see [`Self::current`].
    pub fn add(&mut self, message: &str) -> usize {
        let words = words(message);
        let key = words.join(" ");
        if let Some(at) = self.known.get(&key) {
            return self.current(*at);
        }
        let variants: Vec<_> = masked(&words).collect();
        let merged = variants.iter().find_map(|key| self.siblings.get(key)?.merged);
        if let Some(at) = merged {
            return self.current(at);
        }
        if self.templates.len() > TEMPLATES_MAX {
            return 0;
        }
        let at = self.push(key);
        for key in variants {
            let siblings = self.siblings.entry(key.clone()).or_default();
            siblings.members.push(at);
            if siblings.members.len() > SIBLINGS_MAX {
                let members = std::mem::take(&mut siblings.members);
                return self.merge(key, &members);
            }
        }
        at
    }

    fn push(&mut self, text: String) -> usize {
        let at = self.templates.len();
        self.known.insert(text.clone(), at);
        self.templates.push(Template { text, merged: None });
        at
    }

    /// A word turned out to be a name: one template takes the place of all that differ in it.
    fn merge(&mut self, key: String, members: &[usize]) -> usize {
        let at = self.known.get(&key).copied().unwrap_or_else(|| self.push(key.clone()));
        for member in members {
            let member = self.current(*member);
            if member != at {
                self.templates[member].merged = Some(at);
            }
        }
        self.siblings.entry(key).or_default().merged = Some(at);
        at
    }

    /// The template that took the place of one, or itself.
    #[must_use]
    pub fn current(&self, mut at: usize) -> usize {
        while let Some(merged) = self.templates.get(at).and_then(|template| template.merged) {
            at = merged;
        }
        at
    }

    /// The text of a template; `~other` for one that there is not.
    #[must_use]
    pub fn text(&self, at: usize) -> &str {
        self.templates.get(self.current(at)).map_or(OTHER, |template| &template.text)
    }

    /// How many templates there are, `~other` not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.templates.iter().skip(1).filter(|template| template.merged.is_none()).count()
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

/// The template with each of its words masked in turn. The first word says what it is about and is never a name.
fn masked<'a>(words: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
    let is_name = |word: &str| word != MASK && word.bytes().any(|b| b.is_ascii_alphanumeric());
    (1..words.len()).filter(move |at| is_name(words[*at])).map(|at| {
        let before = words[..at].join(" ");
        let after = words[at + 1..].join(" ");
        format!("{before} {MASK} {after}").trim_end().to_owned()
    })
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

    proptest! {
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
