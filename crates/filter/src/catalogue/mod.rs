//! The one field catalogue: every name that a filter may use, with its type, unit and examples.
//!
//! Columns come from the tables of the model; short aliases from `aliases`; computed fields, free text and headers are
//! added here. What is listed nowhere is refused: an allow list, so that no name ever reaches an engine as text.

mod aliases;

use std::borrow::Cow;

use arachne_model::Thresholds;
use arachne_model::table::{Kind, Table};

use crate::class::Class;
use crate::predicate::{Computed, Field, HeaderSide};

/// Spellings of header fields, and of their kin, in front of the name, longest first.
const HEADERS: [(&str, HeaderSide); 7] = [
    ("http.request.header.", HeaderSide::Request),
    ("http.response.header.", HeaderSide::Response),
    ("request.header.", HeaderSide::Request),
    ("response.header.", HeaderSide::Response),
    ("header.", HeaderSide::Either),
    ("label.", HeaderSide::Labels),
    ("field.", HeaderSide::Fields),
];

/// Values that can be offered for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// None: too many, or numbers.
    Open,
    /// These names and no others.
    Fixed(&'static [&'static str]),
    /// Those that the store holds in the range, with counts.
    Stored,
}

/// A field of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name with dots; of a header with the header's name in lower case.
    pub name: Cow<'static, str>,
    /// Its name in SQL; `None` where no column holds it.
    pub sql: Option<&'static str>,
    /// Other names, the one for people first.
    pub aliases: &'static [&'static str],
    /// What its values are.
    pub kind: Kind,
    /// What is looked at. A class has the default thresholds here; a parsed filter has those of its settings.
    pub field: Field,
    /// What it means, for people.
    pub doc: &'static str,
    /// The unit of its values and how it is written; `None` where numbers need none.
    pub unit: Option<&'static str>,
    /// What values can be offered.
    pub values: Values,
    /// Filters that use it.
    pub examples: &'static [&'static str],
}

impl Entry {
    /// The shortest name that people use: the first alias, else the name.
    #[must_use]
    pub fn short(&self) -> &str {
        self.aliases.first().copied().unwrap_or(&self.name)
    }

    /// Every spelling: name, SQL name, aliases.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let sql = self.sql.filter(|sql| *sql != self.name);
        std::iter::once(&*self.name).chain(sql).chain(self.aliases.iter().copied())
    }

    /// Whether it is the status code, which has ranges such as `5xx`.
    #[must_use]
    pub fn is_status(&self) -> bool {
        self.name == "http.response.status_code"
    }
}

/// Every field of `table` but headers, which are any number: columns in their order, then computed fields.
#[must_use]
pub fn entries(table: &'static Table) -> Vec<Entry> {
    let columns = table.columns.iter().enumerate().map(|(index, column)| {
        let more = aliases::of(table.name, column.name);
        Entry {
            name: Cow::Borrowed(column.name),
            sql: Some(column.sql),
            aliases: more.map_or(&[], |a| a.names),
            kind: column.kind,
            field: Field::Column(index),
            doc: column.doc,
            unit: unit(column.kind),
            values: values(column.kind, column.name),
            examples: more.map_or(&[], |a| a.examples),
        }
    });
    columns.chain(computed(table)).collect()
}

/// The field of `table` that is called `name` in any of its spellings, in either case; headers included.
#[must_use]
pub fn lookup(table: &'static Table, name: &str) -> Option<Entry> {
    let name = name.to_ascii_lowercase();
    let listed = entries(table).into_iter().find(|entry| entry.spellings().any(|spelling| spelling == name));
    listed.or_else(|| header(table, &name))
}

/// What may stand in front of a name of a line of `table`, the shortest spelling of each side, with what it means.
pub(crate) fn prefixes(table: &Table) -> impl Iterator<Item = (&'static str, &'static str)> {
    let short = [
        ("header.", HeaderSide::Either, "a header of either side, by its name"),
        ("request.header.", HeaderSide::Request, "a header of the request, by its name"),
        ("response.header.", HeaderSide::Response, "a header of the response, by its name"),
        ("label.", HeaderSide::Labels, "a label of the series, by its name"),
        ("field.", HeaderSide::Fields, "a field of the record, by its name"),
    ];
    short.into_iter().filter(|(_, side, _)| side.columns(table).next().is_some()).map(|(prefix, _, doc)| (prefix, doc))
}

fn header(table: &Table, name: &str) -> Option<Entry> {
    let (side, header) = HEADERS.iter().find_map(|(prefix, side)| Some((*side, name.strip_prefix(prefix)?)))?;
    // A colon ends a header's name, so such a header cannot be.
    let possible = side.columns(table).next().is_some() && !header.is_empty() && !header.contains([':', '\n']);
    possible.then(|| Entry {
        name: Cow::Owned(name.to_owned()),
        sql: None,
        aliases: &[],
        kind: Kind::Text,
        field: Field::Header(side, header.to_owned()),
        doc: match side {
            HeaderSide::Request => "a header of the request; one of several lines is enough",
            HeaderSide::Response => "a header of the response; one of several lines is enough",
            HeaderSide::Either => "a header of the request or the response; one of several lines is enough",
            HeaderSide::Labels => "a label of the series",
            HeaderSide::Fields => "a field of the record; one of several lines is enough",
        },
        unit: None,
        values: Values::Open,
        examples: &[],
    })
}

fn computed(table: &'static Table) -> impl Iterator<Item = Entry> {
    let entry = |name, kind, field, doc, values, examples| Entry {
        name: Cow::Borrowed(name),
        sql: None,
        aliases: &[],
        kind,
        field,
        doc,
        unit: unit(kind),
        values,
        examples,
    };
    let duration = table.end.map(|_| {
        let doc = "end - start; null while it is open";
        let examples = &["duration:>=1s", "duration:[500ms..2s)"];
        entry("duration", Kind::Duration, Field::Computed(Computed::Duration), doc, Values::Open, examples)
    });
    let exchanges = table.name == "exchanges";
    let wait = exchanges.then(|| {
        let doc = "response.start - request.end: how long the server thought";
        entry("wait", Kind::Duration, Field::Computed(Computed::Wait), doc, Values::Open, &["wait:>200ms"])
    });
    let class = exchanges.then(|| {
        let field = Field::Computed(Computed::Class(Thresholds::default()));
        let doc = "error (status 500 or above, or no answer), open, upgrade, else fast, medium or slow by duration";
        entry("class", Kind::Label, field, doc, Values::Fixed(&CLASSES), &["class:error", "class:(slow or error)"])
    });
    let text = (!table.texts.is_empty()).then(|| {
        let doc = "free text: any of the text columns";
        entry("text", Kind::Text, Field::AnyText, doc, Values::Open, &["\"out of memory\"", "text:/time.?out/i"])
    });
    [duration, wait, class, text].into_iter().flatten()
}

/// The names of the classes.
const CLASSES: [&str; Class::ALL.len()] = {
    let mut names = [""; Class::ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = Class::ALL[index].name();
        index += 1;
    }
    names
};

fn unit(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Instant => Some("RFC 3339, or a number since 1970 in s, ms, us or ns"),
        Kind::Duration => Some("ns, us, ms, s, m, h, d"),
        Kind::Size => Some("B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"),
        _ => None,
    }
}

fn values(kind: Kind, name: &str) -> Values {
    match kind {
        Kind::Flag => Values::Fixed(&["true", "false"]),
        Kind::Label | Kind::Words | Kind::Address => Values::Stored,
        Kind::Integer if name == "http.response.status_code" || name.ends_with(".port") => Values::Stored,
        _ => Values::Open,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arachne_model::table::{ExchangeRow, LogRow, PacketRow, PointRow, Row as _, SessionRow, TABLES};

    use super::*;

    #[test]
    fn every_column_is_reached_by_its_names() {
        for table in TABLES {
            for (index, column) in table.columns.iter().enumerate() {
                for name in [column.name, column.sql, &column.name.to_uppercase()] {
                    let found = lookup(table, name).map(|entry| entry.field);
                    assert_eq!(found, Some(Field::Column(index)), "{}.{name}", table.name);
                }
            }
        }
    }

    #[test]
    fn no_spelling_means_two_things() {
        for table in TABLES {
            let mut seen = BTreeMap::new();
            for entry in entries(table) {
                for spelling in entry.spellings() {
                    let other = seen.insert(spelling.to_owned(), entry.name.clone());
                    assert_eq!(other, None, "{spelling} of {} is also {}", table.name, entry.name);
                }
            }
        }
    }

    #[test]
    fn aliases_belong_to_columns() {
        for (table, column) in aliases::columns() {
            let known = TABLES.iter().any(|t| (table == "*" || t.name == table) && t.column(column).is_some());
            assert!(known, "{table}.{column}");
        }
    }

    #[test]
    fn short_names_of_exchanges() {
        for (alias, name) in [
            ("status", "http.response.status_code"),
            ("path", "url.path"),
            ("client", "client.address"),
            ("session", "tcp.session"),
            ("anomaly", "anomalies"),
            ("size", "http.response.size"),
            ("type", "http.response.header.content-type"),
            ("request_id", "request.id"),
        ] {
            assert_eq!(lookup(ExchangeRow::TABLE, alias).expect("an alias").name, name);
        }
        assert_eq!(lookup(SessionRow::TABLE, "session").expect("an alias").name, "id");
    }

    #[test]
    fn headers_are_fields_where_there_are_headers() {
        let field = |name| lookup(ExchangeRow::TABLE, name).map(|entry| entry.field);
        let header = |side, name: &str| Some(Field::Header(side, name.to_owned()));
        assert_eq!(field("header.X-Id"), header(HeaderSide::Either, "x-id"));
        assert_eq!(field("request.header.x-id"), header(HeaderSide::Request, "x-id"));
        assert_eq!(field("http.response.header.x.y"), header(HeaderSide::Response, "x.y"));
        // A column of its own goes first.
        assert!(matches!(field("http.request.header.host"), Some(Field::Column(_))));
        assert_eq!(field("header."), None);
        assert_eq!(field("header.a:b"), None);
        assert_eq!(lookup(PacketRow::TABLE, "header.x"), None);
        let of = |table, name| lookup(table, name).map(|entry| entry.field);
        assert_eq!(of(PointRow::TABLE, "label.Class"), header(HeaderSide::Labels, "class"));
        assert_eq!(of(LogRow::TABLE, "field.user"), header(HeaderSide::Fields, "user"));
        for (table, name) in [(PointRow::TABLE, "field.x"), (LogRow::TABLE, "label.x"), (PointRow::TABLE, "header.x")] {
            assert_eq!(of(table, name), None, "{name}");
        }
        assert_eq!(field("label.x"), None);
    }

    #[test]
    fn computed_fields_are_where_their_columns_are() {
        let has = |table, name| lookup(table, name).is_some();
        assert!(has(SessionRow::TABLE, "duration") && !has(PacketRow::TABLE, "duration"));
        assert!(has(ExchangeRow::TABLE, "class") && !has(SessionRow::TABLE, "class"));
        assert!(has(SessionRow::TABLE, "text") && !has(PacketRow::TABLE, "text"));
        assert_eq!(lookup(ExchangeRow::TABLE, "__proto__"), None);
        assert_eq!(lookup(ExchangeRow::TABLE, ""), None);
    }
}
