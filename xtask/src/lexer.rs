//! Rust source to tokens with line numbers, good enough to tell code from strings and comments.
//!
//! No parser: the checks look for short token sequences, and matching them must not be fooled by a comment or a string
//! literal. Unfinished literals end with the file. Source: The Rust Reference, chapter "Lexical structure".

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or keyword, without `r#`. A raw identifier is never a keyword: it comes with `raw`.
    Ident {
        /// The name.
        name: String,
        /// Whether it was written `r#name`.
        raw: bool,
    },
    /// One punctuation character; `::` is one token, [`Kind::PathSeparator`].
    Punct(char),
    /// `::`.
    PathSeparator,
    /// A string literal of any kind with what is between the quotes, escapes as written.
    Str(String),
    /// A character, byte, number or lifetime: never looked at.
    Other,
}

/// A token and the line it starts on, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its line, from 1.
    pub line: usize,
}

impl Token {
    /// Whether it is the identifier or keyword `name`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Ident { name: own, raw: false } if own == name)
    }

    /// Whether it is the punctuation `c`.
    #[must_use]
    pub fn is_punct(&self, c: char) -> bool {
        self.kind == Kind::Punct(c)
    }

    /// The name, for identifiers.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ident { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// Cuts `source` into tokens. Comments and white space are gone.
#[must_use]
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { bytes: source.as_bytes(), at: 0, line: 1, out: Vec::new() };
    while lexer.at < lexer.bytes.len() {
        lexer.next();
    }
    lexer.out
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
    out: Vec<Token>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn advance(&mut self, n: usize) {
        for _ in 0..n {
            if self.peek(0) == b'\n' {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn push(&mut self, kind: Kind, line: usize) {
        self.out.push(Token { kind, line });
    }

    fn next(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (b'/', b'/') => self.skip_while(|b| b != b'\n'),
            (b'/', b'*') => self.block_comment(),
            (b'"', _) => self.string(0),
            (b'b' | b'c', b'"') => self.string(1),
            (b'r', b'"' | b'#') if self.raw_string(1) => {}
            (b'b' | b'c', b'r') if self.raw_string(2) => {}
            (b'b', b'\'') => self.character(1),
            (b'\'', _) => self.quote(),
            (b'r', b'#') if is_ident_start(self.peek(2)) => {
                self.advance(2);
                self.ident(true);
            }
            (b, _) if is_ident_start(b) => self.ident(false),
            (b, _) if b.is_ascii_digit() => self.number(),
            (b':', b':') => {
                self.push(Kind::PathSeparator, self.line);
                self.advance(2);
            }
            (b, _) if b.is_ascii_punctuation() => {
                self.push(Kind::Punct(char::from(b)), self.line);
                self.advance(1);
            }
            _ => self.advance(1),
        }
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        while self.at < self.bytes.len() && keep(self.peek(0)) {
            self.advance(1);
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => depth += 1,
                (b'*', b'/') => depth -= 1,
                _ => {
                    self.advance(1);
                    continue;
                }
            }
            self.advance(2);
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self, prefix: usize) {
        let line = self.line;
        self.advance(prefix + 1);
        let start = self.at;
        while self.at < self.bytes.len() && self.peek(0) != b'"' {
            self.advance(if self.peek(0) == b'\\' { 2 } else { 1 });
        }
        self.finish_string(start, self.at, 1, line);
    }

    /// A raw string after `prefix` letters; false when it is a raw identifier instead.
    fn raw_string(&mut self, prefix: usize) -> bool {
        let hashes = (prefix..).take_while(|&i| self.peek(i) == b'#').count();
        if self.peek(prefix + hashes) != b'"' {
            return false;
        }
        let line = self.line;
        self.advance(prefix + hashes + 1);
        let start = self.at;
        let closes = |l: &Self| l.peek(0) == b'"' && (1..=hashes).all(|i| l.peek(i) == b'#');
        while self.at < self.bytes.len() && !closes(self) {
            self.advance(1);
        }
        self.finish_string(start, self.at, 1 + hashes, line);
        true
    }

    fn finish_string(&mut self, start: usize, end: usize, closing: usize, line: usize) {
        let bytes = self.bytes.get(start..end.min(self.bytes.len())).unwrap_or_default();
        self.push(Kind::Str(String::from_utf8_lossy(bytes).into_owned()), line);
        self.advance(closing);
    }

    /// A character literal or a lifetime.
    fn quote(&mut self) {
        let lifetime = is_ident_start(self.peek(1)) && self.peek(1) < 0x80 && self.peek(2) != b'\'';
        if lifetime {
            self.push(Kind::Other, self.line);
            self.advance(1);
            self.skip_while(is_ident_continue);
        } else {
            self.character(0);
        }
    }

    fn character(&mut self, prefix: usize) {
        self.push(Kind::Other, self.line);
        self.advance(prefix + 1);
        while self.at < self.bytes.len() && self.peek(0) != b'\'' {
            self.advance(if self.peek(0) == b'\\' { 2 } else { 1 });
        }
        self.advance(1);
    }

    fn ident(&mut self, raw: bool) {
        let (start, line) = (self.at, self.line);
        self.skip_while(is_ident_continue);
        let name = String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned();
        self.push(Kind::Ident { name, raw }, line);
    }

    fn number(&mut self) {
        self.push(Kind::Other, self.line);
        self.skip_while(is_ident_continue);
        if self.peek(0) == b'.' && self.peek(1).is_ascii_digit() {
            self.advance(1);
            self.skip_while(is_ident_continue);
        }
    }
}

const fn is_ident_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

const fn is_ident_continue(b: u8) -> bool {
    is_ident_start(b) || b.is_ascii_digit()
}

/// For each token, whether it belongs to an item behind `#[cfg(test)]` or `#[test]`.
#[must_use]
pub fn test_code(tokens: &[Token]) -> Vec<bool> {
    let mut test = vec![false; tokens.len()];
    let mut at = 0;
    while at < tokens.len() {
        let Some(end_of_attribute) = test_attribute(tokens, at) else {
            at += 1;
            continue;
        };
        let end = item_end(tokens, end_of_attribute);
        test[at..end].fill(true);
        at = end;
    }
    test
}

/// The token behind `#[...]` at `at`, when the attribute marks test code.
fn test_attribute(tokens: &[Token], at: usize) -> Option<usize> {
    if !(tokens.get(at)?.is_punct('#') && tokens.get(at + 1)?.is_punct('[')) {
        return None;
    }
    let end = matching(tokens, at + 1)?;
    let inside = &tokens[at + 2..end];
    let says = |name: &str| inside.iter().any(|t| t.is(name));
    let marks = inside.first().is_some_and(|t| t.is("test")) || (says("cfg") && says("test") && !says("not"));
    marks.then_some(end + 1)
}

/// One past the item that starts at `from`: its block, or its semicolon.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut at = from;
    while let Some(token) = tokens.get(at) {
        match token.kind {
            Kind::Punct(';') => return at + 1,
            Kind::Punct('{') => return matching(tokens, at).map_or(tokens.len(), |end| end + 1),
            Kind::Punct('(' | '[') => at = matching(tokens, at).unwrap_or(tokens.len()),
            _ => {}
        }
        at += 1;
    }
    tokens.len()
}

/// The token that closes the bracket at `open`; `None` where the file ends before.
#[must_use]
pub fn matching(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Punct('(' | '[' | '{') => depth += 1,
            Kind::Punct(')' | ']' | '}') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Kind, test_code, tokens};

    fn names(source: &str) -> Vec<String> {
        tokens(source).iter().filter_map(|t| t.name().map(str::to_owned)).collect()
    }

    #[test]
    fn comments_and_literals_hide_their_words() {
        let table = [
            ("a // fs\nb", "a b"),
            ("a /* x /* y */ z */ b", "a b"),
            (r#"a "fs \" fs" b"#, "a b"),
            (r###"a r#"fs " fs"# b"###, "a b"),
            (r##"a br#"fs"# b"##, "a b"),
            ("a b\"fs\" c\"fs\" b", "a b"),
            ("a '\\'' 'x' '\\u{41}' b'\\'' b", "a b"),
            ("fn f<'a>(x: &'a str)", "fn f x str"),
            ("r#async x", "async x"),
            ("1.5e3 0x1f 1..n", "n"),
        ];
        for (source, expected) in table {
            assert_eq!(names(source).join(" "), expected, "{source}");
        }
    }

    #[test]
    fn lines_are_counted_through_literals() {
        let all = tokens("\"a\nb\"\n/* \n */ x \"\\\n\" y");
        let lines: Vec<_> = all.iter().filter(|t| t.name().is_some()).map(|t| t.line).collect();
        assert_eq!(lines, [4, 5]);
    }

    #[test]
    fn unfinished_literals_end_with_the_file() {
        for source in ["\"abc", "r#\"abc", "'", "/* abc", "b'", "\"\\", "r#"] {
            let _ = tokens(source);
        }
        assert!(matches!(&tokens("\"abc")[0].kind, Kind::Str(text) if text == "abc"));
    }

    #[test]
    fn test_items_are_found() {
        let source =
            "fn a() {} #[cfg(test)] mod tests { fn b() {} } #[cfg(not(test))] fn c() {} #[test] fn d() {} fn e() {}";
        let all = tokens(source);
        let marks = test_code(&all);
        let outside: Vec<_> =
            all.iter().zip(&marks).filter(|(t, m)| !**m && t.name().is_some_and(|n| n.len() == 1)).collect();
        let outside: Vec<_> = outside.iter().filter_map(|(t, _)| t.name()).collect();
        assert_eq!(outside, ["a", "c", "e"]);
    }
}
