//! From [`Ast`] to [`Predicate`]: names become fields, values what their field holds.

use std::net::IpAddr;
use std::ops::Range;

use arachne_model::Thresholds;
use arachne_model::table::{Kind, Table};

use crate::ast::{Comparison, FieldName, Node, NodeKind, Operand, Term};
use crate::bag::Bag;
use crate::catalogue::{Entry, Values, entries, lookup};
use crate::diagnostic::{Code, Diagnostic, shown};
use crate::limits::REGEXES_MAX;
use crate::literal::{Literal, quote};
use crate::nearest::nearest;
use crate::pattern;
use crate::predicate::{Computed, Field, Predicate};
use crate::scalar::number;
use crate::test::{IntRange, Network};

/// Gives types to the parts of a filter.
pub(crate) struct Typing<'a> {
    pub(crate) table: &'static Table,
    pub(crate) thresholds: Thresholds,
    /// The text of the filter, for fixes.
    pub(crate) text: &'a str,
    pub(crate) diagnostics: Vec<Diagnostic>,
    regexes: usize,
}

impl<'a> Typing<'a> {
    pub(crate) fn new(table: &'static Table, thresholds: Thresholds, text: &'a str) -> Self {
        Self { table, thresholds, text, diagnostics: Vec::new(), regexes: 0 }
    }

    /// The predicate of a part; where something is wrong it is reported, and what comes back means nothing.
    pub(crate) fn node(&mut self, node: &Node) -> Predicate {
        match &node.kind {
            NodeKind::And(parts) => parts.iter().fold(Predicate::All, |all, part| all.and(self.node(part))),
            NodeKind::Or(parts) => either(parts.iter().map(|part| self.node(part)).collect()),
            NodeKind::Not(part) => Predicate::Not(Box::new(self.node(part))),
            NodeKind::Term(term) => {
                let found = match &term.field {
                    Some(name) => self.entry(name).and_then(|entry| self.term(&entry, term)),
                    None => self.free_text(node, term),
                };
                found.unwrap_or_else(|diagnostic| {
                    self.diagnostics.push(diagnostic);
                    Predicate::All
                })
            }
        }
    }

    fn entry(&self, field: &FieldName) -> Result<Entry, Diagnostic> {
        let found = lookup(self.table, &field.name).map(|mut entry| {
            if let Field::Computed(Computed::Class(thresholds)) = &mut entry.field {
                *thresholds = self.thresholds;
            }
            entry
        });
        found.ok_or_else(|| self.unknown_field(field))
    }

    fn unknown_field(&self, field: &FieldName) -> Diagnostic {
        let entries = entries(self.table);
        let people =
            entries.iter().flat_map(|entry| std::iter::once(&*entry.name).chain(entry.aliases.iter().copied()));
        let near = nearest(&field.name, people);
        let message = format!("{} have no field {}", self.table.name, shown(&field.name));
        let behind = &self.text[field.span.end..];
        if near.is_empty() || behind.starts_with("://") {
            let end = behind.find(|c: char| c.is_whitespace() || "()\"".contains(c)).unwrap_or(behind.len());
            let span = field.span.start..field.span.end + end;
            let quoted = quote(&self.text[span.clone()]);
            let diagnostic =
                Diagnostic::new(span, Code::UnknownField, format!("{message}; text with a colon stands in quotes"));
            let fits = !self.table.texts.is_empty();
            return if fits { diagnostic.fix("search for it as text", quoted) } else { diagnostic };
        }
        let diagnostic = Diagnostic::new(field.span.clone(), Code::UnknownField, message);
        near.into_iter().fold(diagnostic, |diagnostic, name| diagnostic.instead(name))
    }

    /// Words and phrases without a field.
    fn free_text(&self, node: &Node, term: &Term) -> Result<Predicate, Diagnostic> {
        let Some(Operand::Value(literal)) = term.values.first() else { return Ok(Predicate::All) };
        let problem = |code, message: String| Diagnostic::new(node.span.clone(), code, message);
        if let Some(diagnostic) = self.looks_like_more(literal) {
            return Err(diagnostic);
        }
        if self.table.texts.is_empty() {
            let message = format!("{} have no text to search in: name a field", self.table.name);
            return Err(problem(Code::NoText, message));
        }
        if literal.text.is_empty() {
            let message = "everything contains the empty text".to_owned();
            return Err(problem(Code::EmptyText, message).fix("leave it out", ""));
        }
        let mut bag = Bag::default();
        bag.contains(&literal.text);
        Ok(bag.of(&Field::AnyText))
    }

    /// Bare words that hardly mean text.
    fn looks_like_more(&self, literal: &Literal) -> Option<Diagnostic> {
        let text = &*literal.text;
        let problem = |code, message: &str| Diagnostic::new(literal.span.clone(), code, message);
        let quoted = |diagnostic: Diagnostic| Some(diagnostic.fix("search for it as text", quote(text)));
        if literal.quoted {
            return None;
        }
        if let Some((_, word)) = [("&&", "and"), ("||", "or")].into_iter().find(|(sign, _)| *sign == text) {
            return quoted(problem(Code::BadOperator, &format!("{text} is written {word}")).instead(word));
        }
        if let Some(at) = text.find(['<', '>'])
            && lookup(self.table, &text[..at]).is_some()
        {
            let fixed = format!("{}:{}", &text[..at], &text[at..]);
            return quoted(problem(Code::MissingColon, "a colon stands behind a field's name").instead(fixed));
        }
        // Stars at the ends say what free text does anyway, a star inside does not.
        if !literal.wild.iter().any(|at| text[*at..].starts_with('*')) {
            return None;
        }
        let diagnostic = problem(Code::PatternInText, "free text has no wildcards: it is found inside any text");
        let bare = text.trim_matches('*');
        if bare.is_empty() {
            return quoted(diagnostic.fix("leave it out: the empty filter is everything", ""));
        }
        quoted(diagnostic.fix("without the star", quote(bare)))
    }

    fn term(&mut self, entry: &Entry, term: &Term) -> Result<Predicate, Diagnostic> {
        let mut bag = Bag::default();
        for operand in &term.values {
            if let Err(diagnostic) = self.operand(entry, operand, &mut bag) {
                self.diagnostics.push(diagnostic);
            }
        }
        self.count_regexes(&term.values[0].span(), bag.regex_count())?;
        bag.compile(term.values[0].span().start..term.values[term.values.len() - 1].span().end)?;
        Ok(bag.of(&entry.field))
    }

    fn count_regexes(&mut self, span: &Range<usize>, more: usize) -> Result<(), Diagnostic> {
        self.regexes += more;
        if self.regexes > REGEXES_MAX {
            let message = format!("a filter has at most {REGEXES_MAX} patterns and regular expressions");
            return Err(Diagnostic::new(span.clone(), Code::TooMany, message));
        }
        Ok(())
    }

    fn operand(&self, entry: &Entry, operand: &Operand, bag: &mut Bag) -> Result<(), Diagnostic> {
        if let Operand::Exists(_) = operand {
            bag.exists = true;
            return Ok(());
        }
        match entry.kind {
            Kind::Bytes => {
                let message = format!("{0} is bytes: only {0}:* can be asked", entry.short());
                Err(Diagnostic::new(operand.span(), Code::OnlyExists, message).instead("*"))
            }
            Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer | Kind::Hash => numeric(entry, operand, bag),
            Kind::Flag => flag(entry, operand, bag),
            Kind::Address => address(entry, operand, bag),
            Kind::Label | Kind::Words | Kind::Text | Kind::Id | Kind::Headers | Kind::Labels => {
                text(entry, operand, bag)
            }
        }
    }
}

/// One of several parts, alternatives inside alternatives flattened.
pub(crate) fn either(parts: Vec<Predicate>) -> Predicate {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Predicate::Or(inner) => flat.extend(inner),
            part => flat.push(part),
        }
    }
    if flat.len() == 1 { flat.swap_remove(0) } else { Predicate::Or(flat) }
}

fn not_a_pattern(entry: &Entry, operand: &Operand, what: &str) -> Diagnostic {
    let message = format!("{} is {what}: wildcards and expressions are for text", entry.short());
    Diagnostic::new(operand.span(), Code::NotAPattern, message)
}

fn not_comparable(entry: &Entry, operand: &Operand, what: &str) -> Diagnostic {
    let message = format!("{} is {what}, which has no order: there are no ranges and no < or > of it", entry.short());
    Diagnostic::new(operand.span(), Code::NotComparable, message)
}

fn numeric(entry: &Entry, operand: &Operand, bag: &mut Bag) -> Result<(), Diagnostic> {
    let ordered = matches!(operand, Operand::Value(_) | Operand::Compare(Comparison::Equal, _) | Operand::Regex { .. });
    if entry.kind == Kind::Hash && !ordered {
        return Err(not_comparable(entry, operand, "a hash"));
    }
    let range = match operand {
        Operand::Value(literal) | Operand::Compare(Comparison::Equal, literal) => number(entry, literal)?,
        Operand::Compare(comparison, literal) => compared(*comparison, number(entry, literal)?),
        Operand::Span { from, to, closed, .. } => {
            let end = |end: &Option<Literal>| end.as_ref().map(|literal| number(entry, literal)).transpose();
            let (from, to) = (end(from)?, end(to)?);
            range(operand, from, to, *closed)?
        }
        Operand::Regex { .. } | Operand::Exists(_) => return Err(not_a_pattern(entry, operand, "a number")),
    };
    bag.ints.push(range);
    Ok(())
}

/// What no number lies in.
const NOTHING: IntRange = IntRange { from: i64::MAX, to: i64::MIN };

fn compared(comparison: Comparison, value: IntRange) -> IntRange {
    let above = |from: Option<i64>| from.map_or(NOTHING, |from| IntRange { from, to: i64::MAX });
    let below = |to: Option<i64>| to.map_or(NOTHING, |to| IntRange { from: i64::MIN, to });
    match comparison {
        Comparison::Equal => value,
        Comparison::AtLeast => above(Some(value.from)),
        Comparison::Above => above(value.to.checked_add(1)),
        Comparison::AtMost => below(Some(value.to)),
        Comparison::Below => below(value.from.checked_sub(1)),
    }
}

fn range(
    operand: &Operand,
    from: Option<IntRange>,
    to: Option<IntRange>,
    closed: bool,
) -> Result<IntRange, Diagnostic> {
    let upper = if closed { Comparison::AtMost } else { Comparison::Below };
    let low = from.map_or(i64::MIN, |value| value.from);
    let high = to.map_or(i64::MAX, |value| compared(upper, value).to);
    let problem = |message: &str| Diagnostic::new(operand.span(), Code::EmptyRange, message);
    if from.is_none() && to.is_none() {
        return Err(problem("a range needs at least one end").fix("any value", "*"));
    }
    if low > high {
        return Err(problem(
            "nothing lies in this range: its ends are the wrong way round, or equal and one is left out",
        ));
    }
    Ok(IntRange { from: low, to: high })
}

fn flag(entry: &Entry, operand: &Operand, bag: &mut Bag) -> Result<(), Diagnostic> {
    let (Operand::Value(literal) | Operand::Compare(Comparison::Equal, literal)) = operand else {
        return Err(not_comparable(entry, operand, "true or false"));
    };
    let flag = match &*literal.text.to_ascii_lowercase() {
        "true" => true,
        "false" => false,
        other => {
            let message = format!("{} is true or false, not {}", entry.short(), shown(other));
            let diagnostic = Diagnostic::new(literal.span.clone(), Code::BadFlag, message);
            return Err(diagnostic.instead("true").instead("false"));
        }
    };
    bag.flags.push(flag);
    Ok(())
}

fn address(entry: &Entry, operand: &Operand, bag: &mut Bag) -> Result<(), Diagnostic> {
    let (literal, exact) = match operand {
        Operand::Value(literal) => (literal, false),
        Operand::Compare(Comparison::Equal, literal) => (literal, true),
        Operand::Regex { .. } => return Err(not_a_pattern(entry, operand, "an address")),
        _ => return Err(not_comparable(entry, operand, "an address")),
    };
    match network(&literal.text) {
        Some(network) if !exact || !literal.text.contains('/') => bag.networks.push(network),
        // What stands in the field may be no address, such as a proxy's "unknown".
        _ if exact => bag.texts.push(literal.text.clone()),
        _ => return Err(bad_address(entry, literal)),
    }
    Ok(())
}

/// An address, or a network with a slash. IPv4 in IPv6 is IPv4.
fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let width: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u8 = match prefix {
        Some(digits) if digits.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
        None => width,
    };
    let plain = address.to_canonical();
    let mapped = if plain == address { 0 } else { 96 };
    if prefix > width {
        return None;
    }
    Some(prefix.checked_sub(mapped).map_or(Network { address, prefix }, |prefix| Network { address: plain, prefix }))
}

fn bad_address(entry: &Entry, literal: &Literal) -> Diagnostic {
    let text = &*literal.text;
    let message = format!(
        "{} is no address: {} takes 10.2.0.7, 10.2.0.0/16, fd00::1 or fd00::/8; := compares as text",
        shown(text),
        entry.short()
    );
    let diagnostic = Diagnostic::new(literal.span.clone(), Code::BadAddress, message);
    match dotted_wildcard(text) {
        Some(network) => diagnostic.instead(network),
        None => diagnostic,
    }
}

/// `10.2.*` as `10.2.0.0/16`.
fn dotted_wildcard(text: &str) -> Option<String> {
    let head = text.trim_end_matches(".*");
    let octets: Vec<u8> = head.split('.').map(|octet| octet.parse().ok()).collect::<Option<_>>()?;
    let known = octets.len();
    let wanted = head.len() < text.len() && known < 4;
    let all: Vec<String> = octets.iter().copied().chain(std::iter::repeat(0)).take(4).map(|o| o.to_string()).collect();
    wanted.then(|| format!("{}/{}", all.join("."), known * 8))
}

fn text(entry: &Entry, operand: &Operand, bag: &mut Bag) -> Result<(), Diagnostic> {
    let words = entry.kind == Kind::Words;
    match operand {
        Operand::Value(literal) if !literal.wild.is_empty() => {
            bag.patterns.push(pattern::source(&literal.text, &literal.wild, words));
        }
        Operand::Compare(Comparison::Equal, literal) => bag.texts.push(known(entry, literal)?),
        Operand::Value(literal) if entry.field == Field::AnyText => bag.contains(&literal.text),
        Operand::Value(literal) if words => bag.words.push(literal.text.clone()),
        Operand::Value(literal) => bag.texts.push(known(entry, literal)?),
        Operand::Regex { span, pattern, ignore_case } => {
            bag.regexes.push(pattern::regex(span, pattern, *ignore_case)?);
        }
        _ => return Err(not_comparable(entry, operand, "text")),
    }
    if words {
        bag.word_patterns = true;
    }
    Ok(())
}

/// The text of a value, which must be known where all values are.
fn known(entry: &Entry, literal: &Literal) -> Result<String, Diagnostic> {
    let Values::Fixed(names) = entry.values else { return Ok(literal.text.clone()) };
    let wanted = literal.text.to_ascii_lowercase();
    if names.contains(&&*wanted) {
        return Ok(wanted);
    }
    let message = format!("there is no {} {}: there are {}", entry.short(), shown(&literal.text), names.join(", "));
    let diagnostic = Diagnostic::new(literal.span.clone(), Code::UnknownClass, message);
    let near = nearest(&wanted, names.iter().copied());
    let offered = if near.is_empty() { names } else { &near[..] };
    Err(offered.iter().fold(diagnostic, |diagnostic, name| diagnostic.instead(*name)))
}
