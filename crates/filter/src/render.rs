//! Filters as text, made from values: what drill contracts and clicks put into the filter bar.

use arachne_model::table::{Kind, Table, Value};

use crate::ast::{Node, NodeKind, field_name};
use crate::catalogue::{Entry, Values, lookup};
use crate::literal::{literal, quote};
use crate::predicate::Field;
use crate::scalar::print_number;
use crate::syntax::read;

/// A filter that passes exactly the rows of `table` whose field `name` has this value: `status:404`, `path:"/a b"`, for a
/// null `-user.name:*`. For a header it passes rows with such a header line; for addresses, what is the same address.
///
/// `None` when the table has no such field, or when no value of the field is like this one.
#[must_use]
pub fn term(table: &'static Table, name: &str, value: Value<'_>) -> Option<String> {
    let entry = lookup(table, name)?;
    let name = field_name(entry.short());
    let text = match (value, entry.kind) {
        (Value::Null, _) => return Some(format!("-{name}:*")),
        (Value::Bool(flag), Kind::Flag) => flag.to_string(),
        (Value::Int(number), kind) if is_number(kind) => print_number(kind, number),
        (Value::Text(text), kind) if is_text(kind) => exactly(&entry, text)?,
        _ => return None,
    };
    Some(format!("{name}:{text}"))
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer | Kind::Hash)
}

fn is_text(kind: Kind) -> bool {
    matches!(kind, Kind::Label | Kind::Words | Kind::Address | Kind::Text | Kind::Id | Kind::Headers | Kind::Labels)
}

/// `text` as a value that nothing else equals.
fn exactly(entry: &Entry, text: &str) -> Option<String> {
    let known = if let Values::Fixed(names) = entry.values { names.contains(&text) } else { true };
    let address = entry.kind == Kind::Address && text.parse::<std::net::IpAddr>().is_err();
    let whole = address || entry.kind == Kind::Words || entry.field == Field::AnyText;
    known.then(|| format!("{}{}", if whole { "=" } else { "" }, literal(text)))
}

/// A filter that passes rows of `table` whose field `name` holds `word` among its words: `anomaly:gap`. `None` unless it
/// is a field of words.
#[must_use]
pub fn word(table: &'static Table, name: &str, word: &str) -> Option<String> {
    let entry = lookup(table, name).filter(|entry| entry.kind == Kind::Words)?;
    Some(format!("{}:{}", field_name(entry.short()), literal(word)))
}

/// A filter that passes rows of `table` whose number in the field `name` is at least `from` and below `to`. `None` unless
/// it is a field of numbers with an order, and `from` below `to`.
#[must_use]
pub fn between(table: &'static Table, name: &str, from: i64, to: i64) -> Option<String> {
    let entry = lookup(table, name).filter(|entry| is_number(entry.kind) && entry.kind != Kind::Hash && from < to)?;
    let end = |number| print_number(entry.kind, number);
    Some(format!("{}:[{}..{})", field_name(entry.short()), end(from), end(to)))
}

/// A filter that passes what all `filters` pass. Each of them must be one that parses.
#[must_use]
pub fn and(filters: &[impl AsRef<str>]) -> String {
    let parts = filters.iter().filter_map(|filter| {
        let (filter, root) = (filter.as_ref(), read(filter.as_ref()).0?);
        // Cut by what was read: a blank at the end may be an escaped one.
        let text = &filter[root.span];
        Some(if matches!(root.kind, NodeKind::Or(_)) { format!("({text})") } else { text.to_owned() })
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// A filter that passes what `filter` does not. It must be one that parses; the opposite of the empty filter passes
/// nothing.
#[must_use]
pub fn not(filter: &str) -> String {
    match read(filter).0 {
        Some(Node { span, kind: NodeKind::Term(_) }) => format!("-{}", &filter[span]),
        Some(Node { span, .. }) => format!("-({})", &filter[span]),
        // Nothing is both there and not there.
        None => "start:* -start:*".to_owned(),
    }
}

/// A filter that searches free text for `text`.
#[must_use]
pub fn free_text(text: &str) -> String {
    quote(text)
}
