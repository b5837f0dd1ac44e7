//! A filter in plain words.

use arachne_model::table::Kind;

use crate::ast::{Ast, Comparison, Node, NodeKind, Operand, Term};
use crate::catalogue::{entries, lookup};
use crate::diagnostic::shown;
use crate::literal::Literal;
use crate::predicate::Field;

/// What `ast` lets pass, as a phrase without a full stop: "status is at least 500, and path does not start with /health".
#[must_use]
pub fn explain(ast: &Ast) -> String {
    ast.root.as_ref().map_or_else(|| "everything".to_owned(), |root| node(ast, root, false))
}

/// `node`, or its opposite.
fn node(ast: &Ast, part: &Node, negated: bool) -> String {
    let listed = |parts: &[Node], between: &str| {
        let one = |part: &Node| {
            let words = node(ast, part, false);
            if matches!(part.kind, NodeKind::And(_) | NodeKind::Or(_)) { format!("({words})") } else { words }
        };
        let words = parts.iter().map(one).collect::<Vec<_>>().join(between);
        if negated { format!("not ({words})") } else { words }
    };
    match &part.kind {
        NodeKind::And(parts) => listed(parts, ", and "),
        NodeKind::Or(parts) => listed(parts, ", or "),
        NodeKind::Not(part) => node(ast, part, !negated),
        NodeKind::Term(term) => self::term(ast, term, negated),
    }
}

fn term(ast: &Ast, term: &Term, negated: bool) -> String {
    let entry = term.field.as_ref().and_then(|field| lookup(ast.table, &field.name));
    let (name, kind, free) = match (&entry, &term.field) {
        (Some(entry), _) => (shown(entry.short()), entry.kind, entry.field == Field::AnyText),
        (None, Some(field)) => (shown(&field.name), Kind::Text, false),
        (None, None) => (String::new(), Kind::Text, true),
    };
    let name = if free { searched(ast) } else { name };
    // "a is b or is c" reads worse than "a is b or c".
    let mut phrases: Vec<String> = Vec::new();
    let mut last = "";
    for operand in &term.values {
        let (verb, object) = phrase(operand, kind, free, negated);
        phrases.push(if verb == last { object } else { format!("{verb} {object}").trim_end().to_owned() });
        last = verb;
    }
    format!("{name} {}", phrases.join(if negated { " nor " } else { " or " }))
}

/// The fields that free text is searched in.
fn searched(ast: &Ast) -> String {
    let entries = entries(ast.table);
    let short = |column: &usize| entries.get(*column).map_or("", |entry| entry.short());
    let names: Vec<&str> = ast.table.texts.iter().map(short).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("any of {} and {last}", before.join(", ")),
        Some((last, _)) => (*last).to_owned(),
        None => "text".to_owned(),
    }
}

/// Verb and object.
fn phrase(operand: &Operand, kind: Kind, free: bool, negated: bool) -> (&'static str, String) {
    let choose = |yes, no| if negated { no } else { yes };
    match operand {
        Operand::Exists(_) => (choose("is there", "is not there"), String::new()),
        Operand::Value(literal) if !literal.wild.is_empty() => pattern(literal, negated),
        Operand::Value(literal) if free => (choose("contains", "does not contain"), value(literal)),
        Operand::Value(literal) if kind == Kind::Words => (choose("includes", "does not include"), value(literal)),
        Operand::Value(literal) if kind == Kind::Address && literal.text.contains('/') => {
            (choose("is in", "is not in"), value(literal))
        }
        Operand::Value(literal) => (choose("is", "is not"), value(literal)),
        Operand::Compare(comparison, literal) => {
            let verb = match comparison {
                Comparison::Equal => choose("is exactly", "is not exactly"),
                Comparison::Above => choose("is above", "is not above"),
                Comparison::AtLeast => choose("is at least", "is not at least"),
                Comparison::Below => choose("is below", "is not below"),
                Comparison::AtMost => choose("is at most", "is not at most"),
            };
            (verb, value(literal))
        }
        Operand::Span { from, to, closed, .. } => {
            let low = from.as_ref().map(|from| format!("at least {}", value(from)));
            let high = to.as_ref().map(|to| format!("{} {}", if *closed { "at most" } else { "below" }, value(to)));
            (choose("is", "is not"), low.into_iter().chain(high).collect::<Vec<_>>().join(" and "))
        }
        Operand::Regex { pattern, ignore_case, .. } => {
            let flag = if *ignore_case { "i" } else { "" };
            (choose("matches", "does not match"), format!("/{}/{flag}", shown(pattern)))
        }
    }
}

fn pattern(literal: &Literal, negated: bool) -> (&'static str, String) {
    let choose = |yes, no| if negated { no } else { yes };
    let (text, wild) = (&*literal.text, &*literal.wild);
    let star = |at: usize| text[at..].starts_with('*');
    let inner = |from: usize, to: usize| said(&text[from..to]);
    match wild {
        [at] if star(*at) && at + 1 == text.len() => (choose("starts with", "does not start with"), inner(0, *at)),
        [0] if star(0) => (choose("ends with", "does not end with"), inner(1, text.len())),
        [0, at] if star(0) && star(*at) && at + 1 == text.len() => {
            (choose("contains", "does not contain"), inner(1, *at))
        }
        _ => (choose("fits", "does not fit"), said(text)),
    }
}

fn value(literal: &Literal) -> String {
    said(&literal.text)
}

/// A value inside a sentence, in quotes where it could be taken for words of it.
fn said(text: &str) -> String {
    let shown = shown(text);
    let clear = !shown.is_empty() && !shown.contains(|c: char| c.is_whitespace() || c == ',' || c == '"');
    if clear { shown } else { format!("\"{shown}\"") }
}
