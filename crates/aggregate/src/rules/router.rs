//! Which rules a line may match: by one automaton over the texts that their matches must hold.

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use memchr::memmem::Finder;

/// Up to so many texts are looked for one by one, which vector instructions make the faster way.
const SINGLE_MAX: usize = 3;

/// Finds the candidates of a line.
#[derive(Clone, Debug)]
pub(super) struct Router {
    /// Rules without a text: always.
    always: Vec<usize>,
    single: Vec<(usize, Finder<'static>)>,
    automaton: Option<(AhoCorasick, Vec<usize>)>,
}

impl Router {
    /// `literals`: the text of each rule, if it has one.
    pub(super) fn new(literals: Vec<Option<Vec<u8>>>) -> Self {
        let always = literals.iter().enumerate().filter(|(_, text)| text.is_none()).map(|(at, _)| at).collect();
        let texts: Vec<_> = literals.into_iter().enumerate().filter_map(|(at, text)| Some((at, text?))).collect();
        let mut router = Self { always, single: Vec::new(), automaton: None };
        let built = (texts.len() > SINGLE_MAX).then(|| {
            let texts = texts.iter().map(|(_, text)| text);
            AhoCorasick::builder().kind(Some(AhoCorasickKind::DFA)).build(texts).ok()
        });
        match built.flatten() {
            Some(automaton) => router.automaton = Some((automaton, texts.into_iter().map(|(at, _)| at).collect())),
            None => router.single = texts.into_iter().map(|(at, text)| (at, Finder::new(&text).into_owned())).collect(),
        }
        router
    }

    /// Replaces `hits` by the rules that may match, ascending.
    pub(super) fn route(&self, line: &[u8], hits: &mut Vec<usize>) {
        hits.clone_from(&self.always);
        hits.extend(self.single.iter().filter(|(_, finder)| finder.find(line).is_some()).map(|(at, _)| *at));
        if let Some((automaton, rules)) = &self.automaton {
            for found in automaton.find_overlapping_iter(line) {
                let rule = rules[found.pattern().as_usize()];
                if !hits.contains(&rule) {
                    hits.push(rule);
                }
            }
        }
        hits.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::Router;

    #[test]
    fn both_ways_find_the_same() {
        let texts = ["abc", "bc", "c", "xyz", "q"];
        let line = b"..abc.. q";
        for count in 0..=texts.len() {
            let literals = texts[..count].iter().map(|text| Some(text.as_bytes().to_vec())).chain([None]);
            let mut hits = Vec::new();
            Router::new(literals.collect()).route(line, &mut hits);
            let expected: Vec<_> = [0, 1, 2, 4].into_iter().filter(|at| *at < count).chain([count]).collect();
            assert_eq!(hits, expected);
        }
    }
}
