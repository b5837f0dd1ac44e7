//! A filter as it was written: terms with their places, for chips, explanations and printing.

use std::fmt;
use std::ops::Range;

use arachne_model::table::Table;

use crate::literal::{Literal, print, quote};

/// A filter as it was written. What could not be read is left out.
#[derive(Clone, Debug)]
pub struct Ast {
    /// The table that it is about.
    pub table: &'static Table,
    /// The outermost part; `None` for the empty filter.
    pub root: Option<Node>,
}

/// A part of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands, parentheses and minus included, in bytes.
    pub span: Range<usize>,
    /// What it is.
    pub kind: NodeKind,
}

/// The kinds of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// Every part must pass; two or more.
    And(Vec<Node>),
    /// One part must pass; two or more.
    Or(Vec<Node>),
    /// The part must not pass.
    Not(Box<Node>),
    /// A test.
    Term(Term),
}

/// A field with its values, or free text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// The field; `None` for free text.
    pub field: Option<FieldName>,
    /// Whether the values stand in parentheses.
    pub list: bool,
    /// The values: one is enough. Never empty.
    pub values: Vec<Operand>,
}

/// The name of a field as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldName {
    /// Where it stands.
    pub span: Range<usize>,
    /// The name, in lower case, escapes resolved.
    pub name: String,
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// `*`: there is a value. With its span.
    Exists(Range<usize>),
    /// A value, perhaps with wildcards.
    Value(Literal),
    /// A comparison.
    Compare(Comparison, Literal),
    /// A range.
    Span {
        /// Where it stands.
        span: Range<usize>,
        /// The lower end, included; `None` where it is open.
        from: Option<Literal>,
        /// The upper end; `None` where it is open.
        to: Option<Literal>,
        /// Whether the upper end is included.
        closed: bool,
    },
    /// A regular expression.
    Regex {
        /// Where it stands, slashes and flag included.
        span: Range<usize>,
        /// The expression without slashes.
        pattern: String,
        /// The flag `i`.
        ignore_case: bool,
    },
}

impl Operand {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        match self {
            Self::Exists(span) | Self::Span { span, .. } | Self::Regex { span, .. } => span.clone(),
            Self::Value(literal) | Self::Compare(_, literal) => literal.span.clone(),
        }
    }
}

/// The operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`: exactly this, wildcards and words mean nothing.
    Equal,
    /// `>`.
    Above,
    /// `>=`.
    AtLeast,
    /// `<`.
    Below,
    /// `<=`.
    AtMost,
}

impl Comparison {
    /// All, those that start with another one first.
    pub(crate) const ALL: [Self; 5] = [Self::AtLeast, Self::AtMost, Self::Above, Self::Below, Self::Equal];

    /// How it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }
}

/// A term for a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Where it stands, with the negation right in front of it.
    pub span: Range<usize>,
    /// The field as it was written, in lower case; `None` for free text.
    pub field: Option<String>,
    /// Whether rows that pass it are left out, all negations around it counted.
    pub negated: bool,
}

impl Ast {
    /// The terms in order.
    #[must_use]
    pub fn chips(&self) -> Vec<Chip> {
        let mut chips = Vec::new();
        if let Some(root) = &self.root {
            collect(root, root.span.clone(), false, &mut chips);
        }
        chips
    }
}

/// `span` is the one with negations around `node`.
fn collect(node: &Node, span: Range<usize>, negated: bool, chips: &mut Vec<Chip>) {
    match &node.kind {
        NodeKind::And(parts) | NodeKind::Or(parts) => {
            parts.iter().for_each(|part| collect(part, part.span.clone(), negated, chips));
        }
        NodeKind::Not(part) => collect(part, span, !negated, chips),
        NodeKind::Term(term) => {
            chips.push(Chip { span, field: term.field.as_ref().map(|field| field.name.clone()), negated });
        }
    }
}

/// The canonical text: one blank between parts, parentheses only where they change something. It reads as the same filter.
impl fmt::Display for Ast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.as_ref().map_or(Ok(()), |root| root.fmt(f))
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], between: &str| {
            for (index, part) in parts.iter().enumerate() {
                f.write_str(if index > 0 { between } else { "" })?;
                part.enclosed(f, matches!(part.kind, NodeKind::Or(_)))?;
            }
            Ok(())
        };
        match &self.kind {
            NodeKind::And(parts) => joined(f, parts, " "),
            NodeKind::Or(parts) => joined(f, parts, " or "),
            NodeKind::Not(part) => {
                f.write_str("-")?;
                part.enclosed(f, matches!(part.kind, NodeKind::And(_) | NodeKind::Or(_)))
            }
            NodeKind::Term(term) => term.fmt(f),
        }
    }
}

impl Node {
    fn enclosed(&self, f: &mut fmt::Formatter<'_>, parentheses: bool) -> fmt::Result {
        if parentheses { write!(f, "({self})") } else { fmt::Display::fmt(self, f) }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(field) = &self.field else {
            return self.values.iter().try_for_each(|value| match value {
                Operand::Value(literal) => f.write_str(&quote(&literal.text)),
                other => other.fmt(f),
            });
        };
        write!(f, "{}:", field_name(&field.name))?;
        let [one] = &*self.values else {
            f.write_str("(")?;
            for (index, value) in self.values.iter().enumerate() {
                f.write_str(if index > 0 { " or " } else { "" })?;
                value.fmt(f)?;
            }
            return f.write_str(")");
        };
        one.fmt(f)
    }
}

/// `name` with escapes for what would end it.
pub(crate) fn field_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let plain = c.is_ascii_alphanumeric() || "._".contains(c) || "-!#$%&'*+^`|~".contains(c) && at > 0;
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c if plain || c.is_alphanumeric() => out.push(c),
            c => out.extend(['\\', c]),
        }
    }
    out
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(_) => f.write_str("*"),
            Self::Value(literal) => f.write_str(&print(literal)),
            Self::Compare(comparison, literal) => {
                // Wildcards mean nothing behind an operator.
                let text = Literal { wild: Vec::new(), ..literal.clone() };
                write!(f, "{}{}", comparison.sign(), print(&text))
            }
            Self::Span { from, to, closed, .. } => {
                let end = |end: &Option<Literal>| end.as_ref().map(print).unwrap_or_default();
                write!(f, "[{}..{}{}", end(from), end(to), if *closed { ']' } else { ')' })
            }
            Self::Regex { pattern, ignore_case, .. } => {
                write!(f, "/{pattern}/{}", if *ignore_case { "i" } else { "" })
            }
        }
    }
}
