//! What a text must contain to pass a test.

use arachne_filter::TextTest;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Texts of which a passing text contains all, for one of these alternatives; ASCII letters in either case. `None` when
/// the test says nothing of the kind.
pub(super) fn alternatives(test: &TextTest) -> Option<Vec<Vec<String>>> {
    match test {
        TextTest::Contains(text) => Some(vec![vec![text.clone()]]),
        TextTest::OneOf(texts) | TextTest::Word(texts) => Some(texts.iter().map(|text| vec![text.clone()]).collect()),
        TextTest::Pattern(regex) | TextTest::Regex(regex) => {
            let mut pieces = pieces(regex.as_str())?;
            pieces.retain(|piece| piece.len() >= super::grams::LENGTH);
            (!pieces.is_empty()).then_some(vec![pieces])
        }
    }
}

/// The longest text that every text that passes contains, in lower case; ASCII letters in either case.
pub(crate) fn needle(test: &TextTest) -> Option<String> {
    let needle = match test {
        TextTest::Contains(text) => Some(text.clone()),
        TextTest::Pattern(regex) | TextTest::Regex(regex) => {
            pieces(regex.as_str())?.into_iter().max_by_key(String::len)
        }
        TextTest::OneOf(_) | TextTest::Word(_) => None,
    };
    needle.filter(|needle| !needle.is_empty())
}

fn pieces(regex: &str) -> Option<Vec<String>> {
    let parsed = regex_syntax::ParserBuilder::new().nest_limit(64).build().parse(regex).ok()?;
    let mut pieces = Pieces::default();
    pieces.add(&parsed);
    pieces.end();
    Some(pieces.done)
}

/// Literal pieces that every match has.
#[derive(Default)]
struct Pieces {
    done: Vec<String>,
    current: Vec<u8>,
}

impl Pieces {
    fn add(&mut self, hir: &Hir) {
        match hir.kind() {
            HirKind::Literal(literal) => literal.0.iter().for_each(|byte| self.push(*byte)),
            HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part)),
            HirKind::Capture(capture) => self.add(&capture.sub),
            // What stands between two texts without taking any room.
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Class(class) => match letter(class) {
                Some(letter) => self.push(letter),
                None => self.end(),
            },
            HirKind::Repetition(repetition) => {
                self.end();
                if repetition.min > 0 {
                    self.add(&repetition.sub);
                }
                self.end();
            }
            HirKind::Alternation(_) => self.end(),
        }
    }

    /// A builder may have asked for either case, which the text of the expression does not tell: then `k` and `s` stand for
    /// letters outside ASCII too.
    fn push(&mut self, byte: u8) {
        match byte.to_ascii_lowercase() {
            b'k' | b's' => self.end(),
            letter if letter.is_ascii() => self.current.push(letter),
            _ => self.end(),
        }
    }

    fn end(&mut self) {
        if !self.current.is_empty() {
            self.done.extend(String::from_utf8(std::mem::take(&mut self.current)));
        }
    }
}

/// The letter of a class that is one letter in either case.
fn letter(class: &Class) -> Option<u8> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class.iter().map(|r| (u32::from(r.start()), u32::from(r.end()))).collect(),
        Class::Bytes(class) => class.iter().map(|r| (r.start().into(), r.end().into())).collect(),
    };
    let mut letters = ranges.iter().map(|(from, to)| (from == to).then(|| u8::try_from(*from).ok()).flatten());
    let first = letters.next()??.to_ascii_lowercase();
    letters.all(|letter| letter.is_some_and(|letter| letter.eq_ignore_ascii_case(&first))).then_some(first)
}
