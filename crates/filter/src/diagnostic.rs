//! What is wrong with a filter, where, and what would put it right.

use std::ops::Range;

macro_rules! codes {
    ($($variant:ident $name:literal $words:literal;)*) => {
        /// One kind of mistake. Its [`name`](Code::name) is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $words] $variant,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it means, for people, lower case, without a full stop.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

codes! {
    UnknownField "unknown-field" "the table has no such field";
    MissingField "missing-field" "a colon without a field in front of it";
    MissingColon "missing-colon" "a field and a comparison without the colon between them";
    MissingValue "missing-value" "a field without a value";
    MissingOperand "missing-operand" "and, or, not, - or ( without what it works on";
    MissingBlank "missing-blank" "two things that touch each other";
    MissingSeparator "missing-separator" "values of a list without `or` between them";
    UnclosedQuote "unclosed-quote" "a quote without its end";
    UnclosedParenthesis "unclosed-parenthesis" "a parenthesis without its end";
    UnmatchedParenthesis "unmatched-parenthesis" "an end without its parenthesis";
    UnclosedRange "unclosed-range" "a range without its end";
    UnknownEscape "unknown-escape" "a backslash in front of what needs none";
    BadOperator "bad-operator" "an operator that the language does not have";
    PatternInText "pattern-in-text" "a wildcard in free text, which has none";
    EmptyText "empty-text" "free text that everything contains";
    NoText "no-text" "free text in a table without text";
    NotComparable "not-comparable" "a comparison of what has no order";
    NotAPattern "not-a-pattern" "a wildcard or an expression where values are no text";
    OnlyExists "only-exists" "a test of bytes other than whether they are there";
    MissingUnit "missing-unit" "a number without its unit";
    UnknownUnit "unknown-unit" "a unit that does not exist";
    BadNumber "bad-number" "no number, or one that does not fit";
    BadStatus "bad-status" "no status code";
    BadInstant "bad-instant" "no instant";
    BadAddress "bad-address" "no address or network";
    BadFlag "bad-flag" "neither true nor false";
    UnknownClass "unknown-class" "no class";
    EmptyRange "empty-range" "a range that nothing lies in";
    BadRegex "bad-regex" "a regular expression that cannot be used";
    TooLong "too-long" "a filter, list or expression that is too long";
    TooDeep "too-deep" "parentheses and negations too deep inside each other";
    TooMany "too-many" "too many terms or expressions";
}

/// A way to put a mistake right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, for people.
    pub label: String,
    /// The text that takes the place of the diagnostic's span.
    pub replacement: String,
}

/// A mistake in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where, in bytes of the text; both ends lie on characters' borders.
    pub span: Range<usize>,
    /// What kind of mistake.
    pub code: Code,
    /// What is wrong and what to do, for people; lower case, without a full stop.
    pub message: String,
    /// What would put it right, the likeliest first.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    pub(crate) fn new(span: Range<usize>, code: Code, message: impl Into<String>) -> Self {
        Self { span, code, message: message.into(), fixes: Vec::new() }
    }

    /// Adds a fix.
    pub(crate) fn fix(mut self, label: impl Into<String>, replacement: impl Into<String>) -> Self {
        self.fixes.push(Fix { label: label.into(), replacement: replacement.into() });
        self
    }

    /// Adds a fix that is described by what it puts in.
    pub(crate) fn instead(self, replacement: impl Into<String>) -> Self {
        let replacement = replacement.into();
        self.fix(format!("write {replacement}"), replacement)
    }
}

/// The start of `text`, for messages: text of any length, control characters made visible.
pub(crate) fn shown(text: &str) -> String {
    const LENGTH_MAX: usize = 60;
    let mut out: String = text.chars().take(LENGTH_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LENGTH_MAX).is_some() {
        out.push('…');
    }
    out
}
