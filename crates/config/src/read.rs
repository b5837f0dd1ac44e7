//! Reading a section key by key: what is asked for is known, what is left over is a mistake.

use crate::mistake::Mistake;
use crate::tree::{Node, Place, Value};

/// A section that is read.
pub(crate) struct Section<'a> {
    path: String,
    place: Place,
    entries: Vec<(&'a str, Place, &'a Node)>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The section at `node`, whose keys above are `path`.
    pub(crate) fn of(node: &'a Node, path: &str, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let entries = match &node.value {
            Value::Map(map) => map.iter().map(|(key, place, node)| (key.as_str(), *place, node)).collect(),
            Value::Scalar(text) if text.is_empty() => Vec::new(),
            _ => {
                mistakes.push(node.place.mistake(path, "keys are expected below it"));
                return None;
            }
        };
        Some(Self { path: path.to_owned(), place: node.place, entries, known: Vec::new() })
    }

    /// The name of a key with those above it.
    pub(crate) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The value of a key, if it is there.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        let at = self.entries.iter().position(|(name, ..)| *name == key)?;
        Some(self.entries.swap_remove(at).2)
    }

    /// Where the value of a key stands, if it is there.
    pub(crate) fn place_of(&self, key: &str) -> Option<Place> {
        self.entries.iter().find(|(name, ..)| *name == key).map(|(.., node)| node.place)
    }

    /// The value of a key as text, read by `form`, which says what is expected when it does not fit.
    pub(crate) fn scalar<T>(
        &mut self,
        key: &'static str,
        form: impl Fn(&str) -> Result<T, String>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<T> {
        let node = self.take(key)?;
        match read(node, form) {
            Ok(value) => Some(value),
            Err(message) => {
                mistakes.push(node.place.mistake(&self.key(key), message));
                None
            }
        }
    }

    /// The same of a key that must be there; `example` is a value of it.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        form: impl Fn(&str) -> Result<T, String>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<T> {
        if !self.entries.iter().any(|(name, ..)| *name == key) {
            self.known.push(key);
            self.missing(key, example, mistakes);
            return None;
        }
        self.scalar(key, form, mistakes)
    }

    /// Says that a key is missing.
    pub(crate) fn missing(&self, key: &str, example: &str, mistakes: &mut Vec<Mistake>) {
        mistakes.push(self.place.mistake(&self.key(key), format!("is missing: write `{key}: {example}`")));
    }

    /// Says what is wrong with a section because of a key.
    pub(crate) fn wrong(&self, key: &str, message: &str, mistakes: &mut Vec<Mistake>) {
        mistakes.push(self.place.mistake(&self.key(key), message));
    }

    /// What nobody asked for is unknown.
    pub(crate) fn end(self, mistakes: &mut Vec<Mistake>) {
        for (name, place, _) in &self.entries {
            let known = self.known.join(", ");
            let message = match nearest(name, &self.known) {
                Some(near) => format!("unknown key; did you mean `{near}`? There are: {known}"),
                None => format!("unknown key; there are: {known}"),
            };
            mistakes.push(place.mistake(&self.key(name), message));
        }
    }
}

/// A scalar, read by `form`.
pub(crate) fn read<T>(node: &Node, form: impl Fn(&str) -> Result<T, String>) -> Result<T, String> {
    match &node.value {
        Value::Scalar(text) => form(text),
        Value::List(_) => Err(form("").err().unwrap_or_default().replace("``", "a list")),
        Value::Map(_) => Err(form("").err().unwrap_or_default().replace("``", "a section")),
    }
}

/// The known key that a mistyped one is nearest to, if any is near; a longer name is near as well when it begins like one,
/// such as `retenion_days`.
fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let far = |key: &str| {
        let beginning: String = name.chars().take(key.len()).collect();
        distance(name, key).min(distance(&beginning, key) + 1)
    };
    let (least, key) = known.iter().map(|key| (far(key), *key)).min()?;
    (least <= (key.len().min(name.len()) / 2).max(1)).then_some(key)
}

/// Levenshtein's distance, over at most 64 characters each.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = before + usize::from(ca != *cb);
            before = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()]
}
