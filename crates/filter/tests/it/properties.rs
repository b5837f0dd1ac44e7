//! Laws on random filters and values.

use arachne_filter::render::{and, between, free_text, not, term, word};
use arachne_filter::{Predicate, Settings, parse};
use arachne_model::table::{ExchangeRow, Kind, Row, SessionRow, Value};
use proptest::prelude::*;

use crate::laws::any_bytes;

/// Pieces that make hostile filters likelier than single letters do.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "status",
            "path",
            "class",
            "client",
            "duration",
            "start",
            "anomaly",
            "header.x",
            "text",
            ":",
            ">=",
            "<",
            "=",
            "!=",
            "[",
            "]",
            "..",
            "(",
            ")",
            "-",
            "\"",
            "/",
            "/i",
            "\\",
            "*",
            "?",
            ",",
            " ",
            " or ",
            " and ",
            " not ",
            "or",
            "500",
            "5xx",
            "1.5s",
            "10kB",
            "2026-11-21",
            "T10:00:00Z",
            "10.0.0.0/8",
            "::1",
            "error",
            "true",
            "abc",
            "ü",
            "\u{202e}",
            "\0",
            "\n",
            "\\u{41}",
            "&&",
            ".",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn predicate<R: Row>(filter: &str) -> Predicate {
    let parsed = parse(filter, R::TABLE, &Settings::default());
    parsed.predicate.unwrap_or_else(|| panic!("{filter}: {:?}", parsed.diagnostics))
}

/// A filter made of `value` passes a row with it, and one with `other` only where that is the same.
fn only<R: Row>(column: usize, value: Value<'_>, other: Value<'_>) {
    let (mut row, mut another) = (R::default(), R::default());
    if !row.set(column, value) || !another.set(column, other) {
        return;
    }
    let name = R::TABLE.columns[column].name;
    // What the row holds: a null is a default where there are no nulls.
    let filter = term(R::TABLE, name, row.value(column)).unwrap_or_else(|| panic!("{name} is {value:?}"));
    let predicate = predicate::<R>(&filter);
    assert!(predicate.matches(&row), "{filter}");
    assert_eq!(predicate.matches(&another), row.value(column) == another.value(column), "{filter} with {other:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_text_is_read_or_refused(text in pieces()) {
        any_bytes(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        any_bytes(&bytes);
    }

    #[test]
    fn a_filter_of_a_text_passes_that_text_only(value in pieces(), other in pieces()) {
        for (column, described) in ExchangeRow::TABLE.columns.iter().enumerate() {
            if matches!(described.kind, Kind::Text | Kind::Label | Kind::Words | Kind::Id | Kind::Headers | Kind::Labels | Kind::Address) {
                let near = format!("{value} ");
                for other in [Value::Text(&other), Value::Text(&near), Value::Text(""), Value::Text(&value), Value::Null] {
                    only::<ExchangeRow>(column, Value::Text(&value), other);
                }
                only::<ExchangeRow>(column, Value::Null, Value::Text(&value));
            }
        }
    }

    #[test]
    fn a_filter_of_a_number_passes_that_number_only(value: i64, other: i64) {
        for (column, described) in ExchangeRow::TABLE.columns.iter().enumerate() {
            if matches!(described.kind, Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer | Kind::Hash) {
                for value in [value, value % 1000, value / 1_000_000 * 1_000_000, 0] {
                    for other in [Value::Int(other), Value::Int(value.wrapping_add(1)), Value::Int(value.wrapping_sub(1)), Value::Null] {
                        only::<ExchangeRow>(column, Value::Int(value), other);
                    }
                }
            }
        }
    }

    #[test]
    fn a_filter_of_an_address_passes_that_address_only(value: std::net::IpAddr, other: std::net::IpAddr) {
        let column = SessionRow::TABLE.column("client.address").expect("a column");
        let (value, other) = (value.to_canonical().to_string(), other.to_canonical().to_string());
        only::<SessionRow>(column, Value::Text(&value), Value::Text(&other));
    }

    #[test]
    fn a_filter_of_a_header_passes_that_header_only(name in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}", value in "[!-~][ -~]{0,20}", other in "[!-~]{1,5}") {
        let filter = term(ExchangeRow::TABLE, &format!("header.{name}"), Value::Text(&value)).expect("a header");
        let row = |value: &str| ExchangeRow { response_headers: Some(format!("A: b\n{name}: {value}\n")), ..ExchangeRow::default() };
        let predicate = predicate::<ExchangeRow>(&filter);
        prop_assert!(predicate.matches(&row(&value)), "{}", filter);
        prop_assert_eq!(predicate.matches(&row(&other)), value == other, "{}", filter);
    }

    #[test]
    fn ranges_hold_what_lies_between(from: i64, to: i64, value: i64) {
        for name in ["start", "tcp.retransmissions", "http.response.size", "tcp.rtt"] {
            let Some(filter) = between(ExchangeRow::TABLE, name, from, to) else {
                prop_assert!(from >= to);
                continue;
            };
            let column = ExchangeRow::TABLE.column(name).expect("a column");
            let mut row = ExchangeRow::default();
            if row.set(column, Value::Int(value)) {
                prop_assert_eq!(predicate::<ExchangeRow>(&filter).matches(&row), from <= value && value < to, "{}", filter);
            }
        }
    }

    #[test]
    fn filters_join_and_turn_around(texts in prop::collection::vec(pieces(), 1..4), path in pieces()) {
        let valid: Vec<String> = texts.into_iter()
            .filter(|text| parse(text, ExchangeRow::TABLE, &Settings::default()).predicate.is_some()).collect();
        let row = ExchangeRow { path: Some(path), status: Some(500), ..ExchangeRow::default() };
        let all = valid.iter().all(|filter| predicate::<ExchangeRow>(filter).matches(&row));
        prop_assert_eq!(predicate::<ExchangeRow>(&and(&valid)).matches(&row), all);
        for filter in &valid {
            let opposite = predicate::<ExchangeRow>(&not(filter)).matches(&row);
            prop_assert_eq!(opposite, !predicate::<ExchangeRow>(filter).matches(&row), "{}", filter);
        }
    }

    #[test]
    fn free_text_is_found_in_what_holds_it(text in pieces(), before in pieces()) {
        if !text.is_empty() {
            let row = ExchangeRow { query: Some(format!("{before}{}", text.to_ascii_uppercase())), ..ExchangeRow::default() };
            prop_assert!(predicate::<ExchangeRow>(&free_text(&text)).matches(&row));
        }
    }
}

#[test]
fn drill_texts_read_well() {
    let text = |name, value| term(ExchangeRow::TABLE, name, value);
    for (made, expected) in [
        (text("http.response.status_code", Value::Int(404)), Some("status:404")),
        (text("class", Value::Text("error")), Some("class:error")),
        (text("class", Value::Text("none")), None),
        (text("path", Value::Text("/cart/1")), Some("path:/cart/1")),
        (text("path", Value::Text("/a b")), Some("path:\"/a b\"")),
        (text("user", Value::Null), Some("-user:*")),
        (text("duration", Value::Int(1_500_000_000)), Some("duration:1500ms")),
        (text("start", Value::Int(1_795_255_200_000_000_000)), Some("start:2026-11-21T10:00:00Z")),
        (text("anomalies", Value::Text("bad_cl gap")), Some("anomaly:=\"bad_cl gap\"")),
        (text("client", Value::Text("10.0.0.1")), Some("client:10.0.0.1")),
        (text("origin", Value::Text("unknown")), Some("origin:=unknown")),
        (text("counted", Value::Bool(true)), Some("counted:true")),
        (text("status", Value::Text("404")), None),
        (text("nonsense", Value::Int(1)), None),
        (word(ExchangeRow::TABLE, "anomalies", "gap"), Some("anomaly:gap")),
        (word(ExchangeRow::TABLE, "path", "gap"), None),
        (between(ExchangeRow::TABLE, "size", 1000, 2000), Some("size:[1000B..2000B)")),
        (Some(and(&["a or b", "", " class:error "])), Some("(a or b) class:error")),
        (Some(not("class:error")), Some("-class:error")),
        (Some(not("a b")), Some("-(a b)")),
    ] {
        assert_eq!(made.as_deref(), expected);
    }
}
