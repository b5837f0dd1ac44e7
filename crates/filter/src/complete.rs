//! What can stand at the cursor: fields, operators, values.
//!
//! Names of fields and of fixed sets are offered here; values that the store holds are wished for, and the caller fetches
//! them with their counts.

use std::ops::Range;

use arachne_model::table::{Kind, Table};

use crate::ast::field_name;
use crate::catalogue::{Entry, Values, entries, lookup, prefixes};
use crate::literal::decode;
use crate::predicate::Field;

/// Items at most.
const ITEMS_MAX: usize = 100;

/// What can stand at the cursor.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// What an item takes the place of, in bytes of the text.
    pub span: Range<usize>,
    /// What is offered, best first.
    pub items: Vec<Item>,
    /// Values that the store may offer beside the items; a value is put in as [`crate::literal`] writes it.
    pub wants_values: Option<Wanted>,
}

/// Something to put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The text that takes the place of the span.
    pub insert: String,
    /// What the list shows.
    pub label: String,
    /// What it means, for people.
    pub doc: String,
    /// What it is.
    pub kind: ItemKind,
}

/// Kinds of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// A field, with its colon.
    Field,
    /// A way to compare.
    Operator,
    /// A value.
    Value,
    /// and, or, not.
    Keyword,
}

/// Values of a field that start with a prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The field.
    pub field: Field,
    /// Its name.
    pub name: String,
    /// What was typed of the value, escapes resolved.
    pub prefix: String,
}

/// What can stand at byte `cursor` of the filter `text`; a cursor inside a character or behind the end is moved back.
#[must_use]
pub fn complete(text: &str, cursor: usize, table: &'static Table) -> Completion {
    let cursor = text.floor_char_boundary(cursor.min(text.len()));
    let place = Place::find(&text[..cursor]);
    let typed = &text[place.start..cursor];
    let behind = text[cursor..].find(|c: char| c.is_whitespace() || "():,\"".contains(c));
    let end = cursor + behind.unwrap_or(text.len() - cursor);
    match place.field {
        Some(name) => {
            // The quote that closes goes with the value.
            let closes = place.quoted && text[end..].starts_with('"');
            values(name, typed, place.start..end + usize::from(closes), table)
        }
        None if place.quoted => Completion { span: place.start..end, items: Vec::new(), wants_values: None },
        None => {
            let colon = usize::from(text[end..].starts_with(':'));
            let items = fields(typed, table, !text[..place.start].trim().is_empty());
            Completion { span: place.start..end + colon, items, wants_values: None }
        }
    }
}

/// Where the cursor stands.
struct Place<'a> {
    /// Where the word under the cursor starts.
    start: usize,
    /// The field whose value it is.
    field: Option<&'a str>,
    /// Whether the word is inside a quote.
    quoted: bool,
}

impl<'a> Place<'a> {
    /// Finds the place at the end of `text`, reading from the front since quotes may hold anything.
    fn find(text: &'a str) -> Self {
        let mut place = Self { start: 0, field: None, quoted: false };
        let (mut escaped, mut list) = (false, None);
        for (at, c) in text.char_indices() {
            let next = at + c.len_utf8();
            match c {
                _ if escaped => {}
                '"' => {
                    place.quoted = !place.quoted;
                    place.start = if place.quoted { at } else { place.start };
                }
                _ if place.quoted => {}
                ':' if place.field.is_none() => {
                    place = Self { start: next, field: Some(&text[place.start..at]), quoted: false }
                }
                '(' if place.field.is_some() && place.start == at => {
                    list = place.field;
                    place.start = next;
                }
                '-' if place.field.is_none() && place.start == at => place.start = next,
                '(' | ')' => {
                    list = None;
                    place = Self { start: next, field: None, quoted: false };
                }
                c if c.is_whitespace() || (c == ',' && list.is_some()) => {
                    place = Self { start: next, field: list, quoted: false };
                }
                _ => {}
            }
            escaped = c == '\\' && !escaped;
        }
        place
    }
}

/// Fields whose names start with `typed`, then those that contain it.
fn fields(typed: &str, table: &'static Table, inside: bool) -> Vec<Item> {
    let wanted = typed.to_ascii_lowercase();
    let mut found: Vec<(u8, Item)> = Vec::new();
    for entry in entries(table) {
        let spelling = |test: &dyn Fn(&str) -> bool| entry.spellings().find(|s| test(s)).map(str::to_owned);
        let short = entry.short().starts_with(&wanted).then(|| entry.short().to_owned());
        let starts = short.or_else(|| spelling(&|s| s.starts_with(&wanted))).map(|s| (0, s));
        let found_in = starts.or_else(|| spelling(&|s| s.contains(&wanted)).map(|_| (1, entry.short().to_owned())));
        if let Some((rank, name)) = found_in {
            found.push((rank, field_item(&name, entry.doc)));
        }
    }
    for (prefix, doc) in prefixes(table) {
        let (rank, label) = (u8::from(!prefix.starts_with(&wanted)), format!("{prefix}NAME"));
        if prefix.contains(&wanted) {
            let item = Item { insert: prefix.to_owned(), label, doc: doc.to_owned(), kind: ItemKind::Field };
            found.push((rank, item));
        }
    }
    let keywords = [("and", "both must pass"), ("or", "one must pass"), ("not", "must not pass")];
    for (word, doc) in keywords.into_iter().filter(|(word, _)| word.starts_with(&wanted) && (inside || *word == "not"))
    {
        let item =
            Item { insert: format!("{word} "), label: word.to_owned(), doc: doc.to_owned(), kind: ItemKind::Keyword };
        found.push((2, item));
    }
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, item)| item).take(ITEMS_MAX).collect()
}

fn field_item(name: &str, doc: &str) -> Item {
    Item {
        insert: format!("{}:", field_name(name)),
        label: name.to_owned(),
        doc: doc.to_owned(),
        kind: ItemKind::Field,
    }
}

fn values(name: &str, typed: &str, span: Range<usize>, table: &'static Table) -> Completion {
    let name = decode(name, 0, true).map(|(name, _)| name).unwrap_or_default();
    let Some(entry) = lookup(table, &name) else { return Completion { span, items: Vec::new(), wants_values: None } };
    // Behind `=` stands a value like any other; behind other signs there is nothing to offer.
    let (typed, span) = match typed.strip_prefix('=') {
        Some(rest) => (rest, span.start + 1..span.end),
        None => (typed, span),
    };
    if typed.starts_with(['<', '>', '[', '!', '/']) {
        return Completion { span, items: Vec::new(), wants_values: None };
    }
    let raw = typed.strip_prefix('"').unwrap_or(typed);
    let prefix = decode(raw, 0, true).map_or_else(|_| raw.to_owned(), |(text, _)| text);
    let mut items = Vec::new();
    if let Values::Fixed(names) = entry.values {
        let wanted = prefix.to_ascii_lowercase();
        let fits = names.iter().filter(|name| name.starts_with(&wanted));
        items.extend(fits.map(|name| item(name, name, entry.doc, ItemKind::Value)));
    }
    if typed.is_empty() {
        items.extend(operators(&entry));
    }
    let stored = entry.values == Values::Stored;
    let wants_values = stored.then(|| Wanted { field: entry.field.clone(), name: entry.name.into_owned(), prefix });
    Completion { span, items, wants_values }
}

fn item(insert: &str, label: &str, doc: &str, kind: ItemKind) -> Item {
    Item { insert: insert.to_owned(), label: label.to_owned(), doc: doc.to_owned(), kind }
}

/// Ways to compare with a field.
fn operators(entry: &Entry) -> Vec<Item> {
    let listed: &[(&str, &str, &str)] = match entry.kind {
        Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer => &[
            (">=", ">=", "at least"),
            (">", ">", "above"),
            ("<=", "<=", "at most"),
            ("<", "<", "below"),
            ("[", "[a..b)", "a range; ] includes its end"),
        ],
        Kind::Label | Kind::Words | Kind::Text | Kind::Id | Kind::Headers | Kind::Labels => {
            &[("(", "(a or b)", "one of several"), ("/", "/regex/", "a regular expression")]
        }
        Kind::Address => &[("(", "(a or b)", "one of several")],
        _ => &[],
    };
    let any = ("*", "*", "there is a value");
    let all = listed.iter().chain(std::iter::once(&any));
    all.map(|(insert, label, doc)| item(insert, label, doc, ItemKind::Operator)).collect()
}
