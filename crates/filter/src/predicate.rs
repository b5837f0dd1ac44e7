//! A filter as engines get it: typed, bound, without text to be interpreted.

use arachne_model::Thresholds;
use arachne_model::table::{Row, Table, Value};

use crate::class::Class;
use crate::test::Test;

/// Which lines `name: value` are looked at: headers of exchanges, or what is written like them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderSide {
    /// Those of the request.
    Request,
    /// Those of the response.
    Response,
    /// Both.
    Either,
    /// Labels of a series.
    Labels,
    /// Fields of a log record.
    Fields,
}

/// A value that no column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Computed {
    /// `end - start` in nanoseconds (integer); null without an end. Of every table that has an end.
    Duration,
    /// `response.start - request.end` in nanoseconds (integer), never negative: how long the server thought. Exchanges only.
    Wait,
    /// The response class by these thresholds (text). Exchanges only.
    Class(Thresholds),
}

/// What a test looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A column of the table, by index.
    Column(usize),
    /// A computed value.
    Computed(Computed),
    /// A header by its lower-case name. A message may have several of that name: one that passes is enough.
    Header(HeaderSide, String),
    /// Every text column of [`arachne_model::table::Table::texts`]: one that passes is enough.
    AnyText,
}

/// A filter. A test of a field that is null does not pass; [`Predicate::Not`] of it does.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// Everything passes: the empty filter.
    All,
    /// Every part must pass.
    And(Vec<Predicate>),
    /// One part must pass.
    Or(Vec<Predicate>),
    /// The part must not pass.
    Not(Box<Predicate>),
    /// The value of a field passes a test.
    Is(Field, Test),
}

impl Predicate {
    /// Whether `row` passes: the reference that every engine must equal.
    #[must_use]
    pub fn matches<R: Row>(&self, row: &R) -> bool {
        match self {
            Self::All => true,
            Self::And(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(row)),
            Self::Not(part) => !part.matches(row),
            Self::Is(field, test) => field.passes(test, row),
        }
    }

    /// Both must pass; drops what is always true.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, one) | (one, Self::All) => one,
            (Self::And(mut parts), Self::And(more)) => {
                parts.extend(more);
                Self::And(parts)
            }
            (Self::And(mut parts), one) => {
                parts.push(one);
                Self::And(parts)
            }
            (one, Self::And(mut parts)) => {
                parts.insert(0, one);
                Self::And(parts)
            }
            (one, other) => Self::And(vec![one, other]),
        }
    }

    /// The fields that are looked at, each once, in order of appearance.
    #[must_use]
    pub fn fields(&self) -> Vec<&Field> {
        fn collect<'a>(predicate: &'a Predicate, fields: &mut Vec<&'a Field>) {
            match predicate {
                Predicate::All => {}
                Predicate::And(parts) | Predicate::Or(parts) => parts.iter().for_each(|p| collect(p, fields)),
                Predicate::Not(part) => collect(part, fields),
                Predicate::Is(field, _) if fields.contains(&field) => {}
                Predicate::Is(field, _) => fields.push(field),
            }
        }
        let mut fields = Vec::new();
        collect(self, &mut fields);
        fields
    }
}

impl Field {
    fn passes<R: Row>(&self, test: &Test, row: &R) -> bool {
        match self {
            Self::Column(column) => test.passes(row.value(*column)),
            Self::Computed(computed) => computed.with(row, |value| test.passes(value)),
            Self::Header(side, name) => side.columns(R::TABLE).any(|column| match row.value(column) {
                Value::Text(lines) => header_values(lines, name).any(|value| test.passes(Value::Text(value))),
                _ => false,
            }),
            Self::AnyText => R::TABLE.texts.iter().any(|&column| test.passes(row.value(column))),
        }
    }
}

impl HeaderSide {
    /// The columns with these lines; none in tables without them.
    pub fn columns(self, table: &Table) -> impl Iterator<Item = usize> {
        let names: &[&str] = match self {
            Self::Request => &["http.request.headers"],
            Self::Response => &["http.response.headers"],
            Self::Either => &["http.request.headers", "http.response.headers"],
            Self::Labels => &["labels"],
            Self::Fields => &["fields"],
        };
        names.iter().filter_map(|name| table.column(name))
    }
}

impl Computed {
    /// Gives the computed value of `row` to `use_it`.
    pub fn with<R: Row, T>(self, row: &R, use_it: impl FnOnce(Value<'_>) -> T) -> T {
        let at = |name: &str| R::TABLE.column(name).map_or(Value::Null, |column| row.value(column));
        match self {
            Self::Duration => {
                let end = R::TABLE.end.map_or(Value::Null, |column| row.value(column));
                use_it(difference(row.value(R::TABLE.start), end))
            }
            Self::Wait => use_it(difference(at("request.end"), at("response.start"))),
            Self::Class(thresholds) => {
                let [status, start, end, open] = Class::columns().map(|column| row.value(column));
                use_it(Value::Text(Class::of_values(status, start, end, open, thresholds).name()))
            }
        }
    }
}

/// `to - from`, never negative; null when either is.
fn difference<'a>(from: Value<'_>, to: Value<'_>) -> Value<'a> {
    match (from, to) {
        (Value::Int(from), Value::Int(to)) => Value::Int(to.saturating_sub(from).max(0)),
        _ => Value::Null,
    }
}

/// The values of the headers called `name` (lower case) in a block of lines `name: value`.
pub fn header_values<'a>(lines: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    lines.lines().filter_map(move |line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim_start())
    })
}

#[cfg(test)]
mod tests {
    use arachne_model::table::{ExchangeRow, PacketRow};

    use super::*;
    use crate::test::{IntRange, TextTest};

    #[test]
    fn header_values_by_name() {
        let lines = "Host: a\nX-Id:  b \nx-id: c:d\nno colon\nX-Idle: e\nX-ID:\n\n: f";
        let of = |name| header_values(lines, name).collect::<Vec<_>>();
        assert_eq!(of("x-id"), ["b ", "c:d", ""]);
        assert_eq!(of("host"), ["a"]);
        assert_eq!(of("no colon"), Vec::<&str>::new());
        assert_eq!(of(""), ["f"]);
        assert_eq!(header_values("", "x").count(), 0);
    }

    fn exact(field: Field, text: &str) -> Predicate {
        Predicate::Is(field, Test::Text(TextTest::OneOf(vec![text.to_owned()])))
    }

    #[test]
    fn one_header_line_of_the_right_side_is_enough() {
        let row = ExchangeRow {
            request_headers: Some("A: 1\nA: 2\n".into()),
            response_headers: Some("B: 3\n".into()),
            ..ExchangeRow::default()
        };
        for (side, name, value, passes) in [
            (HeaderSide::Request, "a", "2", true),
            (HeaderSide::Either, "a", "1", true),
            (HeaderSide::Response, "a", "1", false),
            (HeaderSide::Response, "b", "3", true),
            (HeaderSide::Either, "b", "4", false),
        ] {
            assert_eq!(exact(Field::Header(side, name.to_owned()), value).matches(&row), passes, "{name}: {value}");
        }
        let packets = exact(Field::Header(HeaderSide::Either, "a".to_owned()), "1");
        assert!(!packets.matches(&PacketRow::default()), "packets have no headers");
    }

    #[test]
    fn computed_values() {
        let mut row = ExchangeRow { start: 10, end: Some(30), status: Some(200), ..ExchangeRow::default() };
        let at = |row: &ExchangeRow, computed: Computed| computed.with(row, |value| format!("{value:?}"));
        assert_eq!(at(&row, Computed::Duration), "Int(20)");
        assert_eq!(at(&row, Computed::Wait), "Null");
        assert_eq!(at(&row, Computed::Class(Thresholds { fast_ns: 20, slow_ns: 21 })), "Text(\"medium\")");
        (row.request_end, row.response_start, row.end) = (Some(20), Some(15), None);
        assert_eq!(at(&row, Computed::Wait), "Int(0)", "never negative");
        assert_eq!(at(&row, Computed::Duration), "Null");
        assert!(Computed::Duration.with(&PacketRow::default(), |value| value == Value::Null), "packets have no end");
    }

    #[test]
    fn nulls_pass_a_negation_only() {
        let test = Predicate::Is(Field::Column(2), Test::Int(vec![IntRange { from: i64::MIN, to: i64::MAX }]));
        let row = ExchangeRow::default();
        assert!(!test.matches(&row) && Predicate::Not(Box::new(test)).matches(&row));
        assert!(Predicate::And(Vec::new()).matches(&row) && !Predicate::Or(Vec::new()).matches(&row));
    }

    #[test]
    fn and_is_flat_and_fields_are_listed_once() {
        let part = |index| Predicate::Is(Field::Column(index), Test::Exists);
        let both = Predicate::All.and(part(1)).and(Predicate::All).and(part(2)).and(part(1).and(part(3)));
        assert_eq!(both, Predicate::And(vec![part(1), part(2), part(1), part(3)]));
        assert_eq!(both.fields(), [&Field::Column(1), &Field::Column(2), &Field::Column(3)]);
    }
}
