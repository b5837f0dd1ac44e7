//! From text to one term: a field with its values, or free text. The second half of the parser in [`crate::syntax`].

use crate::ast::{Comparison, FieldName, Operand, Term};
use crate::diagnostic::{Code, Diagnostic, shown};
use crate::limits::LIST_MAX;
use crate::literal::{Literal, decode, quote, regex_length};
use crate::syntax::{Parser, free_text};

impl<'a> Parser<'a> {
    /// A term; starts at its first character.
    ///
    /// # Errors
    /// What is wrong with it; reading stands somewhere inside it.
    pub(crate) fn term(&mut self) -> Result<Term, Diagnostic> {
        let start = self.at;
        if self.rest().starts_with('"') {
            let literal = self.quoted()?;
            return self.touching().map_or(Ok(free_text(Operand::Value(literal))), Err);
        }
        let name = self.word_until(|c| c == ':');
        if !self.rest().starts_with(':') {
            let literal = self.literal_of(start)?;
            return self.touching().map_or(Ok(free_text(Operand::Value(literal))), Err);
        }
        if name.is_empty() {
            let message = "a field's name is missing in front of the colon";
            self.word_until(|_| false);
            let word = &self.text[start..self.at];
            let diagnostic = Diagnostic::new(start..self.at, Code::MissingField, message);
            return Err(diagnostic.fix("search for it as text", quote(word)));
        }
        let span = start..self.at;
        let name = decode(name, start, true)?.0.to_ascii_lowercase();
        self.at += 1;
        let list = self.rest().starts_with('(');
        let values = if list { self.list(start)? } else { vec![self.operand(start, false)?] };
        self.touching().map_or(Ok(Term { field: Some(FieldName { span, name }), list, values }), Err)
    }

    /// Values in parentheses.
    fn list(&mut self, start: usize) -> Result<Vec<Operand>, Diagnostic> {
        let open = self.at;
        self.at += 1;
        let mut values = Vec::new();
        loop {
            self.blanks();
            values.push(self.operand(start, true)?);
            if values.len() > LIST_MAX {
                let message = format!("a list has at most {LIST_MAX} values");
                return Err(Diagnostic::new(open..self.at, Code::TooLong, message));
            }
            let end = self.at;
            let separated = self.keyword("or") || self.rest().starts_with(',');
            if separated {
                self.at += usize::from(self.rest().starts_with(','));
                continue;
            }
            match self.peek() {
                Some(')') => {
                    self.at += 1;
                    return Ok(values);
                }
                None => {
                    let closed = format!("{})", &self.text[open..end]);
                    let message = "this list is never closed";
                    let diagnostic = Diagnostic::new(open..end, Code::UnclosedParenthesis, message);
                    return Err(diagnostic.fix("close it", closed));
                }
                Some(_) => {
                    let message = "values of a list have `or` or a comma between them";
                    return Err(Diagnostic::new(end..self.at, Code::MissingSeparator, message).instead(" or "));
                }
            }
        }
    }

    /// What a field is compared with. `start` is where its term starts.
    fn operand(&mut self, start: usize, in_list: bool) -> Result<Operand, Diagnostic> {
        let (at, rest) = (self.at, self.rest());
        if let Some(wrong) = ["!=", "=="].iter().find(|sign| rest.starts_with(**sign)) {
            return Err(self.wrong_operator(start, wrong));
        }
        if let Some(comparison) = Comparison::ALL.into_iter().find(|c| rest.starts_with(c.sign())) {
            self.at += comparison.sign().len();
            return Ok(Operand::Compare(comparison, self.literal(start, in_list)?));
        }
        if rest.starts_with('[')
            && let Some(range) = self.range()
        {
            return range;
        }
        if let Some(length) = regex_length(rest) {
            self.at += length;
            let ignore_case = rest[..length].ends_with('i');
            let pattern = rest[1..length - 1 - usize::from(ignore_case)].to_owned();
            return Ok(Operand::Regex { span: at..self.at, pattern, ignore_case });
        }
        let literal = self.literal(start, in_list)?;
        let exists = literal.text == "*" && !literal.wild.is_empty();
        Ok(if exists { Operand::Exists(literal.span) } else { Operand::Value(literal) })
    }

    fn wrong_operator(&mut self, start: usize, sign: &str) -> Diagnostic {
        let name = &self.text[start..self.at];
        self.at += sign.len();
        let value = self.word_until(|_| false);
        let span = start..self.at;
        let diagnostic = if sign == "==" {
            Diagnostic::new(span, Code::BadOperator, "equality has one equals sign").instead(format!("{name}={value}"))
        } else {
            let message = "there is no !=: put - in front of the field";
            Diagnostic::new(span, Code::BadOperator, message).instead(format!("-{name}{value}"))
        };
        // In a list the name reaches up to the wrong value: no replacement would be right.
        if name.ends_with(':') { diagnostic } else { Diagnostic { fixes: Vec::new(), ..diagnostic } }
    }

    /// A value in quotes or bare.
    fn literal(&mut self, start: usize, in_list: bool) -> Result<Literal, Diagnostic> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let at = self.at;
        self.word_until(|c| in_list && c == ',');
        if self.at == at {
            return Err(self.missing_value(start));
        }
        self.literal_of(at)
    }

    fn missing_value(&mut self, start: usize) -> Diagnostic {
        let end = self.at;
        self.blanks();
        let follows = self.at > end && self.peek().is_some_and(|c| !"()".contains(c));
        let (span, name) = (start..if follows { self.at } else { end }, &self.text[start..end]);
        self.at = span.end;
        let message = format!("a value must follow {} without a blank", shown(name));
        let diagnostic = Diagnostic::new(span, Code::MissingValue, message);
        match (follows, name.ends_with(':')) {
            (true, _) => diagnostic.fix("take the next word as its value", name),
            (false, true) => diagnostic.fix("any value", format!("{name}*")),
            (false, false) => diagnostic,
        }
    }

    /// A bare value from `start` to where reading stands.
    fn literal_of(&self, start: usize) -> Result<Literal, Diagnostic> {
        let (text, wild) = decode(&self.text[start..self.at], start, false)?;
        Ok(Literal { span: start..self.at, text, quoted: false, wild })
    }

    /// A value in quotes; starts at the first quote.
    fn quoted(&mut self) -> Result<Literal, Diagnostic> {
        let start = self.at;
        let inside = &self.text[start + 1..];
        let Some(length) = closing_quote(inside) else {
            self.at = self.text.len();
            let closed = quote(inside.trim_end());
            let diagnostic = Diagnostic::new(start..self.at, Code::UnclosedQuote, "this quote is never closed");
            return Err(diagnostic.fix("close it at the end", closed));
        };
        self.at = start + length + 2;
        let (text, wild) = decode(&inside[..length], start + 1, true)?;
        Ok(Literal { span: start..self.at, text, quoted: true, wild })
    }

    /// A range, if the bracket here opens one: two dots stand behind it. Other brackets are text, as in `[::1]:8080`.
    fn range(&mut self) -> Option<Result<Operand, Diagnostic>> {
        let start = self.at;
        let inside = &self.text[start + 1..];
        let (close, dots) = range_marks(inside);
        let dots = dots?;
        let Some(close) = close else {
            let word = inside.find(char::is_whitespace).unwrap_or(inside.len());
            if dots > word {
                return None;
            }
            self.at = start + 1 + word;
            let open = &self.text[start..self.at];
            let diagnostic = Diagnostic::new(start..self.at, Code::UnclosedRange, "this range is never closed");
            return Some(Err(diagnostic.instead(format!("{open}]")).instead(format!("{open})"))));
        };
        self.at = start + close + 2;
        let from = self.range_end(start + 1, start + 1 + dots);
        let to = self.range_end(start + 3 + dots, start + 1 + close);
        Some(from.and_then(|from| {
            let closed = inside[close..].starts_with(']');
            Ok(Operand::Span { span: start..self.at, from, to: to?, closed })
        }))
    }

    /// One end of a range, between these places.
    fn range_end(&self, from: usize, to: usize) -> Result<Option<Literal>, Diagnostic> {
        let inside = &self.text[from..to];
        let raw = inside.trim();
        let at = from + inside.len() - inside.trim_start().len();
        if raw.is_empty() {
            return Ok(None);
        }
        let quoted = raw.strip_prefix('"').filter(|rest| closing_quote(rest) == rest.len().checked_sub(1));
        let (text, wild) = match quoted {
            Some(rest) => decode(&rest[..rest.len() - 1], at + 1, true)?,
            None => decode(raw, at, false)?,
        };
        Ok(Some(Literal { span: at..at + raw.len(), text, quoted: quoted.is_some(), wild }))
    }

    /// Takes characters up to a blank, parenthesis, quote or one that `stops`. A backslash takes the next one along.
    fn word_until(&mut self, stops: impl Fn(char) -> bool) -> &'a str {
        let start = self.at;
        let mut escaped = false;
        let end = self.rest().char_indices().find(|&(_, c)| {
            let stop = !escaped && (c.is_whitespace() || "()\"".contains(c) || stops(c));
            escaped = !escaped && c == '\\';
            stop
        });
        self.at = end.map_or(self.text.len(), |(at, _)| start + at);
        &self.text[start..self.at]
    }
}

/// Where the quote that ends `inside` is.
fn closing_quote(inside: &str) -> Option<usize> {
    let mut escaped = false;
    inside.bytes().position(|byte| {
        let found = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        found
    })
}

/// Where a range closes, and where its first two dots are, both outside quotes.
fn range_marks(inside: &str) -> (Option<usize>, Option<usize>) {
    let (mut quoted, mut dots) = (false, None);
    for (at, byte) in inside.bytes().enumerate() {
        quoted ^= byte == b'"';
        match byte {
            b']' | b')' | b'(' if !quoted => return ((byte != b'(').then_some(at), dots),
            b'.' if !quoted && dots.is_none() && inside[at..].starts_with("..") => dots = Some(at),
            _ => {}
        }
    }
    (None, dots)
}
