//! The grammar: words to comparisons.
//!
//! As in pcap-filter(7), `and` and `or` bind equally and from the left, `not` binds tighter; a word without keywords
//! takes those of the word before it.

use std::ops::Range;

use super::code::{Ancillary, Check, Code, Compare, Join, Load, is, not};
use super::error::FilterError;
use super::lex::{Placed, Token, tokens};
use super::operand::{Dir, Kind, PROTOCOLS, Qualifiers, Word, at_least, at_most, net, of_protocol, operand};

/// Deepest nesting of parentheses and `not`.
const NESTING_MAX: usize = 64;

/// Words that stand by themselves or before a word, protocols left out.
const KEYWORDS: [&str; 14] = [
    "host",
    "net",
    "port",
    "portrange",
    "proto",
    "src",
    "dst",
    "vlan",
    "less",
    "greater",
    "inbound",
    "outbound",
    "mask",
    "gateway",
];

type Made = Result<Code, FilterError>;

/// The comparisons that `text` means; `None` for none.
pub fn parse(text: &str) -> Result<Option<Code>, FilterError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { tokens, at: 0, end: text.len(), depth: 0, last: None };
    let code = parser.chain(None)?;
    match parser.next() {
        None => Ok(Some(code)),
        Some((Token::Close, span)) => Err(FilterError::new("this parenthesis was not opened", span)),
        Some((_, span)) => {
            Err(FilterError::fixed("two parts are joined with `and` or `or`", span.start..span.start, "and "))
        }
    }
}

struct Parser<'a> {
    tokens: Vec<Placed<'a>>,
    at: usize,
    end: usize,
    depth: usize,
    /// Keywords of the word before.
    last: Option<Qualifiers>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).map(|(token, _)| *token)
    }

    fn next(&mut self) -> Option<Placed<'a>> {
        let token = self.tokens.get(self.at).cloned();
        self.at += usize::from(token.is_some());
        token
    }

    /// The next token where it is a word in `words`.
    fn word_of<T: Copy>(&mut self, words: &[(&'static str, T)]) -> Option<(&'static str, T)> {
        let Some(Token::Word(word)) = self.peek() else { return None };
        let found = words.iter().copied().find(|(known, _)| word.eq_ignore_ascii_case(known))?;
        self.at += 1;
        Some(found)
    }

    /// The place before the next token.
    fn here(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    /// Parts joined by `and` and `or`: of a list of words behind keywords, or whole ones.
    fn chain(&mut self, keywords: Option<Qualifiers>) -> Made {
        let mut parts = vec![(Join::And, self.part(keywords)?)];
        loop {
            let join = match self.peek() {
                Some(Token::And) => Join::And,
                Some(Token::Or) => Join::Or,
                _ => break,
            };
            self.at += 1;
            parts.push((join, self.part(keywords)?));
        }
        Ok(Code::Chain(parts))
    }

    fn part(&mut self, keywords: Option<Qualifiers>) -> Made {
        let negated = match self.peek() {
            Some(Token::Not) => true,
            Some(Token::Open) => false,
            Some(Token::Word(_)) => return self.words(keywords),
            _ => return Err(FilterError::new("something to look for is missing here", self.here())),
        };
        let start = self.here();
        self.at += 1;
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(FilterError::new(format!("nested deeper than {NESTING_MAX}"), start));
        }
        let inner = if negated { not(self.part(keywords)?) } else { self.chain(keywords)? };
        self.depth -= 1;
        if !negated && self.peek() != Some(Token::Close) {
            return Err(match self.peek() {
                None => FilterError::fixed("this parenthesis is not closed", start, ")"),
                Some(_) => FilterError::fixed(
                    "two parts are joined with `and` or `or`",
                    self.here().start..self.here().start,
                    "and ",
                ),
            });
        }
        self.at += usize::from(!negated);
        Ok(inner)
    }

    fn words(&mut self, keywords: Option<Qualifiers>) -> Made {
        if let Some(keywords) = keywords {
            return self.operand(keywords);
        }
        let start = self.here();
        if let Some(code) = self.alone()? {
            self.last = None;
            return Ok(code);
        }
        let found = self.qualifiers()?;
        let Some(found) = found else {
            // No keyword: those of the word before count.
            let keywords = self.last.unwrap_or_default();
            self.known_word()?;
            self.last = Some(keywords);
            return self.operand(keywords);
        };
        self.last = Some(found);
        match self.peek() {
            Some(Token::Word(_)) => self.operand(found),
            Some(Token::Open | Token::Not) if found.dir.is_some() || found.kind.is_some() => self.part(Some(found)),
            _ => match found {
                Qualifiers { proto: Some((proto, _)), dir: None, kind: None } => Ok(of_protocol(proto)),
                _ => Err(FilterError::new("an address or a number is missing behind this", start.start..self.behind())),
            },
        }
    }

    /// Where the token before ends.
    fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(self.end, |(_, span)| span.end)
    }

    /// Protocol, direction, kind, in this order, each where it is there.
    fn qualifiers(&mut self) -> Result<Option<Qualifiers>, FilterError> {
        let start = self.at;
        let proto = self.word_of(&PROTOCOLS).map(|(name, proto)| (proto, name));
        let dir = self.direction()?;
        let kinds = [
            ("host", Kind::Host),
            ("net", Kind::Net),
            ("portrange", Kind::PortRange),
            ("port", Kind::Port),
            ("proto", Kind::Proto),
        ];
        let kind = self.word_of(&kinds).map(|(_, kind)| kind);
        if kind == Some(Kind::Proto) && dir.is_some() {
            return Err(FilterError::new("a protocol has no direction", self.tokens[start].1.start..self.behind()));
        }
        Ok((self.at > start).then_some(Qualifiers { proto, dir, kind }))
    }

    /// `src`, `dst`, and both joined.
    fn direction(&mut self) -> Result<Option<Dir>, FilterError> {
        let ends = [("src", Dir::Source), ("dst", Dir::Destination)];
        let Some((_, first)) = self.word_of(&ends) else { return Ok(None) };
        let both = match self.peek() {
            Some(Token::And) => Dir::Both,
            Some(Token::Or) => Dir::Either,
            _ => return Ok(Some(first)),
        };
        // `src or dst port 80` is one direction, `src 10.0.0.1 or dst 10.0.0.2` has a word between: here none is.
        self.at += 1;
        match self.word_of(&ends) {
            Some((_, second)) if second != first => Ok(Some(both)),
            _ => Err(FilterError::new("`src or dst` and `src and dst` are what can stand here", self.here())),
        }
    }

    /// What needs nothing before it: VLAN, lengths, directions of the interface.
    fn alone(&mut self) -> Result<Option<Code>, FilterError> {
        let words = [("vlan", 0), ("less", 1), ("greater", 2), ("inbound", 3), ("outbound", 4)];
        let Some((_, which)) = self.word_of(&words) else { return Ok(None) };
        let outgoing = is(Load::Beside(Ancillary::Kind), super::scope::OUTGOING);
        Ok(Some(match which {
            0 => self.vlan()?,
            1 => at_most(self.number()?),
            2 => at_least(self.number()?),
            3 => not(outgoing),
            _ => outgoing,
        }))
    }

    fn vlan(&mut self) -> Made {
        let tagged = is(Load::Beside(Ancillary::Tagged), 1);
        let Some(Token::Word(word)) = self.peek() else { return Ok(tagged) };
        if !word.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(tagged);
        }
        let span = self.here();
        let id = self.number()?;
        if id > 0xfff {
            return Err(FilterError::new("the number of a VLAN is at most 4095", span));
        }
        let load = Load::Beside(Ancillary::Tag);
        let check = Check { load, mask: Some(0xfff), compare: Compare::Equal, value: id };
        Ok(super::code::all([tagged, Code::Check(check)]))
    }

    fn number(&mut self) -> Result<u32, FilterError> {
        let span = self.here();
        let number = match self.next() {
            Some((Token::Word(word), _)) => word.parse::<u32>().ok(),
            _ => None,
        };
        number.ok_or_else(|| FilterError::new("a number is missing here", span))
    }

    /// The word behind keywords.
    fn operand(&mut self, keywords: Qualifiers) -> Made {
        let span = self.here();
        let Some((Token::Word(text), _)) = self.next() else {
            return Err(FilterError::new("an address or a number is missing here", span));
        };
        let word = Word { text, span };
        if let Qualifiers { proto: Some((_, name)), dir: None, kind: None } = keywords {
            return Err(self.unsaid(name, &word));
        }
        if keywords.kind == Some(Kind::Net) && self.word_of(&[("mask", ())]).is_some() {
            let span = self.here();
            let mask = match self.next() {
                Some((Token::Word(text), _)) => text.parse().ok(),
                _ => None,
            };
            let mask = mask.ok_or_else(|| FilterError::new("a mask such as 255.255.0.0 is missing here", span))?;
            return net(keywords, &word, Some(mask));
        }
        operand(keywords, &word)
    }

    /// A protocol and a word, and nothing that says what the word is.
    fn unsaid(&self, name: &str, word: &Word<'_>) -> FilterError {
        let text = word.text;
        if let Some(error) = misspelt(word) {
            return error;
        }
        let what = if text.parse::<u16>().is_ok() { "port" } else { "and host" };
        FilterError::fixed(
            format!("it is not said what {text:?} is to `{name}`"),
            word.span.clone(),
            format!("{what} {text}"),
        )
    }

    /// Refuses a word that seems to be a keyword.
    fn known_word(&self) -> Result<(), FilterError> {
        let Some((Token::Word(text), span)) = self.tokens.get(self.at) else { return Ok(()) };
        let word = Word { text, span: span.clone() };
        misspelt(&word).map_or(Ok(()), Err)
    }
}

/// A word that is a letter away from a keyword, or one of tcpdump's that is not taken here.
fn misspelt(word: &Word<'_>) -> Option<FilterError> {
    let text = word.text.to_ascii_lowercase();
    let refused = [
        ("ether", "link headers are not captured"),
        ("broadcast", "link headers are not captured"),
        ("multicast", "link headers are not captured"),
        ("gateway", "link headers are not captured"),
        ("ifname", "interfaces are chosen beside the filter"),
        ("protochain", "chains of headers are not followed"),
        ("mpls", "MPLS is not looked into"),
        ("pppoes", "PPPoE is not looked into"),
    ];
    if let Some((name, why)) = refused.into_iter().find(|(name, _)| text == *name) {
        return Some(FilterError::new(format!("`{name}` cannot be used: {why}"), word.span.clone()));
    }
    if !text.bytes().all(|b| b.is_ascii_alphabetic()) {
        return None;
    }
    let known = KEYWORDS.into_iter().chain(PROTOCOLS.iter().map(|(name, _)| *name));
    let near = known.min_by_key(|keyword| distance(&text, keyword)).filter(|keyword| distance(&text, keyword) <= 1)?;
    Some(FilterError::fixed(format!("{:?} is no word of a filter", word.text), word.span.clone(), near))
}

/// Letters to insert, delete, replace or swap with their neighbour between two short words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 1 {
        return usize::MAX;
    }
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    match (&a[..a.len() - tail], &b[..b.len() - tail]) {
        ([x, y], [v, w]) if x == w && y == v => 1,
        (x, y) => x.len().max(y.len()),
    }
}
