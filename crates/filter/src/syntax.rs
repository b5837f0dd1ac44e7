//! From text to [`Ast`]: and, or, not, parentheses, terms. Knows no fields.
//!
//! Recursive descent over the text itself, its depth counted. After a mistake reading goes on at the next blank or
//! parenthesis, so that all mistakes are told at once.

use std::ops::Range;

use crate::ast::{Node, NodeKind, Operand, Term};
use crate::diagnostic::{Code, Diagnostic, shown};
use crate::limits::{DEPTH_MAX, DIAGNOSTICS_MAX, TERMS_MAX, TEXT_BYTES_MAX};
use crate::literal::quote;

/// Reads `text`; `None` where nothing of it could be read, or where it is empty.
pub(crate) fn read(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the filter has {} bytes, at most {TEXT_BYTES_MAX} are read", text.len());
        return (None, vec![Diagnostic::new(0..text.len(), Code::TooLong, message)]);
    }
    let mut parser = Parser { text, at: 0, depth: 0, terms: 0, stopped: false, diagnostics: Vec::new() };
    let root = parser.whole();
    (root, parser.diagnostics)
}

/// Where reading stands.
pub(crate) struct Parser<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
    depth: usize,
    terms: usize,
    /// A limit was reached: nothing more is read.
    stopped: bool,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn whole(&mut self) -> Option<Node> {
        let mut parts = Vec::new();
        if self.ended() {
            return None;
        }
        loop {
            parts.extend(self.either());
            if self.ended() {
                break;
            }
            // Only a parenthesis stops the outermost part.
            let message = "this ) closes nothing";
            let diagnostic = Diagnostic::new(self.at..self.at + 1, Code::UnmatchedParenthesis, message);
            self.report(diagnostic.fix("leave it out", ""));
            self.at += 1;
            if self.ended() {
                break;
            }
        }
        group(parts, NodeKind::And)
    }

    /// Parts with `or` between them.
    fn either(&mut self) -> Option<Node> {
        let mut parts = Vec::new();
        loop {
            parts.extend(self.all());
            if !self.keyword("or") {
                return group(parts, NodeKind::Or);
            }
        }
    }

    /// Parts with `and` or a blank between them; at least one is wanted.
    fn all(&mut self) -> Option<Node> {
        let (mut parts, mut wanted) = (Vec::new(), true);
        loop {
            if self.ended() || self.rest().starts_with(')') || self.is_keyword("or") {
                break;
            }
            let before = self.at;
            if self.keyword("and") {
                if wanted {
                    self.missing_operand(before..self.at);
                }
                wanted = true;
                continue;
            }
            parts.extend(self.negatable());
            wanted = false;
        }
        if wanted && !self.stopped {
            let length = if self.is_keyword("or") { 2 } else { self.peek().map_or(0, char::len_utf8) };
            self.missing_operand(self.at..self.at + length);
        }
        group(parts, NodeKind::And)
    }

    fn missing_operand(&mut self, span: Range<usize>) {
        let found = &self.text[span.clone()];
        let diagnostic = match found {
            "" => Diagnostic::new(span, Code::MissingOperand, "a term is missing at the end"),
            ")" => Diagnostic::new(span, Code::MissingOperand, "a term is missing in front of this"),
            word => {
                let message = format!("{word} stands between two terms, and one is missing");
                Diagnostic::new(span, Code::MissingOperand, message).fix("search for the word itself", quote(word))
            }
        };
        self.report(diagnostic);
    }

    /// A part, perhaps with `-` or `not` in front of it.
    fn negatable(&mut self) -> Option<Node> {
        let start = self.at;
        let minus = self.rest().starts_with('-');
        if !minus && !self.keyword("not") {
            return self.atom();
        }
        self.at += usize::from(minus);
        let blank = minus && self.peek().is_some_and(char::is_whitespace);
        if blank || self.ended() || self.rest().starts_with(')') || self.is_keyword("or") || self.is_keyword("and") {
            let word = self.text[start..self.at].trim_end();
            let message = format!("{word} stands right in front of what is to be left out, and there is nothing");
            let diagnostic = Diagnostic::new(start..start + word.len(), Code::MissingOperand, message);
            self.report(diagnostic.fix("search for it as text", quote(word)));
            return None;
        }
        let part = self.deeper(start, Self::negatable)?;
        Some(Node { span: start..part.span.end, kind: NodeKind::Not(Box::new(part)) })
    }

    fn atom(&mut self) -> Option<Node> {
        if self.rest().starts_with('(') {
            return self.deeper(self.at, Self::parenthesis);
        }
        self.terms += 1;
        if self.terms > TERMS_MAX {
            self.stop(self.at, Code::TooMany, format!("a filter has at most {TERMS_MAX} terms"));
            return None;
        }
        let start = self.at;
        match self.term() {
            Ok(term) => Some(Node { span: start..self.at, kind: NodeKind::Term(term) }),
            Err(diagnostic) => {
                self.report(diagnostic);
                self.recover(start);
                None
            }
        }
    }

    fn parenthesis(&mut self) -> Option<Node> {
        let open = self.at;
        self.at += 1;
        let inner = self.either();
        if self.rest().starts_with(')') {
            self.at += 1;
        } else if !self.stopped {
            let message = "this parenthesis is never closed";
            let closed = format!("{})", self.text[open..].trim_end());
            let diagnostic = Diagnostic::new(open..self.text.len(), Code::UnclosedParenthesis, message);
            self.report(diagnostic.fix("close it at the end", closed));
        }
        inner.map(|node| Node { span: open..self.at, kind: node.kind })
    }

    /// Reads with `read`, one level deeper.
    fn deeper(&mut self, start: usize, read: fn(&mut Self) -> Option<Node>) -> Option<Node> {
        if self.depth == DEPTH_MAX {
            self.stop(start, Code::TooDeep, format!("a filter is at most {DEPTH_MAX} parentheses and negations deep"));
            return None;
        }
        self.depth += 1;
        let node = read(self);
        self.depth -= 1;
        node
    }

    /// What is wrong when the next thing touches the last one.
    pub(crate) fn touching(&self) -> Option<Diagnostic> {
        let next = self.peek().filter(|c| !c.is_whitespace() && *c != ')')?;
        let message =
            format!("a blank is missing in front of {}, or quotes around all of it", shown(&next.to_string()));
        let at = self.at..self.at;
        let diagnostic = Diagnostic::new(at, Code::MissingBlank, message);
        // Whoever writes a(b) means one text.
        Some(if next == '(' { diagnostic } else { diagnostic.fix("put a blank here", " ") })
    }

    /// Goes behind the broken term that starts at `start`: to the next blank or parenthesis outside its own quotes and
    /// parentheses.
    fn recover(&mut self, start: usize) {
        let (mut quoted, mut escaped, mut open) = (false, false, 0_usize);
        let end = self.text[start..].char_indices().find(|&(_, c)| {
            quoted ^= c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            let outside = !quoted && open == 0;
            if !quoted {
                open = open.saturating_add(usize::from(c == '(')).saturating_sub(usize::from(c == ')'));
            }
            outside && (c.is_whitespace() || c == ')')
        });
        self.at = self.at.max(end.map_or(self.text.len(), |(at, _)| start + at));
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
        if self.diagnostics.len() >= DIAGNOSTICS_MAX {
            self.halt();
        }
    }

    /// A limit is reached at `from`: nothing more is read.
    fn stop(&mut self, from: usize, code: Code, message: String) {
        self.diagnostics.push(Diagnostic::new(from..self.text.len(), code, message));
        self.halt();
    }

    fn halt(&mut self) {
        self.stopped = true;
        self.at = self.text.len();
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Skips blanks; whether nothing is left.
    fn ended(&mut self) -> bool {
        self.blanks();
        self.rest().is_empty()
    }

    /// Whether `word` in any case stands next, behind blanks, as a word of its own.
    pub(crate) fn is_keyword(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.rest();
        let same = rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let behind = rest.get(word.len()..).and_then(|behind| behind.chars().next());
        same && behind.is_none_or(|c| c.is_whitespace() || c == '(' || c == ')')
    }

    /// Takes `word` if it stands next.
    pub(crate) fn keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(word);
        self.at += if found { word.len() } else { 0 };
        found
    }
}

/// One part as it is, several as a group.
fn group(mut parts: Vec<Node>, kind: fn(Vec<Node>) -> NodeKind) -> Option<Node> {
    if parts.len() < 2 {
        return parts.pop();
    }
    let span = parts[0].span.start..parts[parts.len() - 1].span.end;
    Some(Node { span, kind: kind(parts) })
}

/// A term of free text.
pub(crate) fn free_text(value: Operand) -> Term {
    Term { field: None, list: false, values: vec![value] }
}
