//! Random questions.

use std::sync::Arc;

use arachne_filter::{Computed, Field, HeaderSide, IntRange, Network, Predicate, Test, TextTest, Thresholds};
use arachne_model::table::{Column, Kind, TABLES, Table};

use super::Random;
use super::rows::{ADDRESSES, BEGIN, END, PATHS, SERVICES};
use crate::request::{
    Buckets, Callers, CountMode, GroupRequest, Key, ListRequest, Means, Measure, Number, Order, Selection, TimeRange,
};

/// More groups than any sample has.
const ALL_GROUPS: usize = 1 << 20;
/// Texts that rows have, and that they do not.
const WORDS: &[&str] =
    &["shop", "GET", "server", "/cart/1", "missing_syn", "http", "anna", "10.1.0.1", "nothing like it"];

pub fn grouping(random: &mut Random) -> GroupRequest {
    let selection = selection(random);
    let keys = (0..random.below(4)).map(|_| key(random, &selection)).collect();
    let measures = (0..random.below(4)).map(|_| measure(random, selection.table)).collect();
    // With one group the engine has no choice, so that the rest is comparable.
    GroupRequest { selection, keys, measures, groups_max: ALL_GROUPS, whole: false }
}

pub fn list(random: &mut Random) -> ListRequest {
    let selection = selection(random);
    let table = selection.table;
    let order = Order {
        by: if random.one_in(2) { Number::Column(table.start) } else { number(random, table) },
        descending: random.one_in(2),
    };
    let columns = (0..=random.below(6)).map(|_| column(random, table)).collect();
    let limit = usize::try_from(1 + random.below(300)).unwrap_or(1);
    ListRequest { selection, order, after: None, limit, columns }
}

fn selection(random: &mut Random) -> Selection {
    // Exchanges are what most questions are about.
    let table = if random.one_in(3) { random.of(TABLES) } else { TABLES[0] };
    let from = random.between(BEGIN, END);
    let range = match random.below(6) {
        0 => TimeRange::ALL,
        1 => TimeRange { from: BEGIN, to: BEGIN },
        2 => TimeRange { from: i64::MIN, to: from },
        3 => TimeRange { from, to: from + random.between(1, 1_000_000_000) },
        _ => TimeRange { from, to: random.between(from, END + 1) },
    };
    let mode = *random.of(&[&CountMode::Overlap, &CountMode::Start, &CountMode::End]);
    let predicate = Arc::new(predicate(random, table, 3));
    Selection { table, range, mode, predicate, now: END, counted_only: !random.one_in(3) }
}

fn predicate(random: &mut Random, table: &Table, depth: u32) -> Predicate {
    let few = |random: &mut Random| (0..random.below(4)).map(|_| predicate(random, table, depth - 1)).collect();
    match random.below(if depth == 0 { 5 } else { 9 }) {
        0 => Predicate::All,
        5 => Predicate::And(few(random)),
        6 => Predicate::Or(few(random)),
        7 => Predicate::Not(Box::new(predicate(random, table, depth - 1))),
        _ => is(random, table),
    }
}

fn is(random: &mut Random, table: &Table) -> Predicate {
    let exchanges = table.name == TABLES[0].name;
    let (field, kind) = match random.below(10) {
        0 => (Field::Computed(Computed::Duration), Kind::Duration),
        1 => (Field::AnyText, Kind::Text),
        2 if exchanges => (Field::Computed(Computed::Wait), Kind::Duration),
        3 if exchanges => return Predicate::Is(Field::Computed(class(random)), any_class(random)),
        4 => (Field::Header(side(random, table), "x-tenant".into()), Kind::Text),
        _ => {
            let index = column(random, table);
            (Field::Column(index), table.columns[index].kind)
        }
    };
    let test = if random.one_in(6) { Test::Exists } else { test(random, kind) };
    Predicate::Is(field, test)
}

fn test(random: &mut Random, kind: Kind) -> Test {
    match kind {
        Kind::Instant => Test::Int(vec![ints(random, BEGIN, END)]),
        Kind::Duration => Test::Int(vec![ints(random, 0, 2_000_000_000), IntRange { from: 0, to: 0 }]),
        Kind::Size | Kind::Integer => Test::Int(vec![ints(random, 0, 600), ints(random, 400, 70_000)]),
        Kind::Hash => Test::Int(vec![ints(random, i64::MIN, i64::MAX)]),
        Kind::Flag => Test::Flag(random.one_in(2)),
        Kind::Address if random.one_in(2) => {
            let address = random.of(&["10.1.0.0", "2001:db8::", "0.0.0.0"]).parse().expect("an address");
            let prefix = u8::try_from(random.below(33)).unwrap_or(0);
            Test::Network(vec![Network { address, prefix }])
        }
        _ => Test::Text(text(random)),
    }
}

fn ints(random: &mut Random, from: i64, to: i64) -> IntRange {
    let first = random.between(from, to);
    IntRange { from: first, to: random.between(first, to) }
}

fn text(random: &mut Random) -> TextTest {
    let word = |random: &mut Random| {
        random.of(&[random.clone().of(WORDS), random.clone().of(SERVICES), random.clone().of(PATHS)])
    };
    let regex = |pattern: &str| regex::Regex::new(pattern).expect("a pattern of ours");
    match random.below(5) {
        0 => TextTest::OneOf(vec![word(random).to_owned(), word(random).to_owned()]),
        1 => TextTest::Pattern(regex(random.of(&["^(?s:.*)art(?s:.*)$", "^/(?s:.*)$", "^GE.$", "^$"]))),
        2 => TextTest::Regex(regex(random.of(&["[0-9]+", "(?i)CART", "^.$", "x*"]))),
        3 => TextTest::Contains(random.of(&["car", "ß", "\"", "t1", "\n", "", "shop.example", "q=1"]).to_owned()),
        _ => TextTest::Word(vec![word(random).to_owned()]),
    }
}

fn class(random: &mut Random) -> Computed {
    let fast_ns = random.between(0, 600_000_000);
    Computed::Class(Thresholds { fast_ns, slow_ns: fast_ns + random.between(0, 1_000_000_000) })
}

fn any_class(random: &mut Random) -> Test {
    let name = random.of(&["fast", "medium", "slow", "error", "open", "upgrade", "nonsense"]);
    Test::Text(TextTest::OneOf(vec![name.to_owned()]))
}

/// A side that the table has most of the time.
fn side(random: &mut Random, table: &Table) -> HeaderSide {
    match table.name {
        "points" => HeaderSide::Labels,
        "log_records" => HeaderSide::Fields,
        _ => *random.of(&[&HeaderSide::Request, &HeaderSide::Response, &HeaderSide::Either]),
    }
}

fn column(random: &mut Random, table: &Table) -> usize {
    usize::try_from(random.below(table.columns.len() as u64)).unwrap_or(0)
}

fn key(random: &mut Random, selection: &Selection) -> Key {
    let exchanges = selection.table.name == TABLES[0].name;
    match random.below(9) {
        0 if exchanges => match class(random) {
            Computed::Class(thresholds) => Key::Class(thresholds),
            _ => Key::Column(0),
        },
        1 => Key::Header(side(random, selection.table), "x-tenant".into()),
        2 if exchanges => Key::Caller(Arc::new(callers(random, selection.table))),
        3 => Key::Bucket(buckets(random, selection.range)),
        4 | 5 => Key::Buckets(buckets(random, selection.range)),
        _ => Key::Column(column(random, selection.table)),
    }
}

fn callers(random: &mut Random, table: &Table) -> Callers {
    let column = |name: &str| table.column(name).unwrap_or_default();
    let some = |random: &mut Random| ADDRESSES.iter().filter(|_| random.one_in(2)).map(|a| (*a).into()).collect();
    let (client, origin) = (column("client.address"), column("origin.address"));
    Callers { client, origin, gateways: some(random), named: some(random) }
}

/// Buckets that cover the range; their origin lies on a multiple of the step.
fn buckets(random: &mut Random, range: TimeRange) -> Buckets {
    let (from, to) = (range.from.max(BEGIN), range.to.clamp(BEGIN + 1, END));
    let step = *random.of(&[&100_000_000, &1_000_000_000, &60_000_000_000, &3_600_000_000_000, &7_000_000_001]);
    let origin = from - from.rem_euclid(step);
    let count = (to.max(from + 1) - origin).div_euclid(step) + 1;
    Buckets { origin, step, count: u32::try_from(count).unwrap_or(u32::MAX) }
}

fn number(random: &mut Random, table: &Table) -> Number {
    if random.one_in(3) {
        return Number::Computed(if random.one_in(2) { Computed::Duration } else { Computed::Wait });
    }
    let numeric = |column: &Column| matches!(column.kind, Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer);
    let columns: Vec<usize> = (0..table.columns.len()).filter(|&index| numeric(&table.columns[index])).collect();
    let refs: Vec<&usize> = columns.iter().collect();
    Number::Column(*random.of(&refs))
}

/// Sketches where there are some.
fn last_or_sketch(random: &mut Random, table: &Table, number: Number) -> Measure {
    match table.column("sketch").filter(|_| random.one_in(2)) {
        Some(column) => Measure::Sketch(column),
        None => Measure::Last(number),
    }
}

/// Of any columns: those without integers have no means.
fn means(random: &mut Random, table: &Table) -> Measure {
    let of = [column(random, table), column(random, table)];
    Measure::Means(Means { sum: column(random, table), count: column(random, table), of })
}

fn measure(random: &mut Random, table: &Table) -> Measure {
    let number = number(random, table);
    match random.below(8) {
        0 => Measure::Count,
        7 => means(random, table),
        6 => last_or_sketch(random, table, number),
        5 => Measure::Outcomes,
        1 => Measure::Sum(number),
        2 => Measure::Min(number),
        3 => Measure::Max(number),
        _ => Measure::Histogram(number),
    }
}
