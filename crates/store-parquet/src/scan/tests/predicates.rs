//! Random predicates of all kinds, and selections.

use std::sync::Arc;

use arachne_filter::{Computed, Field, HeaderSide, IntRange, Network, Predicate, Test, TextTest, Thresholds};
use arachne_store::{CountMode, Selection, TimeRange};
use proptest::prelude::*;
use regex::Regex;

use super::data::{TABLE, column};

fn texts() -> impl Strategy<Value = String> {
    let known = vec![
        "",
        "a",
        "c:80",
        "checkout",
        "/shop/Checkout",
        "/shop/*",
        "one",
        "two",
        "t1",
        "nowhere",
        "10.0.0.1",
        "padded",
        "error",
        "fast",
        "q=1",
        "00000000000000000000000007",
    ];
    prop::sample::select(known).prop_map(str::to_owned)
}

fn text_test() -> impl Strategy<Value = TextTest> {
    let regex = |source: &str| Regex::new(source).expect("an expression of this list");
    let expressions = vec!["^/shop/.*$", "(?i)CHECKOUT", "^$", "nowhere", "^/(shop|nowhere)/cart.*$", "che(ck)+out"];
    let expressions = prop::sample::select(expressions).prop_map(regex);
    prop_oneof![
        prop::collection::vec(texts(), 0..3).prop_map(TextTest::OneOf),
        prop::collection::vec(texts(), 0..3).prop_map(TextTest::Word),
        texts().prop_map(|text| TextTest::Contains(text.to_lowercase())),
        (expressions, any::<bool>()).prop_map(|(e, whole)| if whole {
            TextTest::Pattern(e)
        } else {
            TextTest::Regex(e)
        }),
    ]
}

fn ranges() -> impl Strategy<Value = Vec<IntRange>> {
    let range = prop_oneof![
        (-3_i64..60, 0_i64..20).prop_map(|(from, long)| IntRange { from, to: from + long }),
        prop::sample::select(vec![101_i64, 200, 500]).prop_map(|from| IntRange { from, to: i64::MAX }),
        (-3_i64..4).prop_map(|value| IntRange { from: value, to: value }),
        Just(IntRange { from: 5, to: 4 }),
    ];
    prop::collection::vec(range, 0..3)
}

fn test() -> impl Strategy<Value = Test> {
    let networks = [("10.0.0.0", 8), ("10.1.0.0", 16), ("fd00::", 8)];
    let networks = networks.map(|(address, prefix)| Network { address: address.parse().expect("an address"), prefix });
    prop_oneof![
        1 => Just(Test::Exists),
        3 => ranges().prop_map(Test::Int),
        1 => any::<bool>().prop_map(Test::Flag),
        4 => text_test().prop_map(Test::Text),
        1 => prop::sample::subsequence(networks.to_vec(), 0..3).prop_map(Test::Network),
    ]
}

fn computed() -> impl Strategy<Value = Computed> {
    prop_oneof![Just(Computed::Duration), Just(Computed::Wait), Just(Computed::Class(thresholds()))]
}

pub(super) const fn thresholds() -> Thresholds {
    Thresholds { fast_ns: 3, slow_ns: 10 }
}

fn field() -> impl Strategy<Value = Field> {
    let names = [
        "id",
        "start",
        "end",
        "provisional",
        "counted",
        "wire.key",
        "client.address",
        "service",
        "url.path",
        "url.query",
        "url.template",
        "http.response.status_code",
        "http.request.headers",
        "http.request.size",
        "trace.id",
        "tags",
        "request.end",
        "http.request.method",
    ];
    let columns: Vec<usize> = names.map(column).into();
    let sides = prop::sample::select(vec![HeaderSide::Request, HeaderSide::Response, HeaderSide::Either]);
    prop_oneof![
        8 => prop::sample::select(columns).prop_map(Field::Column),
        1 => Just(Field::Column(TABLE.columns.len())),
        3 => computed().prop_map(Field::Computed),
        2 => (sides, prop::sample::select(vec!["x-tag", "host", "none"])).prop_map(|(s, n)| Field::Header(s, n.to_owned())),
        2 => Just(Field::AnyText),
    ]
}

pub(super) fn predicate() -> impl Strategy<Value = Predicate> {
    let leaf = prop_oneof![1 => Just(Predicate::All), 9 => (field(), test()).prop_map(|(f, t)| Predicate::Is(f, t))];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
            inner.prop_map(|part| Predicate::Not(Box::new(part))),
        ]
    })
}

pub(super) fn selection() -> impl Strategy<Value = Selection> {
    let range = prop_oneof![
        Just(TimeRange::ALL),
        (-5_i64..60, -1_i64..40).prop_map(|(from, long)| TimeRange { from, to: from + long }),
    ];
    let mode = prop::sample::select(vec![CountMode::Overlap, CountMode::Start, CountMode::End]);
    (range, mode, predicate(), 0_i64..80, any::<bool>()).prop_map(|(range, mode, predicate, now, counted_only)| {
        Selection { table: TABLE, range, mode, predicate: Arc::new(predicate), now, counted_only }
    })
}
