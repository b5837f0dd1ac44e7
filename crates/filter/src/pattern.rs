//! Wildcards and regular expressions, compiled under limits.

use std::ops::Range;

use regex::{Regex, RegexBuilder};

use crate::diagnostic::{Code, Diagnostic, shown};
use crate::limits::{REGEX_BYTES_MAX, REGEX_DEPTH_MAX, REGEX_SIZE_MAX};

/// The regular expression of a text with wildcards at `wild`, without anchors. In a text of words a wildcard stands for
/// no blank.
pub(crate) fn source(text: &str, wild: &[usize], words: bool) -> String {
    let any = if words { "[^ ]" } else { "." };
    let mut out = String::with_capacity(text.len() + 8);
    let mut from = 0;
    for &at in wild {
        out.push_str(&regex::escape(&text[from..at]));
        out.push_str(any);
        if text[at..].starts_with('*') {
            out.push('*');
        }
        from = at + 1;
    }
    out.push_str(&regex::escape(&text[from..]));
    out
}

/// One expression for all `sources`, each of which the whole text or a whole word fits.
pub(crate) fn whole(span: Range<usize>, sources: &[String], words: bool) -> Result<Regex, Diagnostic> {
    let (before, behind) = if words { ("(?:^| )", "(?: |$)") } else { ("^", "$") };
    let joined = format!("{before}(?:{}){behind}", sources.join("|"));
    builder(&joined)
        .dot_matches_new_line(true)
        .build()
        .map_err(|_| Diagnostic::new(span, Code::BadRegex, "the pattern is too large: use fewer or shorter values"))
}

/// An expression that a person wrote.
pub(crate) fn regex(span: &Range<usize>, pattern: &str, ignore_case: bool) -> Result<Regex, Diagnostic> {
    if pattern.len() > REGEX_BYTES_MAX {
        let message = format!("a regular expression has at most {REGEX_BYTES_MAX} bytes");
        return Err(Diagnostic::new(span.clone(), Code::TooLong, message));
    }
    builder(pattern).case_insensitive(ignore_case).build().map_err(|error| {
        let reason = match error {
            regex::Error::CompiledTooBig(_) => "compiled it is too large: repeat less".to_owned(),
            // The last line says what is wrong; the others draw a picture of where.
            error => shown(error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ")),
        };
        Diagnostic::new(span.clone(), Code::BadRegex, format!("the regular expression cannot be used: {reason}"))
    })
}

fn builder(pattern: &str) -> RegexBuilder {
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(REGEX_SIZE_MAX).dfa_size_limit(REGEX_SIZE_MAX).nest_limit(REGEX_DEPTH_MAX);
    builder
}
