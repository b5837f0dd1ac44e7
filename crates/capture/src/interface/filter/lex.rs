//! The words of a filter.

use std::ops::Range;

use super::error::FilterError;

/// What stands between blanks, or without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A keyword, address, number or name.
    Word(&'a str),
    /// `and`, `&&`.
    And,
    /// `or`, `||`.
    Or,
    /// `not`, `!`.
    Not,
    /// `(`.
    Open,
    /// `)`.
    Close,
}

/// A token and its place.
pub type Placed<'a> = (Token<'a>, Range<usize>);

/// All tokens of `text`.
pub fn tokens(text: &str) -> Result<Vec<Placed<'_>>, FilterError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start().len();
        if blank > 0 {
            at += blank;
            continue;
        }
        let (token, length) = token(rest).ok_or_else(|| odd(rest, at))?;
        found.push((token, at..at + length));
        at += length;
    }
    Ok(found)
}

fn token(rest: &str) -> Option<(Token<'_>, usize)> {
    let signs = [("&&", Token::And), ("||", Token::Or), ("!", Token::Not), ("(", Token::Open), (")", Token::Close)];
    if let Some((sign, token)) = signs.into_iter().find(|(sign, _)| rest.starts_with(sign)) {
        return Some((token, sign.len()));
    }
    let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
    let word = &rest[..length];
    let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
    let token = match word {
        "" => return None,
        _ if is("and") => Token::And,
        _ if is("or") => Token::Or,
        _ if is("not") => Token::Not,
        _ => Token::Word(word),
    };
    Some((token, length))
}

/// What names, addresses, networks and ranges are made of.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | ':' | '/' | '-' | '_' | '\\' | '%')
}

fn odd(rest: &str, at: usize) -> FilterError {
    let sign = rest.chars().next().unwrap_or_default();
    let span = at..at + sign.len_utf8();
    match sign {
        '[' | ']' | '<' | '>' | '=' => {
            FilterError::new("bytes cannot be compared by their place here, as in `tcp[13]`", span)
        }
        '&' => FilterError::fixed("a single & means nothing", span, "&&"),
        '|' => FilterError::fixed("a single | means nothing", span, "||"),
        ',' => FilterError::fixed("a list is joined with `or`", span, " or "),
        _ => FilterError::new(format!("{sign:?} does not belong into a filter"), span),
    }
}
