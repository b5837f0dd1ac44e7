//! The values of one term, sorted by kind, and the tests they make.

use std::ops::Range;

use regex::Regex;

use crate::diagnostic::Diagnostic;
use crate::pattern;
use crate::predicate::{Field, Predicate};
use crate::test::{IntRange, Network, Test, TextTest};
use crate::typing::either;

/// The values of a term: one that fits is enough.
#[derive(Default)]
pub(crate) struct Bag {
    pub(crate) exists: bool,
    pub(crate) ints: Vec<IntRange>,
    pub(crate) flags: Vec<bool>,
    pub(crate) texts: Vec<String>,
    pub(crate) words: Vec<String>,
    pub(crate) networks: Vec<Network>,
    /// Sources of patterns, which become one expression.
    pub(crate) patterns: Vec<String>,
    /// Whether a pattern fits a word, not the whole text.
    pub(crate) word_patterns: bool,
    pub(crate) regexes: Vec<Regex>,
    contained: Vec<String>,
    compiled: Option<Regex>,
}

impl Bag {
    /// Adds a text that is looked for inside texts.
    pub(crate) fn contains(&mut self, text: &str) {
        self.contained.push(text.to_ascii_lowercase());
    }

    /// How many expressions these are.
    pub(crate) fn regex_count(&self) -> usize {
        self.regexes.len() + usize::from(!self.patterns.is_empty())
    }

    /// Compiles the patterns.
    ///
    /// # Errors
    /// When they are too large; `span` is where they stand.
    pub(crate) fn compile(&mut self, span: Range<usize>) -> Result<(), Diagnostic> {
        if !self.patterns.is_empty() {
            self.compiled = Some(pattern::whole(span, &self.patterns, self.word_patterns)?);
        }
        Ok(())
    }

    /// The predicate on `field`.
    pub(crate) fn of(self, field: &Field) -> Predicate {
        let mut tests: Vec<Test> = Vec::new();
        let mut text = |test| tests.push(Test::Text(test));
        if !self.texts.is_empty() {
            text(TextTest::OneOf(distinct(self.texts)));
        }
        if !self.words.is_empty() {
            text(TextTest::Word(distinct(self.words)));
        }
        self.contained.into_iter().for_each(|needle| text(TextTest::Contains(needle)));
        // A pattern of words is looked for inside the text, so it is an expression like any other.
        let pattern = if self.word_patterns { TextTest::Regex } else { TextTest::Pattern };
        self.compiled.into_iter().for_each(|regex| text(pattern(regex)));
        self.regexes.into_iter().for_each(|regex| text(TextTest::Regex(regex)));
        if self.exists {
            tests.push(Test::Exists);
        }
        if !self.ints.is_empty() {
            tests.push(Test::Int(self.ints));
        }
        if !self.networks.is_empty() {
            tests.push(Test::Network(self.networks));
        }
        tests.extend(self.flags.into_iter().map(Test::Flag));
        either(tests.into_iter().map(|test| Predicate::Is(field.clone(), test)).collect())
    }
}

/// `texts` without repetitions, in their order.
fn distinct(texts: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::BTreeSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}
