//! What is wrong with a filter, where, and how it could be meant.

use std::fmt;
use std::ops::Range;

/// What is wrong with a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the text.
    pub span: Range<usize>,
    /// What to write there instead, where that can be told.
    pub fix: Option<String>,
}

impl FilterError {
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self { message: message.into(), span, fix: None }
    }

    pub(super) fn fixed(message: impl Into<String>, span: Range<usize>, fix: impl Into<String>) -> Self {
        Self { message: message.into(), span, fix: Some(fix.into()) }
    }

    /// The text of the filter with carets below the place, two lines. Whatever is no printable character stands as `?`.
    #[must_use]
    pub fn caret(&self, text: &str) -> String {
        let shown: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let before = text.char_indices().take_while(|(at, _)| *at < self.span.start).count();
        let inside = text.char_indices().filter(|(at, _)| self.span.contains(at)).count().max(1);
        format!("{shown}\n{}{}", " ".repeat(before), "^".repeat(inside))
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.fix {
            Some(fix) => write!(f, "; did you mean `{fix}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}
